//! Agents in the configuration (agents.md A1, turns.md T27).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::model::{Limits, Pty};

/// Which agent runs what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AgentConfig {
    pub default: String,
    pub order: Vec<String>,
    pub unattended: bool,
    pub roles: BTreeMap<String, String>,
    pub prompts: BTreeMap<String, String>,
}

impl Default for AgentConfig {
    fn default() -> Self {
        let order = ["claude", "codex", "gemini", "opencode", "cursor", "copilot", "amp", "goose", "aider"];
        Self {
            default: "auto".into(),
            order: order.map(String::from).to_vec(),
            unattended: false,
            roles: BTreeMap::new(),
            prompts: BTreeMap::new(),
        }
    }
}

/// An agent as data; what is not set keeps the built-in record's value.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AgentRecord {
    pub command: Option<Vec<String>>,
    pub prompt: Option<Delivery>,
    pub model: Option<Model>,
    pub output: Option<String>,
    pub pty: Option<Pty>,
    pub success_codes: Option<Vec<i32>>,
    pub limits: Limits,
    pub env: BTreeMap<String, String>,
    pub unattended: Option<bool>,
}

/// How an agent is given its prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    #[default]
    Stdin,
    File,
    Arg,
    Body,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Model {
    pub flag: Option<String>,
    pub value: Option<String>,
}

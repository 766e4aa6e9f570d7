//! Agents in the configuration (agents.md A1, turns.md T27).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::supervision::{Limits, Pty};

/// Which agent runs what. Keys of `roles` and `prompts` stand as written; who looks them up
/// normalises them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
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
#[serde(default, deny_unknown_fields)]
pub struct AgentRecord {
    pub command: Option<Vec<String>>,
    pub prompt: Option<Delivery>,
    pub model: Option<Model>,
    pub output: Option<String>,
    pub pty: Option<Pty>,
    pub success_codes: Option<Vec<i32>>,
    pub resume: Option<Vec<String>>,
    pub recover: Option<Recover>,
    pub fallback: Option<Vec<String>>,
    pub limits: Limits,
    pub env: BTreeMap<String, String>,
    pub unattended: Option<bool>,
    pub http: Option<HttpAgent>,
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
#[serde(default, deny_unknown_fields)]
pub struct Model {
    pub flag: Option<String>,
    pub value: Option<String>,
}

/// Where an agent keeps its sessions (oneshot.md O8); `{session}` stands for the id.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recover {
    pub store: Option<String>,
}

/// A model behind HTTP instead of a command.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpAgent {
    pub url: Option<String>,
    pub api: Option<HttpApi>,
    pub model: Option<String>,
    /// The environment variable that holds the key.
    pub key_env: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HttpApi {
    OpenaiChat,
    OpenaiResponses,
    Ollama,
}

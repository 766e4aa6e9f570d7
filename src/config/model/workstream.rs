//! Tools and routing of workstreams (workstreams.md W8, W14).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::duration::Secs;

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Workstream {
    pub tools: BTreeMap<String, Tool>,
    /// The first rule that matches decides.
    pub routing: Vec<RoutingRule>,
    pub quarantine: Quarantine,
}

/// What a step can be given to: exactly one of `agent`, `run`, `shell` and `python` is set.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tool {
    pub agent: Option<String>,
    pub run: Option<Vec<String>>,
    pub shell: Option<String>,
    pub python: Option<String>,
    pub kinds: Vec<String>,
    pub domains: Vec<String>,
    pub max_parallel: Option<u64>,
    pub timeout_secs: Option<Secs>,
    pub safety: Option<Level>,
}

/// One rule of the tool router.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RoutingRule {
    pub id: String,
    #[serde(rename = "match")]
    pub matches: Match,
    /// Tools to choose from.
    pub from: Vec<String>,
    pub strategy: Strategy,
    pub validate_with: Vec<String>,
    pub required: bool,
}

/// What a rule asks of a step; an empty list asks nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Match {
    pub kind: Vec<String>,
    pub domain: Vec<String>,
    pub risk: Vec<Level>,
    pub complexity: Vec<Complexity>,
}

/// A risk, or the risk that a tool is trusted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Low,
    Medium,
    High,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Complexity {
    Simple,
    Moderate,
    Complex,
}

/// How one of several usable tools is picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    Fixed,
    RoundRobin,
    #[default]
    Auto,
}

/// When a run is set aside (W8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quarantine {
    pub same_error: u64,
}

impl Default for Quarantine {
    fn default() -> Self {
        Self { same_error: 3 }
    }
}

//! Tools and routing of workstreams (workstreams.md W8, W14).

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::config::duration::Secs;

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Workstream {
    pub tools: Tools,
    /// The first rule that matches decides.
    pub routing: Vec<RoutingRule>,
    pub quarantine: Quarantine,
}

/// Tools by name, in the order of the file: without a rule the first that can do a step is taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tools(pub Vec<(String, Tool)>);

impl Tools {
    pub fn get(&self, name: &str) -> Option<&Tool> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, tool)| tool)
    }
}

impl Serialize for Tools {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, tool)| (name, tool)))
    }
}

impl<'de> Deserialize<'de> for Tools {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A JSON object keeps its order here.
        let map = serde_json::Map::deserialize(deserializer)?;
        let tool = |(name, value)| Ok((name, serde_json::from_value(value).map_err(D::Error::custom)?));
        map.into_iter().map(tool).collect::<Result<_, _>>().map(Self)
    }
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

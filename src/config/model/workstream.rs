//! Tools and routing of workstreams (workstreams.md W8, W14).

use std::collections::BTreeMap;

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

/// What a step can be given to: exactly one of `agent`, `run`, `shell`, `python` and `http` is set.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tool {
    pub agent: Option<String>,
    pub run: Option<Vec<String>>,
    pub shell: Option<String>,
    pub python: Option<String>,
    pub http: Option<HttpTool>,
    pub kinds: Vec<String>,
    pub domains: Vec<String>,
    pub max_parallel: Option<u64>,
    pub timeout_secs: Option<Secs>,
    pub safety: Option<Level>,
}

/// A request to a server.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpTool {
    /// `${NAME}` in it and in headers is a variable of the environment.
    pub url: String,
    pub method: HttpMethod,
    pub headers: BTreeMap<String, String>,
    /// A template; unset: the prompt, where the method has a body.
    pub body: Option<String>,
    /// Statuses that are a success; empty: 200 to 299.
    pub expect: Vec<u16>,
    /// Which part of the answer an output is, as JSON pointers.
    pub outputs: BTreeMap<String, String>,
    /// Hosts that a redirect may lead to besides the one that was asked.
    pub redirect_hosts: Vec<String>,
    /// Longest answer, bytes.
    pub max_bytes: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum HttpMethod {
    Get,
    Head,
    #[default]
    Post,
    Put,
    Patch,
    Delete,
}

impl HttpMethod {
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Whether a request of this kind usually has a body.
    pub fn has_body(self) -> bool {
        matches!(self, Self::Post | Self::Put | Self::Patch)
    }
}

impl HttpTool {
    /// Variables whose values it sends: secrets, whatever they are called.
    pub fn variables(&self) -> Vec<&str> {
        let texts = std::iter::once(&self.url).chain(self.headers.values());
        texts.flat_map(|text| named(text)).collect()
    }
}

/// The names in `${NAME}`.
fn named(text: &str) -> impl Iterator<Item = &str> {
    text.split("${").skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
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

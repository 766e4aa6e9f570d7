//! A workstream, as its file says it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::duration::Secs;
use crate::config::{Complexity, Level};
use crate::workstreams::retry::Retry;
use crate::workstreams::schedule::OnFailure;

/// Steps at once where the file says nothing.
pub const MAX_PARALLEL: u64 = 4;

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Spec {
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_parallel: Option<u64>,
    pub on_failure: OnFailure,
    pub budget: Budget,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub acceptance: Vec<Gate>,
    pub steps: Vec<Step>,
}

/// Limits of a run; none is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Budget {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wall_secs: Option<Secs>,
}

/// Exactly one of `prompt`, `run`, `shell`, `python` and `oneshot` is set in a file that was checked.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Step {
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk: Option<Level>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complexity: Option<Complexity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shell: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oneshot: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_secs: Option<Secs>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<OnFailure>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<Gate>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files_scope: Option<Vec<String>>,
}

/// Exactly one of all but `timeout_secs` is set in a file that was checked.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Gate {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shell: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git_clean: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_exists: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_secs: Option<Secs>,
}

impl Spec {
    pub fn limit(&self) -> usize {
        usize::try_from(self.max_parallel.unwrap_or(MAX_PARALLEL)).unwrap_or(usize::MAX).max(1)
    }

    pub fn on_failure(&self, step: usize) -> OnFailure {
        self.steps[step].on_failure.unwrap_or(self.on_failure)
    }
}

impl Step {
    /// What it does, in one line.
    pub fn words(&self) -> String {
        let first =
            |text: &str| text.lines().next().unwrap_or_default().chars().take(200).collect::<String>();
        if let Some(argv) = &self.run {
            return shlex::try_join(argv.iter().map(String::as_str)).unwrap_or_else(|_| argv.join(" "));
        }
        let python = self.python.as_ref().map(|p| format!("python {p}"));
        let text = self.prompt.as_ref().or(self.oneshot.as_ref()).or(self.shell.as_ref()).map(|t| first(t));
        text.or(python).unwrap_or_default()
    }

    /// A tool is needed: all but the step's own command.
    pub fn is_routed(&self) -> bool {
        self.prompt.is_some() || self.oneshot.is_some()
    }
}

impl Gate {
    /// What it asks, in one line.
    pub fn words(&self) -> String {
        if let Some(argv) = &self.run {
            return shlex::try_join(argv.iter().map(String::as_str)).unwrap_or_else(|_| argv.join(" "));
        }
        let of = |word: &str, text: &Option<String>| text.as_ref().map(|t| format!("{word}{t}"));
        of("", &self.shell)
            .or_else(|| of("tool ", &self.tool))
            .or_else(|| of("file_exists ", &self.file_exists))
            .unwrap_or_else(|| "git_clean".into())
    }
}

/// Whether a text is meant as the name of a file, not as a prompt.
pub fn names_a_file(text: &str) -> bool {
    let single = !text.contains(char::is_whitespace);
    single
        && std::path::Path::new(text)
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("md") || e.eq_ignore_ascii_case("txt"))
}

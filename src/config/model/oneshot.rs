//! Worker and auditor (oneshot.md O1, O2, O4, O7, O10).

use serde::{Deserialize, Serialize};

use crate::config::duration::Secs;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Oneshot {
    /// Worker runs in all.
    pub max_iterations: u64,
    /// How often a crashed or silent auditor is run again.
    pub audit_retries: u64,
    pub max_prompt_chars: u64,
    /// Commands that must pass before DONE is believed.
    pub checks: Vec<Vec<String>>,
    /// `None`: as `agent.default` says; likewise below.
    pub worker_agent: Option<String>,
    pub worker_model: Option<String>,
    pub auditor_agent: Option<String>,
    pub auditor_model: Option<String>,
    /// `None`: as `supervision` and the agent say; likewise the next.
    pub inactivity_secs: Option<Secs>,
    pub timeout_secs: Option<Secs>,
    pub prompts: OneshotPrompts,
}

impl Default for Oneshot {
    fn default() -> Self {
        Self {
            max_iterations: 5,
            audit_retries: 1,
            max_prompt_chars: 100_000,
            checks: Vec::new(),
            worker_agent: None,
            worker_model: None,
            auditor_agent: None,
            auditor_model: None,
            inactivity_secs: None,
            timeout_secs: None,
            prompts: OneshotPrompts::default(),
        }
    }
}

/// Template files; `None` is the embedded one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OneshotPrompts {
    pub worker: Option<String>,
    pub reworker: Option<String>,
    pub auditor: Option<String>,
}

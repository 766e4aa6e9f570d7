//! Roles and their order (turns.md T7, T40).

use serde::{Deserialize, Serialize};

use super::supervision::Limits;
use crate::ids::RoleId;

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorkflowConfig {
    pub name: Option<String>,
    pub review_every_n: Option<u64>,
    /// Empty: galph and ralph; `Config::steps` gives what is in force.
    pub steps: Vec<StepConfig>,
}

/// One role of an iteration.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StepConfig {
    /// Always set in what `load` gives; its absence is reported with the rest of the file's problems.
    pub role: Option<RoleId>,
    pub prompt: String,
    pub prompts: Vec<String>,
    pub scope: Vec<String>,
    pub checks: Vec<Vec<String>>,
    pub on_check_fail: OnCheckFail,
    pub engine: Engine,
    pub limits: Limits,
}

/// What a failed check does to its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnCheckFail {
    #[default]
    Note,
    Fail,
}

/// How a turn is run: one prompt, or worker and auditor (oneshot.md O11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    #[default]
    Turn,
    Oneshot,
}

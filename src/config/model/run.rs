//! What one start is asked to do: set by flags and environment, never by the file, so that a
//! checked-in file cannot turn a person's start into another mode or role (turns.md T17 to T21).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::duration::Secs;
use crate::ids::RoleId;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Run {
    pub mode: Mode,
    pub role: Option<RoleId>,
    pub branch: Option<String>,
    /// 0: until stopped.
    pub sync_loops: u64,
    /// Pause between the iterations of combined mode.
    pub pause_secs: Secs,
    /// Bound of one wait in role mode; 0: none.
    pub max_wait_secs: Secs,
    pub no_git: bool,
    pub tolerate_doc_dirty: bool,
    /// Agents named for this start. They stand apart because they win over `agent.prompts` too (T27).
    pub agent_roles: BTreeMap<String, String>,
    pub agent_prompts: BTreeMap<String, String>,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            mode: Mode::Combined,
            role: None,
            branch: None,
            sync_loops: 20,
            pause_secs: Secs::new(0),
            max_wait_secs: Secs::new(0),
            no_git: false,
            tolerate_doc_dirty: false,
            agent_roles: BTreeMap::new(),
            agent_prompts: BTreeMap::new(),
        }
    }
}

/// One machine runs every role in order, or this one runs one role in turn with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    #[default]
    Combined,
    Role,
}

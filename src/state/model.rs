//! What a state file says, typed; the rest of it is kept as text.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::RoleId;

/// The typed content of a state file (turns.md T1).
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// From 1; grows when the last role of the workflow succeeds.
    pub iteration: u64,
    /// Whose turn it is.
    pub expected_actor: RoleId,
    pub status: Status,
    pub last_update: Timestamp,
    /// For display only: no rule reads it.
    pub lease_expires_at: Timestamp,
    /// Short commit id of HEAD when a role last ended a turn.
    pub commits: BTreeMap<RoleId, String>,
    pub last_prompt: Option<String>,
    pub last_prompt_actor: Option<RoleId>,
    /// Cooperative stop (T6). `None` and `Some(false)` differ only in whether the key is written.
    pub exit: Option<bool>,
    pub exit_reason: Option<String>,
    pub turn: Option<Turn>,
    /// Keys as found, in their order, with the text of those that are not ours.
    pub(super) source: Vec<SourceField>,
}

/// One key of the file the state was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SourceField {
    pub(super) key: String,
    /// The value's text, for keys that are not ours; ours are written from the typed fields.
    pub(super) foreign: Option<String>,
}

impl State {
    /// The state before any turn (T5, `init`).
    pub fn initial(first: RoleId, now: Timestamp) -> Self {
        Self {
            iteration: 1,
            expected_actor: first,
            status: Status::Idle,
            last_update: now,
            lease_expires_at: super::transition::lease_end(now),
            commits: BTreeMap::new(),
            last_prompt: None,
            last_prompt_actor: None,
            exit: None,
            exit_reason: None,
            turn: None,
            source: Vec::new(),
        }
    }

    /// Whether every loop must stop before its next turn.
    pub fn exits(&self) -> bool {
        self.exit == Some(true)
    }

    /// The epoch the state knows of; 0 when a peer that does not know turns wrote it last.
    pub fn epoch(&self) -> u64 {
        self.turn.as_ref().map_or(0, |t| t.epoch)
    }
}

/// What the loop is doing, as the state file says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    Idle,
    Running(RoleId),
    Waiting(RoleId),
    /// An iteration is complete.
    Complete,
    Failed,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Idle => f.write_str("idle"),
            Self::Running(role) => write!(f, "running-{role}"),
            Self::Waiting(role) => write!(f, "waiting-{role}"),
            Self::Complete => f.write_str("complete"),
            Self::Failed => f.write_str("failed"),
        }
    }
}

/// The claim of a turn (git-sync.md G4).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// New for every claim, so that no two claims have the same commit id.
    pub id: String,
    pub epoch: u64,
    pub role: RoleId,
    /// Null once the turn was handed off.
    pub holder: Option<Holder>,
    pub claimed_at: String,
    pub lease_secs: u64,
    /// Null: no lease is kept (one machine).
    pub lease_ref: Option<String>,
    /// Failures in a row; a success sets it to 0.
    #[serde(default)]
    pub failures: u64,
    /// Fields of a newer version, kept.
    #[serde(flatten)]
    pub extra: serde_json::Map<String, serde_json::Value>,
}

/// Who runs a turn, for display.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub host: String,
    pub boot: String,
    pub pid: u32,
    pub started: String,
    pub nonce: String,
}

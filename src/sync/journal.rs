//! The journal (git-sync.md G5a): what makes a turn mine, and what a restart needs to know of it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::store::{StoreError, read, write};
use crate::ids::RoleId;

/// `.orchestrator/turn.json`: the turn that is open, or the last one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Journal {
    pub version: u32,
    pub turn_id: String,
    pub epoch: u64,
    pub role: RoleId,
    pub iteration: u64,
    pub prompt: Option<String>,
    /// The claim commit; none without git, or when the state is not tracked.
    pub claim: Option<String>,
    /// HEAD before the agent ran.
    pub base: Option<String>,
    /// The mark of the agent's processes.
    pub attempt: String,
    /// What was dirty before the turn: not this turn's to commit.
    pub dirty_before: Vec<String>,
    /// The state commit that is about to be made, or was made last.
    pub announced: Option<Announced>,
    /// The turn's end was stamped.
    pub ended: bool,
}

/// A state commit in words, so that a restart can make it: the state file is written first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    pub message: String,
    /// The bytes of the state file it holds.
    pub state: String,
}

/// The version this program writes.
pub const VERSION: u32 = 1;

fn path(private: &Path) -> PathBuf {
    private.join("turn.json")
}

impl Journal {
    /// Reads the journal of a private folder; `None` before the first turn.
    pub fn read(private: &Path) -> Result<Option<Self>, StoreError> {
        read(&path(private))
    }

    /// Replaces the journal. Durable before a commit it announces.
    pub fn write(&self, private: &Path, durable: bool) -> Result<(), StoreError> {
        write(&path(private), self, durable)
    }
}

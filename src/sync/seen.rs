//! What this clone remembers between turns beyond the state: `.orchestrator/seen.json`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::store::{StoreError, read, write};
use crate::ids::RoleId;

/// Memory of a clone. A lost file costs comfort, not safety.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Seen {
    /// The highest epoch seen: a peer that drops `turn` must not make epochs repeat (G4).
    pub epoch: u64,
    /// What a failed or interrupted turn left uncommitted: that role's at the retry (T36).
    pub left_by: Option<RoleId>,
    pub left: Vec<String>,
    /// What a turn left dirty and named; nobody is told twice.
    pub named: Vec<String>,
    /// Notes for the next turn's context block.
    pub notes: Vec<String>,
    /// How the last turn ended, for the next turn's context block.
    pub previous: Option<serde_json::Value>,
}

fn path(private: &Path) -> PathBuf {
    private.join("seen.json")
}

impl Seen {
    pub fn read(private: &Path) -> Result<Self, StoreError> {
        Ok(read(&path(private))?.unwrap_or_default())
    }

    pub fn write(&self, private: &Path) -> Result<(), StoreError> {
        write(&path(private), self, false)
    }
}

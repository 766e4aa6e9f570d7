//! What this clone remembers from turn to turn for people and agents: `.orchestrator/memory.json`.
//!
//! A lost file costs comfort, not safety; what safety needs is in the journal and in `seen`.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::atomic;
use crate::ids::RoleId;

/// Paths are texts of [`path_text`](super::worktree::path_text).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// What a failed or interrupted turn left uncommitted: that role's at the retry (T36).
    pub left_by: Option<RoleId>,
    pub left: Vec<String>,
    /// What was left dirty and named; nobody is told twice.
    pub named: Vec<String>,
    /// Notes for the next turn's context block.
    pub notes: Vec<String>,
    /// How the last turn ended, for the next turn's context block.
    pub previous: Option<serde_json::Value>,
}

/// A memory that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("access {}: {source}", path.display())]
pub struct MemoryError {
    pub path: PathBuf,
    pub source: io::Error,
}

impl Memory {
    /// Reads the memory of a private folder. A damaged one counts as none.
    pub fn load(private: &Path) -> Result<Self, MemoryError> {
        let path = private.join("memory.json");
        let bytes = atomic::read(&path).map_err(|source| MemoryError { path, source })?;
        Ok(bytes.and_then(|b| serde_json::from_slice(&b).ok()).unwrap_or_default())
    }

    pub fn save(&self, private: &Path) -> Result<(), MemoryError> {
        let path = private.join("memory.json");
        let written = serde_json::to_vec(self).map_err(io::Error::from);
        written
            .and_then(|bytes| atomic::overwrite(&path, &bytes))
            .map_err(|source| MemoryError { path, source })
    }
}

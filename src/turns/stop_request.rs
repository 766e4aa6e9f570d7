//! The wish to stop, left for a live loop (turns.md T6): `.orchestrator/stop-request.json`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::lock::{PRIVATE, private_folder};
use crate::sync::atomic;

/// Who asked a live loop to stop, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopRequest {
    pub reason: Option<String>,
    /// UTC.
    pub at: String,
    /// The role whose turn it came from; none: a person.
    pub role: Option<String>,
    /// The turn it came from.
    pub turn_id: Option<String>,
}

fn path(root: &Path) -> PathBuf {
    root.join(PRIVATE).join("stop-request.json")
}

impl StopRequest {
    /// Leaves the request, whole or not at all.
    pub fn leave(&self, root: &Path) -> io::Result<()> {
        private_folder(root)?;
        atomic::write(&path(root), &serde_json::to_vec(self)?, false)
    }

    /// The request that waits, if there is one. A damaged file counts as a person's request
    /// without a reason: whoever left it wanted the loop to stop.
    pub fn find(root: &Path) -> Option<Self> {
        let bytes = fs::read(path(root)).ok()?;
        let bare = Self { reason: None, at: String::new(), role: None, turn_id: None };
        Some(serde_json::from_slice(&bytes).unwrap_or(bare))
    }

    /// Removes the request once the state holds it.
    pub fn clear(root: &Path) {
        // Nothing to remove is what was wanted.
        let _ = fs::remove_file(path(root));
    }
}

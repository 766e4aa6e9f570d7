//! What a live loop waits for, for who asks: `.orchestrator/waiting.json`.
//!
//! For display only: a loop that is gone waits for nothing, whatever the file says.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::lock::{PRIVATE, private_folder};
use crate::sync::atomic;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    pub role: String,
    pub agent: String,
    pub why: String,
    /// UTC.
    pub until: String,
}

fn path(root: &Path) -> PathBuf {
    root.join(PRIVATE).join("waiting.json")
}

impl Waiting {
    /// Writes it, whole or not at all.
    pub fn leave(&self, root: &Path) -> io::Result<()> {
        private_folder(root)?;
        atomic::write(&path(root), &serde_json::to_vec(self)?, false)
    }

    pub fn find(root: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(path(root)).ok()?).ok()
    }

    pub fn clear(root: &Path) {
        // Nothing to remove is what was wanted.
        let _ = fs::remove_file(path(root));
    }
}

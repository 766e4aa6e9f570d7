//! Why a batch did not begin.

use std::io;
use std::path::PathBuf;

use crate::agents::AgentError;
use crate::sync::worktree::GitError;

/// Refused before the first task, so nothing ran.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    #[error("task {task}: {source}")]
    Agent { task: String, source: AgentError },
    #[error("task {task}: the folder {} does not exist", path.display())]
    NoFolder { task: String, path: PathBuf },
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{}: not what a batch saves: {source}", path.display())]
    Damaged { path: PathBuf, source: serde_json::Error },
    #[error("{}: written by a newer version (form {version})", path.display())]
    Newer { path: PathBuf, version: u32 },
    #[error(transparent)]
    Git(#[from] GitError),
}

//! The first-parent line of a branch, with what it says about the state file.

use std::path::Path;

use git2::Oid;

use super::error::{Doing, GitError};
use super::open::Repo;
use super::tree;

/// One commit of the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineCommit {
    pub id: Oid,
    pub short: String,
    /// The whole message.
    pub message: String,
    /// Committer's time, seconds since the epoch.
    pub at: i64,
    /// What the commit made of the state file.
    pub state: StateChange,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateChange {
    /// As the commit before it has it, or has it not.
    Same,
    Removed,
    Is(Vec<u8>),
}

impl LineCommit {
    pub fn subject(&self) -> &str {
        self.message.lines().next().unwrap_or_default()
    }
}

impl Repo {
    /// The first-parent line of `tip`, oldest first. A shallow clone has only its newer part.
    pub fn state_line(&self, tip: Oid, state: &Path) -> Result<Vec<LineCommit>, GitError> {
        let mut line = Vec::new();
        let mut at = Some(self.raw().find_commit(tip).doing("read a commit")?);
        while let Some(commit) = at {
            let parent = commit.parent(0).ok();
            let entry = |commit: &git2::Commit<'_>| -> Result<_, GitError> {
                tree::entry(&commit.tree().doing("read a commit")?, state)
            };
            let now = entry(&commit)?;
            let before = parent.as_ref().map(entry).transpose()?.flatten();
            let state = match now {
                _ if now == before => StateChange::Same,
                None => StateChange::Removed,
                Some(_) => StateChange::Is(self.blob_at(commit.id(), state)?.unwrap_or_default()),
            };
            line.push(LineCommit {
                id: commit.id(),
                short: self.short_id(commit.id())?,
                message: String::from_utf8_lossy(commit.message_bytes()).into_owned(),
                at: commit.committer().when().seconds(),
                state,
            });
            at = parent;
        }
        line.reverse();
        Ok(line)
    }
}

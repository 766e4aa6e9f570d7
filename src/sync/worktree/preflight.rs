//! What must hold before a turn (git-sync.md G6).

use std::path::PathBuf;
use std::time::SystemTime;

use git2::RepositoryState;

use super::error::GitError;
use super::repo::{Head, Repo};

/// Why no turn may begin. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum PreflightError {
    #[error("HEAD is on branch {found}, not on {expected}")]
    WrongBranch { found: String, expected: String },
    #[error("HEAD is detached at {at}")]
    Detached { at: String },
    #[error("a {operation} is in progress")]
    InProgress { operation: &'static str, leave: &'static str },
    #[error("{path} has stood for {age_secs} s: another git is at work, or one was killed", path = .path.display())]
    IndexLock { path: PathBuf, age_secs: u64 },
    #[error(transparent)]
    Git(#[from] GitError),
}

impl PreflightError {
    /// The command that mends it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::WrongBranch { expected, .. } => Some(format!("git switch {expected}")),
            Self::Detached { .. } => Some("git switch <branch>".into()),
            Self::InProgress { leave, .. } => Some((*leave).into()),
            Self::IndexLock { path, .. } => Some(format!("if no git is running: rm {}", path.display())),
            Self::Git(_) => None,
        }
    }
}

impl Repo {
    /// Right branch, not detached, nothing in progress, no stale lock. Returns the branch.
    pub fn preflight(&self, expected: Option<&str>) -> Result<String, PreflightError> {
        if let Some((operation, leave)) = self.operation() {
            return Err(PreflightError::InProgress { operation, leave });
        }
        let branch = match self.head()? {
            Head::Branch { name, .. } => name,
            Head::Detached(oid) => return Err(PreflightError::Detached { at: self.short_id(oid) }),
        };
        if let Some(expected) = expected.filter(|e| *e != branch) {
            return Err(PreflightError::WrongBranch { found: branch, expected: expected.into() });
        }
        let lock = self.git.path().join("index.lock");
        if let Ok(meta) = std::fs::metadata(&lock) {
            let age = meta.modified().ok().and_then(|m| SystemTime::now().duration_since(m).ok());
            let age_secs = age.map_or(0, |a| a.as_secs());
            return Err(PreflightError::IndexLock { path: lock, age_secs });
        }
        Ok(branch)
    }

    /// An operation that git has begun and not finished, and the command that leaves it.
    pub fn operation(&self) -> Option<(&'static str, &'static str)> {
        Some(match self.git.state() {
            RepositoryState::Clean => return None,
            RepositoryState::Merge => ("merge", "git merge --abort"),
            RepositoryState::Revert | RepositoryState::RevertSequence => ("revert", "git revert --abort"),
            RepositoryState::CherryPick | RepositoryState::CherryPickSequence => {
                ("cherry-pick", "git cherry-pick --abort")
            }
            RepositoryState::Bisect => ("bisect", "git bisect reset"),
            RepositoryState::Rebase | RepositoryState::RebaseInteractive | RepositoryState::RebaseMerge => {
                ("rebase", "git rebase --abort")
            }
            RepositoryState::ApplyMailbox | RepositoryState::ApplyMailboxOrRebase => {
                ("patch series", "git am --abort")
            }
        })
    }
}

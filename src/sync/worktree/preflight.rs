//! Is the repository fit for a turn? Asked at start, before each claim and after the agent (G6).

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use git2::RepositoryState;

use super::error::{Doing, GitError};
use super::head::Head;
use super::open::Repo;
use super::owner::{LockOwner, lock_owner};
use super::path::path_text;

/// Conflict markers are looked for in this much of the state file; a larger one is refused anyway.
const MAX_STATE: usize = 1024 * 1024;

/// Why no turn can run here now.
#[derive(Debug, thiserror::Error)]
pub enum PreflightError {
    #[error("a {operation} is in progress")]
    Operation { operation: Operation },
    #[error("HEAD is detached at {commit}{}", expected.as_ref().map(|b| format!(", not on branch {b}")).unwrap_or_default())]
    Detached { commit: String, expected: Option<String> },
    #[error("HEAD is on branch {actual}, not on {expected}")]
    WrongBranch { expected: String, actual: String },
    #[error("the index is locked by {} ({} old, {owner})", path.display(), age_text(*age))]
    IndexLocked { path: PathBuf, age: Duration, owner: LockOwner },
    #[error("conflict marker in {} at line {line}", path_text(path))]
    ConflictMarkers { path: PathBuf, line: usize },
    #[error("{} is unmerged in the index", path_text(path))]
    Unmerged { path: PathBuf },
    #[error(transparent)]
    Git(#[from] GitError),
}

impl PreflightError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Operation { operation } => {
                Some(format!("finish it, or leave it with `{}`", operation.leave()))
            }
            Self::Detached { expected, .. } => {
                Some(format!("git switch {}", expected.as_deref().unwrap_or("<branch>")))
            }
            Self::WrongBranch { expected, .. } => Some(format!("git switch {expected}")),
            Self::IndexLocked { path, owner, .. } => Some(match owner {
                LockOwner::Process { pid, .. } => format!("wait for process {pid}, or end it"),
                LockOwner::NoneSeen => format!("no process has it open: remove {}", path.display()),
                LockOwner::Unknown => format!("if no git process is running, remove {}", path.display()),
            }),
            Self::ConflictMarkers { path, .. } | Self::Unmerged { path } => {
                Some(format!("choose one side of {} and `git add` it", path_text(path)))
            }
            Self::Git(error) => error.hint(),
        }
    }
}

/// Something git was told to do and has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Merge,
    Revert,
    CherryPick,
    Bisect,
    Rebase,
    ApplyMailbox,
}

impl Operation {
    /// The command that leaves it.
    pub fn leave(self) -> &'static str {
        match self {
            Self::Merge => "git merge --abort",
            Self::Revert => "git revert --abort",
            Self::CherryPick => "git cherry-pick --abort",
            Self::Bisect => "git bisect reset",
            Self::Rebase => "git rebase --abort",
            Self::ApplyMailbox => "git am --abort",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Merge => "merge",
            Self::Revert => "revert",
            Self::CherryPick => "cherry-pick",
            Self::Bisect => "bisect",
            Self::Rebase => "rebase",
            Self::ApplyMailbox => "mailbox application",
        })
    }
}

impl Repo {
    /// Where HEAD stands, if a turn may run: on `expected` (any branch if `None`), nothing in
    /// progress, index free, state file whole.
    pub fn preflight(&self, expected: Option<&str>, state: &Path) -> Result<Head, PreflightError> {
        if let Some(operation) = self.operation() {
            return Err(PreflightError::Operation { operation });
        }
        let head = self.head()?;
        match (&head.branch, expected) {
            (None, _) => {
                let commit = head.commit.map(|id| self.short_id(id)).transpose()?.unwrap_or_default();
                return Err(PreflightError::Detached { commit, expected: expected.map(str::to_owned) });
            }
            (Some(actual), Some(expected)) if actual != expected => {
                return Err(PreflightError::WrongBranch {
                    expected: expected.to_owned(),
                    actual: actual.clone(),
                });
            }
            _ => {}
        }
        self.index_free()?;
        self.state_whole(state)?;
        Ok(head)
    }

    /// The operation git has not ended, if any.
    pub fn operation(&self) -> Option<Operation> {
        match self.git.state() {
            RepositoryState::Clean => None,
            RepositoryState::Merge => Some(Operation::Merge),
            RepositoryState::Revert | RepositoryState::RevertSequence => Some(Operation::Revert),
            RepositoryState::CherryPick | RepositoryState::CherryPickSequence => Some(Operation::CherryPick),
            RepositoryState::Bisect => Some(Operation::Bisect),
            RepositoryState::Rebase
            | RepositoryState::RebaseInteractive
            | RepositoryState::RebaseMerge
            | RepositoryState::ApplyMailboxOrRebase => Some(Operation::Rebase),
            RepositoryState::ApplyMailbox => Some(Operation::ApplyMailbox),
        }
    }

    /// Editors and prompts take the lock for a moment all the time: only one that stays counts.
    fn index_free(&self) -> Result<(), PreflightError> {
        let lock = self.git.path().join("index.lock");
        let start = Instant::now();
        loop {
            let Ok(meta) = fs::symlink_metadata(&lock) else { return Ok(()) };
            if start.elapsed() < self.lock_wait {
                thread::sleep(Duration::from_millis(20).min(self.lock_wait));
                continue;
            }
            let made = meta.modified().ok().and_then(|t| jiff::Timestamp::try_from(t).ok());
            let age = made.map(|made| self.clock.now().duration_since(made));
            let age = age.and_then(|age| Duration::try_from(age).ok()).unwrap_or_default();
            let owner = lock_owner(&lock, self.top());
            return Err(PreflightError::IndexLocked { path: lock, age, owner });
        }
    }

    fn state_whole(&self, state: &Path) -> Result<(), PreflightError> {
        let mut index = self.git.index().doing("open the index")?;
        index.read(false).doing("read the index")?;
        if (1..=3).any(|stage| index.get_path(state, stage).is_some()) {
            return Err(PreflightError::Unmerged { path: state.into() });
        }
        // An unreadable or missing state file is the state room's to report.
        let bytes = fs::read(self.top().join(state)).unwrap_or_default();
        let bytes = &bytes[..bytes.len().min(MAX_STATE)];
        let mut lines = bytes.split(|b| *b == b'\n');
        match lines.position(is_conflict_marker) {
            Some(n) => Err(PreflightError::ConflictMarkers { path: state.into(), line: n + 1 }),
            None => Ok(()),
        }
    }
}

/// A line of JSON never begins like this.
fn is_conflict_marker(line: &[u8]) -> bool {
    [&b"<<<<<<<"[..], b"=======", b">>>>>>>", b"|||||||"].iter().any(|marker| line.starts_with(marker))
}

fn age_text(age: Duration) -> String {
    match age.as_secs() {
        s @ 0..120 => format!("{s} s"),
        s @ 120..7200 => format!("{} min", s / 60),
        s => format!("{} h", s / 3600),
    }
}

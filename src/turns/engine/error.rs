//! How a loop ends, and why it may not begin.

use std::path::PathBuf;
use std::time::Duration;

use crate::agents::AgentError;
use crate::state::{IllegalTransition, StateError};
use crate::supervise::StopReason;
use crate::sync::driver::DriverError;
use crate::sync::journal::JournalError;
use crate::sync::memory::MemoryError;
use crate::sync::remote::RemoteError;
use crate::sync::seen::SeenError;
use crate::sync::worktree::{GitError, PreflightError};
use crate::turns::autocommit::BadGlob;
use crate::turns::budget::Reached;
use crate::turns::lock::LockError;
use crate::turns::state_lock::StateLockError;

/// Refused before a turn began; nothing was run.
#[derive(Debug, thiserror::Error)]
pub enum LoopError {
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    StateLock(#[from] StateLockError),
    /// Another program claimed the turn that this one was running.
    #[error("{holder} has claimed {role}'s turn meanwhile, with epoch {epoch}")]
    TakenOver { role: String, epoch: u64, holder: String },
    #[error(transparent)]
    State(#[from] StateError),
    #[error("{path} was removed by commit {commit} ({subject})", path = .path.display())]
    StateRemoved { path: PathBuf, commit: String, subject: String },
    /// Only the working file is gone: HEAD still knows whose turn it is.
    #[error("{path} is gone from the working tree; HEAD has it", path = .path.display())]
    StateLost { path: PathBuf },
    #[error(transparent)]
    Preflight(#[from] PreflightError),
    #[error("there is no git repository here")]
    NoRepository,
    #[error(transparent)]
    Git(#[from] GitError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Seen(#[from] SeenError),
    #[error(transparent)]
    Memory(#[from] MemoryError),
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// Not the agent of the next turn, but of one that follows it in the same iteration.
    #[error("agent of {role}: {source}")]
    LaterAgent { role: String, source: AgentError },
    #[error("{0} is still the template")]
    GoalIsTemplate(String),
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
    #[error("{path}: {source}", path = .path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("changed files that no turn made: {}", .0.join(", "))]
    Dirty(Vec<String>),
    /// The last turn of combined mode is unfinished.
    #[error("a turn of combined mode was not ended in this clone")]
    Unfinished,
    #[error(transparent)]
    Driver(#[from] DriverError),
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error(transparent)]
    Glob(#[from] BadGlob),
}

/// A turn that did not succeed, with all a person needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnFailure {
    pub role: String,
    pub iteration: u64,
    pub prompt: String,
    pub agent: String,
    /// `exit status 7`, `not routed`, …
    pub status: String,
    pub log: Option<String>,
    pub causes: Vec<String>,
    pub hint: Option<String>,
    /// The command that starts the same loop again.
    pub again: String,
}

/// Why a loop ended.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    /// All iterations were taken.
    Done,
    /// `exit` is set: who, when, why.
    Stopped {
        by: String,
        at: String,
        reason: Option<String>,
    },
    Failed(TurnFailure),
    /// A budget is used up, or the stall guard saw no progress.
    Limited(Reached),
    Interrupted(StopReason),
    /// One role's loop: another role is expected, and waiting was not asked for.
    NotOurTurn,
    /// One role's loop: it was waited for as long as was asked for.
    WaitedTooLong,
    /// One role's loop: a failed turn, in words, waits for somebody to decide.
    FailedSeen(String),
}

/// A loop that ran.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    pub end: End,
    pub turns: u64,
    pub took: Duration,
    /// Unknown unless every turn said it.
    pub cost_usd: Option<f64>,
}

//! Why a run did not begin.

use std::io;
use std::path::PathBuf;

use crate::agents::AgentError;
use crate::ledger::LedgerError;
use crate::sync::worktree::GitError;

/// Refused before the first step; a step that failed is a result.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("step {step}: {source}")]
    Agent { step: String, source: AgentError },
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{}: not what a workstream saves: {why}", path.display())]
    Damaged { path: PathBuf, why: String },
    #[error("run {0} is no workstream, or what it saved was removed")]
    NoWorkstream(String),
    #[error("run {run_id} is {state}; {wanted}")]
    State { run_id: String, state: String, wanted: &'static str },
    #[error("run {0} is still live")]
    Live(String),
    #[error("the ledger did not take the run in time")]
    Ledger,
    #[error(transparent)]
    Read(#[from] LedgerError),
    #[error(transparent)]
    Git(#[from] GitError),
}

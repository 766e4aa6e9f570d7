//! What a driver is told, and how it can fail.

use std::path::PathBuf;
use std::sync::Arc;

use git2::Oid;

use crate::clock::Clock;
use crate::ids::{Ids, RoleId};
use crate::state::{Holder, IllegalTransition, StateError};
use crate::sync::journal::JournalError;
use crate::sync::protocol::{BadCommitId, CommitId, Config, RefName};
use crate::sync::remote::RemoteError;
use crate::sync::seen::SeenError;
use crate::sync::worktree::GitError;

/// One clone's part, in full.
#[derive(Debug, Clone)]
pub struct Setup {
    /// What the protocol decides by.
    pub config: Config,
    /// The workflow's roles, in order.
    pub roles: Vec<RoleId>,
    /// The work branch, without `refs/heads/`.
    pub branch: String,
    /// The name of the configured remote, whose tracking ref follows what was seen.
    pub remote: Option<String>,
    /// The state file's path in the repository.
    pub state: PathBuf,
    /// The project's `.orchestrator/` folder.
    pub private: PathBuf,
    /// How long this machine's leases last; told to the others in the claim.
    pub lease_secs: u64,
    pub holder: Holder,
    pub message_suffix: Option<String>,
    /// Why a stop is asked for, where this run publishes one; of a resume, its note.
    pub stop_reason: Option<String>,
}

impl Setup {
    pub(super) fn branch_ref(&self) -> String {
        format!("refs/heads/{}", self.branch)
    }
}

/// Where this machine keeps the lease of a branch unless told otherwise (G3).
pub fn lease_ref_of(branch: &str) -> RefName {
    RefName::from(format!("refs/orchestrator/lease/{branch}"))
}

/// Where it is kept if the remote refuses that one: every host takes branches.
pub(super) fn fallback_lease_ref_of(branch: &str) -> RefName {
    RefName::from(format!("refs/heads/orchestrator-lease/{branch}"))
}

/// Time and chance.
#[derive(Clone)]
pub struct World {
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
}

/// A deed failed: as after a crash, the next start makes it right.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Seen(#[from] SeenError),
    #[error(transparent)]
    Git(#[from] GitError),
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error("the claimed state cannot be read: {0}")]
    State(#[from] StateError),
    #[error(transparent)]
    Transition(#[from] IllegalTransition),
    #[error("{0}")]
    Id(#[from] BadCommitId),
    #[error("start a thread: {0}")]
    Thread(std::io::Error),
    #[error("the protocol asked for {0} where that cannot be")]
    OutOfStep(&'static str),
}

impl DriverError {
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Journal(e) => e.hint(),
            Self::Seen(e) => e.hint(),
            Self::Git(e) => e.hint(),
            Self::Remote(e) => e.hint(),
            _ => None,
        }
    }
}

/// The protocol's id of a commit.
pub(super) fn id_of(oid: Oid) -> Result<CommitId, BadCommitId> {
    CommitId::from_bytes(oid.as_bytes())
}

/// git's id of a commit.
pub(super) fn oid_of(id: CommitId) -> Result<Oid, BadCommitId> {
    Oid::from_bytes(id.as_bytes()).map_err(|_| BadCommitId(id.to_string()))
}

//! The branch that a command reads: as it is here, or on the remote.

use std::path::PathBuf;
use std::sync::Arc;

use super::error::{Failure, INTERNAL, REFUSED, USAGE};
use super::role;
use super::setup::{Machine, Setup};
use crate::clock::SystemClock;
use crate::sync::worktree::{GitError, LineCommit, Oid, Repo};
use crate::turns::engine::{Glimpse, look};

pub(super) struct Branch {
    pub repo: Repo,
    /// `work`, or `work of git@host:x`.
    pub name: String,
    pub tip: Oid,
    /// The state file's name in the repository.
    pub state_path: PathBuf,
    pub glimpse: Option<Glimpse>,
}

pub(super) fn git(e: &GitError) -> Failure {
    let failure = Failure::new(INTERNAL, "git", "read the repository").cause(e.to_string());
    match e.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

pub(super) fn open(setup: &Setup) -> Result<Repo, Failure> {
    Repo::open(&setup.settings.root, Arc::new(SystemClock)).map_err(|e| {
        Failure::new(USAGE, "no_repository", "read the branch")
            .cause(e.to_string())
            .hint("orchestrator history")
    })
}

/// The branch that HEAD is on; `remote`: as the remote has it, its commits brought here.
pub(super) fn branch(setup: &Setup, machine: &Machine, remote: bool) -> Result<Branch, Failure> {
    let repo = open(setup)?;
    let nothing = |what: String| Failure::new(USAGE, "no_branch", "read the branch").cause(what);
    if remote {
        let glimpse = look(&setup.settings, &role::world(machine))?;
        let name = format!("{} of {}", glimpse.branch, glimpse.url);
        let tip = glimpse.tip.ok_or_else(|| {
            Failure::new(REFUSED, "no_branch", "read the branch")
                .cause(format!("there is no branch {name}"))
                .hint(format!("git push -u origin {}", glimpse.branch))
        })?;
        let state_path = glimpse.state_path.clone();
        return Ok(Branch { repo, name, tip, state_path, glimpse: Some(glimpse) });
    }
    let head = repo.head().map_err(|e| git(&e))?;
    let name = head.branch.unwrap_or_else(|| "a detached HEAD".to_owned());
    let tip = head.commit.ok_or_else(|| nothing(format!("{name} has no commit yet")))?;
    let state_path = repo.relative(&setup.settings.state_path()).map_err(|e| git(&e))?;
    Ok(Branch { repo, name, tip, state_path, glimpse: None })
}

impl Branch {
    pub(super) fn line(&self) -> Result<Vec<LineCommit>, Failure> {
        self.repo.state_line(self.tip, &self.state_path).map_err(|e| git(&e))
    }
}

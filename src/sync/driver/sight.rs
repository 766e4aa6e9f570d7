//! Listings and what a tip shows, as the protocol wants them. Used by the main loop and by the
//! lease's thread, each with its own repository and its own way to the remote.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use git2::{Oid, Repository};
use jiff::Timestamp;

use super::setup::{DriverError, Setup, id_of, oid_of};
use crate::ids::RoleId;
use crate::state::{self, State, file};
use crate::sync::message::{StateMessage, Step};
use crate::sync::protocol::{
    AtTip, CommitId, Facts, Listing, RefName, Relation, StateView, Status, Trouble, TurnId, TurnView,
};
use crate::sync::remote::{Remote, extends};
use crate::sync::worktree::{GitError, Repo};

/// What is looked at.
#[derive(Debug, Clone)]
pub(super) struct Sight {
    pub branch: String,
    pub state: PathBuf,
    pub roles: Vec<RoleId>,
    /// The last tip whose epochs were counted, and the highest up to it: no need to walk further.
    pub counted: Option<(Oid, u64)>,
}

impl Sight {
    pub(super) fn new(setup: &Setup) -> Self {
        Self {
            branch: setup.branch_ref(),
            state: setup.state.clone(),
            roles: setup.roles.clone(),
            counted: None,
        }
    }

    pub(super) fn list(
        &self,
        remote: &mut dyn Remote,
        lease: &RefName,
        rescue: Option<&RefName>,
    ) -> Result<Result<Listing, Trouble>, DriverError> {
        let mut refs = vec![self.branch.as_str(), lease.as_str()];
        refs.extend(rescue.map(RefName::as_str));
        // A tip that is new is fetched next.
        let values = match remote.look(&refs) {
            Ok(values) => values,
            Err(e) => return Ok(Err(e.trouble())),
        };
        let value = |n: usize| values.get(n).copied().flatten().map(id_of).transpose();
        Ok(Ok(Listing { branch: value(0)?, lease: value(1)?, rescue: value(2)? }))
    }

    /// Brings `tip` here, unless it is, and says what it holds and how `about` lies to it.
    pub(super) fn facts(
        &mut self,
        repo: &Repo,
        remote: &mut dyn Remote,
        tip: CommitId,
        (about, exit): (&[CommitId], Option<CommitId>),
        now: Timestamp,
    ) -> Result<Result<Facts, Trouble>, DriverError> {
        let at = oid_of(tip)?;
        if repo.raw().find_commit(at).is_err()
            && let Err(e) = remote.fetch(&self.branch, at)
        {
            return Ok(Err(e.trouble()));
        }
        let epoch = self.epoch(repo, at)?;
        let relations = about.iter().map(|c| Ok((*c, relation(repo.raw(), oid_of(*c)?, at))));
        Ok(Ok(Facts {
            tip,
            state: self.state_at(repo, at, now)?,
            epoch,
            resumed: match exit {
                Some(exit) => resumed_since(repo, at, oid_of(exit)?)?,
                None => false,
            },
            relations: relations.collect::<Result<_, DriverError>>()?,
            limit: None,
        }))
    }

    fn epoch(&mut self, repo: &Repo, tip: Oid) -> Result<u64, GitError> {
        let (known, before) = self.counted.map_or((None, 0), |(at, epoch)| (Some(at), epoch));
        let epoch = repo.max_epoch(tip, known, &self.state)?.unwrap_or(0).max(before);
        self.counted = Some((tip, epoch));
        Ok(epoch)
    }

    fn state_at(&self, repo: &Repo, tip: Oid, now: Timestamp) -> Result<AtTip, GitError> {
        Ok(match repo.blob_at(tip, &self.state)? {
            None => AtTip::Missing { removed: repo.removed_by(tip, &self.state)?.is_some() },
            Some(bytes) => match file::parse(&self.state, &bytes, &self.roles, now) {
                Ok(state) => AtTip::State(Arc::new(view_of(&state))),
                Err(e) => AtTip::Damaged(e.to_string()),
            },
        })
    }

    /// The whole state in a commit that was looked at before.
    pub(super) fn whole_state(&self, repo: &Repo, at: Oid, now: Timestamp) -> Result<State, DriverError> {
        let missing = || state::StateError::Missing { path: self.state.clone() };
        let bytes = repo.blob_at(at, &self.state)?.ok_or_else(missing)?;
        Ok(file::parse(&self.state, &bytes, &self.roles, now)?)
    }
}

/// The part of a state that the protocol decides by.
pub fn view_of(state: &State) -> StateView {
    StateView {
        iteration: state.iteration,
        expected: state.expected_actor.clone(),
        status: match &state.status {
            state::Status::Idle => Status::Idle,
            state::Status::Running(role) => Status::Running(role.clone()),
            state::Status::Waiting(role) => Status::Waiting(role.clone()),
            state::Status::Complete => Status::Complete,
            state::Status::Failed => Status::Failed,
        },
        exit: state.exits(),
        turn: state.turn.as_ref().map(|turn| TurnView {
            id: TurnId::new(&turn.id),
            epoch: turn.epoch,
            lease: Duration::from_secs(turn.lease_secs),
            lease_ref: turn.lease_ref.as_deref().map(RefName::new),
            failures: turn.failures,
        }),
    }
}

/// What is not here lies apart: it was never sent from here, nor seen.
fn relation(repo: &Repository, ours: Oid, tip: Oid) -> Relation {
    if ours == tip {
        Relation::Same
    } else if repo.find_commit(ours).is_err() {
        Relation::Apart
    } else if repo.graph_descendant_of(tip, ours).unwrap_or(false) {
        Relation::Contained
    } else if extends(repo, ours, tip).unwrap_or(false) {
        Relation::Extends
    } else {
        Relation::Apart
    }
}

/// A resume commit lies on the first-parent line of `tip` and not in `exit`.
fn resumed_since(repo: &Repo, tip: Oid, exit: Oid) -> Result<bool, GitError> {
    let found = || -> Result<bool, git2::Error> {
        let mut walk = repo.raw().revwalk()?;
        walk.simplify_first_parent()?;
        walk.push(tip)?;
        if repo.raw().find_commit(exit).is_ok() {
            walk.hide(exit)?;
        }
        for id in walk {
            let commit = repo.raw().find_commit(id?)?;
            let message = commit.message_bytes();
            if message.starts_with(b"[SYNC") {
                let message = StateMessage::parse(&String::from_utf8_lossy(message));
                if message.is_some_and(|m| m.step == Step::Resume) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    };
    found().map_err(|source| GitError::Git { action: "walk the history", source })
}

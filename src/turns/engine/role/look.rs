//! One look at the remote, for commands that tell of it: no turn, no lock, no change.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;

use super::{LoopError, RoleWorld, Settings, setup};
use crate::state::{Holder, State, file};
use crate::sync::driver::lease_ref_of;
use crate::sync::remote::Connector;
use crate::sync::worktree::{Oid, Repo};
use crate::turns::engine::start::open_git;

/// The work branch on the remote.
#[derive(Debug, Clone)]
pub struct Glimpse {
    /// Where it is, without a password.
    pub url: String,
    pub branch: String,
    /// The state file's name in the repository.
    pub state_path: PathBuf,
    /// `None`: there is no such branch. Its objects are here.
    pub tip: Option<Oid>,
    pub state: AtTip,
    /// The lease that the state's turn names.
    pub beat: Option<Beat>,
    pub notices: Vec<String>,
}

#[derive(Debug, Clone)]
pub enum AtTip {
    Missing,
    Damaged(String),
    State(Box<State>),
}

/// The last renewal of a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beat {
    pub turn: String,
    pub epoch: u64,
    pub holder: Option<Holder>,
    /// By the clock of the machine that made it.
    pub at: Timestamp,
}

#[derive(Deserialize)]
struct Note {
    turn: String,
    epoch: u64,
    #[serde(default)]
    holder: Option<Holder>,
}

/// Lists the branch and its lease, and brings their commits here.
///
/// # Errors
/// No repository, no remote, no answer.
pub fn look(settings: &Settings, world: &RoleWorld) -> Result<Glimpse, LoopError> {
    let git = open_git(settings, &world.clock)?.ok_or(LoopError::NoRepository)?;
    let repo = Repo::open(&settings.root, Arc::clone(&world.clock))?;
    let (connector, _, _) = setup::connect(settings, world, &repo, &git.branch)?;
    let mut glimpse = Glimpse {
        url: connector.shown_url(),
        branch: git.branch.clone(),
        state_path: git.state_path,
        tip: None,
        state: AtTip::Missing,
        beat: None,
        notices: connector.notices().to_vec(),
    };
    fill(&mut glimpse, settings, &connector, &repo, world.clock.now())?;
    Ok(glimpse)
}

fn fill(
    glimpse: &mut Glimpse,
    settings: &Settings,
    connector: &Connector,
    repo: &Repo,
    now: Timestamp,
) -> Result<(), LoopError> {
    let mut remote = connector.open();
    let branch = format!("refs/heads/{}", glimpse.branch);
    let known = |id: Oid| repo.raw().find_commit(id).is_ok();
    glimpse.tip = remote.look(&[&branch])?.into_iter().next().flatten();
    let Some(tip) = glimpse.tip else { return Ok(()) };
    if !known(tip) {
        remote.fetch(&branch, tip)?;
    }
    if let Some(bytes) = repo.blob_at(tip, &glimpse.state_path)? {
        glimpse.state = match file::parse(&glimpse.state_path, &bytes, &settings.roles(), now) {
            Ok(state) => AtTip::State(Box::new(state)),
            Err(e) => AtTip::Damaged(e.to_string()),
        };
    }
    let turn = glimpse.state().and_then(|s| s.turn.as_ref());
    // Where a turn keeps no lease there is none to see.
    let lease = match turn {
        Some(turn) => turn.lease_ref.clone(),
        None => Some(lease_ref_of(&glimpse.branch).to_string()),
    };
    let Some(lease) = lease else { return Ok(()) };
    let Some(value) = remote.look(&[&lease])?.into_iter().next().flatten() else { return Ok(()) };
    if !known(value) {
        remote.fetch(&lease, value)?;
    }
    if let Ok(commit) = repo.raw().find_commit(value)
        && let Ok(note) = serde_json::from_slice::<Note>(commit.message_bytes())
    {
        let at = Timestamp::from_second(commit.committer().when().seconds()).unwrap_or_default();
        glimpse.beat = Some(Beat { turn: note.turn, epoch: note.epoch, holder: note.holder, at });
    }
    Ok(())
}

impl Glimpse {
    pub fn state(&self) -> Option<&State> {
        match &self.state {
            AtTip::State(state) => Some(state),
            AtTip::Missing | AtTip::Damaged(_) => None,
        }
    }
}

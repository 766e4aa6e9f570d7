//! What the turns of all machines came to, as the trailers on the branch tell it (agents.md A9).
//!
//! Counted from the newest commit by which a person let the loops go on (`resume`) or by which the state began
//! (`init`): a limit that is used up is one that a person may grant anew.

use git2::Oid;

use super::message::{StateMessage, Step, Trailers};
use super::worktree::{GitError, Repo};

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    Succeeded,
    Failed,
    Interrupted,
}

/// One turn's stamp.
#[derive(Debug, Clone, PartialEq)]
pub struct HandOff {
    pub how: How,
    pub trailers: Trailers,
    /// Commits lie between claim and stamp.
    pub progress: bool,
}

/// The stamps up to a tip, oldest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HandOffs {
    at: Option<Oid>,
    list: Vec<HandOff>,
}

impl HandOffs {
    pub fn list(&self) -> &[HandOff] {
        &self.list
    }

    /// Takes in what came since the last look; only that is read, where the tip leads on from it.
    ///
    /// # Errors
    /// A commit that cannot be read.
    pub fn advance(&mut self, repo: &Repo, tip: Oid) -> Result<(), GitError> {
        let trouble = |source| GitError::Git { action: "walk the history", source };
        let mut fresh = Vec::new();
        let mut at = Some(repo.raw().find_commit(tip).map_err(trouble)?);
        let mut whole = true;
        while let Some(commit) = at {
            if Some(commit.id()) == self.at {
                whole = false;
                break;
            }
            let message = state_message(&commit);
            let parent = commit.parent(0).ok();
            match message.as_ref().map(|m| &m.step) {
                Some(Step::Init | Step::Resume) => break,
                Some(step) => {
                    if let Some(how) = how(step) {
                        let claimed = parent.as_ref().and_then(state_message);
                        let progress = claimed.is_none_or(|m| m.step != Step::Running);
                        let trailers = message.map(|m| m.trailers).unwrap_or_default();
                        fresh.push(HandOff { how, trailers, progress });
                    }
                }
                None => {}
            }
            at = parent;
        }
        if whole {
            self.list.clear();
        }
        self.list.extend(fresh.into_iter().rev());
        self.at = Some(tip);
        Ok(())
    }
}

fn how(step: &Step) -> Option<How> {
    match step {
        Step::Ok { .. } => Some(How::Succeeded),
        Step::Fail { .. } => Some(How::Failed),
        Step::Interrupted => Some(How::Interrupted),
        Step::Init | Step::Running | Step::Released | Step::Exit | Step::Resume | Step::StartActor => None,
    }
}

fn state_message(commit: &git2::Commit<'_>) -> Option<StateMessage> {
    let bytes = commit.message_bytes();
    bytes.starts_with(b"[SYNC").then(|| StateMessage::parse(&String::from_utf8_lossy(bytes))).flatten()
}

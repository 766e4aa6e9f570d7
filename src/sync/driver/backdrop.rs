//! What stands on the remote while something is said, for whoever puts it into words.

use git2::Oid;
use jiff::Timestamp;
use serde::Deserialize;

use super::setup::oid_of;
use super::shell::Shell;
use crate::state::{Holder, State};
use crate::sync::message::{StateMessage, Step, Trailers};
use crate::sync::protocol::{Message, RescueWhy};

/// How far back the commit is looked for that tells of a failure or of a holder.
const LOOK_BACK: usize = 200;

/// The remote as this clone saw it last. Everything is optional: what cannot be read is left out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Backdrop {
    pub state: Option<State>,
    /// The newest sign of the turn that runs.
    pub lease: Option<LeaseNote>,
    /// The state before our claim.
    pub before: Option<State>,
    /// Of the turn that failed last.
    pub failure: Option<Failed>,
    /// The tip, in full.
    pub tip: Option<String>,
    pub rescue_why: Option<String>,
    /// Who gave the turn back that we held.
    pub released_by: Option<String>,
}

/// What a lease commit says (G3).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LeaseNote {
    pub turn: String,
    pub holder: Holder,
    pub beat: u64,
    /// The holder waits for a rate limit until then, in UTC (agents.md A6).
    #[serde(default)]
    pub not_before: Option<String>,
}

/// A failed turn, as its stamp tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Failed {
    pub trailers: Trailers,
    pub iteration: u64,
    /// Where it ran, if its claim says so.
    pub host: Option<String>,
}

impl Shell<'_> {
    /// Only what this message is about is looked up; most need nothing.
    pub(super) fn backdrop(&mut self, message: &Message) -> Backdrop {
        let now = self.now();
        let tip = self.memory.tip.and_then(|id| oid_of(id).ok());
        let mut found = Backdrop { tip: tip.map(|id| id.to_string()), ..Backdrop::default() };
        match message {
            Message::Waiting { .. } | Message::LooksDead { .. } => {
                found.state = tip.and_then(|tip| self.state_in(tip, now));
                found.lease = self.lease_note(found.state.as_ref());
                if found.state.as_ref().is_some_and(|s| s.status == crate::state::Status::Failed) {
                    found.failure = tip.and_then(|tip| self.failure(tip, now));
                }
            }
            Message::Fenced { .. } => {
                found.state = tip.and_then(|tip| self.state_in(tip, now));
                found.released_by = tip.and_then(|tip| self.released_by(tip));
            }
            Message::Published { .. } => {
                found.state = tip.and_then(|tip| self.state_in(tip, now));
            }
            Message::Won { .. } => {
                let claim = self.journal.turn.as_ref().and_then(|t| oid_of(t.claim).ok());
                let parent = claim.and_then(|id| self.repo.raw().find_commit(id).ok()?.parent_id(0).ok());
                found.before = parent.and_then(|id| self.state_in(id, now));
            }
            Message::Rescued { .. } | Message::RescueKeptHere { .. } => {
                found.rescue_why = self.journal.rescue.as_ref().map(|r| match &r.why {
                    RescueWhy::Fenced => "the turn was lost".to_owned(),
                    RescueWhy::Conflict(names) => {
                        format!("the work conflicts with what others pushed: {names}")
                    }
                    RescueWhy::Astray(why) => why.clone(),
                });
            }
            _ => {}
        }
        found
    }

    fn state_in(&self, at: Oid, now: Timestamp) -> Option<State> {
        self.sight.whole_state(&self.repo, at, now).ok()
    }

    fn lease_note(&mut self, state: Option<&State>) -> Option<LeaseNote> {
        let turn = state?.turn.as_ref().filter(|t| t.holder.is_some())?;
        let name = turn.lease_ref.clone()?;
        let value = self.remote.look(&[name.as_str()]).ok()?.first().copied().flatten()?;
        if self.repo.raw().find_commit(value).is_err() {
            self.remote.fetch(&name, value).ok()?;
        }
        let commit = self.repo.raw().find_commit(value).ok()?;
        // Old values of other turns stay on the ref until the next renewal.
        serde_json::from_slice::<LeaseNote>(commit.message_bytes()).ok().filter(|note| note.turn == turn.id)
    }

    /// The author of the newest state commit, if it is a release.
    fn released_by(&self, tip: Oid) -> Option<String> {
        let mut at = self.repo.raw().find_commit(tip).ok();
        for _ in 0..LOOK_BACK {
            let commit = at?;
            match StateMessage::parse(&String::from_utf8_lossy(commit.message_bytes())) {
                Some(StateMessage { step: Step::Released, .. }) => {
                    return Some(String::from_utf8_lossy(commit.author().name_bytes()).into_owned());
                }
                Some(_) => return None,
                None => at = commit.parent(0).ok(),
            }
        }
        None
    }

    fn failure(&self, tip: Oid, now: Timestamp) -> Option<Failed> {
        let mut at = self.repo.raw().find_commit(tip).ok();
        let mut found: Option<Failed> = None;
        for _ in 0..LOOK_BACK {
            let commit = at?;
            let message = StateMessage::parse(&String::from_utf8_lossy(commit.message_bytes()));
            match (message, &mut found) {
                (Some(StateMessage { step: Step::Fail { .. }, trailers, iteration, .. }), None) => {
                    found = Some(Failed { trailers, iteration, host: None });
                }
                (Some(m), Some(failed))
                    if m.step == Step::Running && m.trailers.turn_id == failed.trailers.turn_id =>
                {
                    let holder = self.state_in(commit.id(), now).and_then(|s| s.turn?.holder);
                    failed.host = holder.map(|h| h.host);
                    return found;
                }
                _ => {}
            }
            at = commit.parent(0).ok();
        }
        found
    }
}

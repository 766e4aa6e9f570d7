//! Changing the state: journal, file, commit, in this order.

use super::{Engine, Git, LoopError};
use crate::ids::RoleId;
use crate::state::{Event, State, file, transition};
use crate::sync::journal::Announced;
use crate::sync::message::{Subject, Trailers, state_message};
use crate::turns::settings::Settings;

impl Engine<'_> {
    /// Applies an event and makes it last. The journal is written by the caller's `journal` when
    /// there is one; without git it need not survive a power cut, for then no process does either.
    pub(super) fn apply(
        &mut self,
        event: Event,
        subject: impl FnOnce(&State) -> Subject,
        trailers: &Trailers,
    ) -> Result<(), LoopError> {
        let roles = self.settings.roles();
        let next = transition(&self.state, event, &roles, self.world.clock.now())?;
        let message =
            state_message(&subject(&next), self.settings.config.sync.message_suffix.as_deref(), trailers);
        self.record(next, &message)
    }

    pub(super) fn record(&mut self, next: State, message: &str) -> Result<(), LoopError> {
        let text = next.render(&self.settings.roles());
        let commits = self.git.as_ref().is_some_and(|g| g.commits_state);
        if let Some(journal) = &mut self.journal {
            journal.announced =
                commits.then(|| Announced { message: message.to_owned(), state: text.clone() });
            journal.write(&self.settings.private(), commits)?;
        }
        let path = self.settings.state_path();
        file::write_durably(&path, text.as_bytes())?;
        self.state = next;
        if let Some(git) = self.git.as_ref().filter(|g| g.commits_state) {
            git.commit_state(text.as_bytes(), message, self.world.clock.now())?;
        }
        if self.seen.epoch < self.state.epoch() {
            self.seen.epoch = self.state.epoch();
        }
        Ok(())
    }

    /// A commit id for `<role>_commit`: HEAD, short; none without git.
    pub(super) fn head_id(&self) -> Option<String> {
        let git = self.git.as_ref()?;
        git.repo.tip(&git.branch).map(|oid| git.repo.short_id(oid))
    }

    pub(super) fn save_seen(&mut self) -> Result<(), LoopError> {
        Ok(self.seen.write(&self.settings.private())?)
    }
}

impl Git {
    /// One commit on the branch's tip that holds this state, and the index told of it.
    pub(super) fn commit_state(
        &self,
        bytes: &[u8],
        message: &str,
        now: jiff::Timestamp,
    ) -> Result<(), LoopError> {
        let tip = self.repo.tip(&self.branch);
        let oid = self.repo.commit_state(tip, &self.state_path, bytes, message, now)?;
        self.repo.advance(&self.branch, tip, oid, message.lines().next().unwrap_or("state"))?;
        // On another branch, or in the middle of an operation, the index is not this branch's.
        if self.repo.operation().is_none() && self.repo.head()?.branch() == Some(self.branch.as_str()) {
            self.repo.mirror_state(&self.state_path, bytes)?;
        }
        Ok(())
    }
}

/// The subject for a state that no journal explains: someone changed the file by hand.
pub(super) fn subject_for(state: &State, settings: &Settings) -> Subject {
    let actor: RoleId = state.expected_actor.clone();
    let iteration = state.iteration;
    match &state.status {
        _ if state.exits() => Subject::Exit { iteration, actor },
        crate::state::Status::Idle if *settings.workflow.first() == actor && iteration == 1 => {
            Subject::Init { actor }
        }
        crate::state::Status::Running(_) => Subject::Claim { iteration, actor },
        _ => Subject::StartActor { iteration, actor },
    }
}

//! Changing the state: journal, file, commit, in this order.

use super::{Engine, Git, LoopError};
use crate::ids::RoleId;
use crate::state::{Event, State, Status, file, transition};
use crate::sync::journal::{self, Announced};
use crate::sync::message::{PROTOCOL, StateMessage, Step, Trailers};
use crate::sync::seen::{self, Seen};
use crate::turns::settings::Settings;

impl Engine<'_> {
    /// Applies an event and makes it last, with a message of `step` by `actor`.
    pub(super) fn apply(
        &mut self,
        event: Event,
        step: Step,
        actor: RoleId,
        trailers: Trailers,
    ) -> Result<(), LoopError> {
        let roles = self.settings.roles();
        let event = match event {
            Event::Stop { reason } => Event::Stop { reason: self.masked(reason) },
            other => other,
        };
        let next = transition(&self.state, event, &roles, self.world.clock.now())?;
        let message = self.message(step, actor, next.iteration, trailers);
        self.record(next, &message)
    }

    /// Free text on its way into the state, which everybody reads.
    pub(super) fn masked(&self, text: Option<String>) -> Option<String> {
        text.map(|text| self.settings.redactor.text(&text).into_owned())
    }

    pub(super) fn message(&self, step: Step, actor: RoleId, iteration: u64, trailers: Trailers) -> String {
        let text = message(self.settings, step, actor, iteration, trailers);
        self.settings.redactor.text(&text).into_owned()
    }

    /// Makes a state last.
    pub(super) fn record(&mut self, next: State, message: &str) -> Result<(), LoopError> {
        let text = next.render(&self.settings.roles());
        let commits = self.git.as_ref().is_some_and(|g| g.commits_state);
        // Without git there is nothing to commit after a crash and no file that is a turn's: the
        // state says it all.
        if let Some(journal) = self.journal.as_mut().filter(|_| self.git.is_some()) {
            journal.announced =
                commits.then(|| Announced { message: message.to_owned(), state: text.clone() });
            journal.save(&journal::path_in(&self.settings.private()), commits)?;
        }
        let path = self.settings.state_path();
        let prepared = file::prepare(&path, text.as_bytes())?;
        // The state never says that a turn has ended which the records would take for running after a kill.
        self.world.sink.settle();
        prepared.put()?;
        self.state = next;
        if let Some(git) = self.git.as_ref().filter(|g| g.commits_state) {
            git.commit_state(text.as_bytes(), message)?;
        }
        let tip = self.tip()?;
        self.seen.note_epoch(self.state.epoch(), tip);
        Ok(())
    }

    /// A commit id for `<role>_commit`: HEAD, short; none without git.
    pub(super) fn head_id(&self) -> Result<Option<String>, LoopError> {
        let Some(git) = &self.git else { return Ok(None) };
        Ok(self.tip()?.map(|oid| git.repo.short_id(oid)).transpose()?)
    }

    pub(super) fn save_memory(&mut self) -> Result<(), LoopError> {
        let secrets = &self.settings.redactor;
        if let Some(previous) = &mut self.memory.previous {
            secrets.json(previous);
        }
        for note in &mut self.memory.notes {
            *note = secrets.text(note).into_owned();
        }
        Ok(self.memory.save(&self.settings.private())?)
    }

    /// At the end of a run: a killed one forgets epochs that it wrote itself, and these are read again from the state
    /// and the branch.
    pub(super) fn save_seen(&mut self) -> Result<(), LoopError> {
        let path = seen::path_in(&self.settings.private());
        self.enter()?;
        if self.folder.is_some() {
            self.seen.note_epoch(Seen::load(&path)?.epoch, None);
        }
        let saved = self.seen.save(&path, false);
        self.leave();
        Ok(saved?)
    }
}

impl Git {
    /// One commit on the branch's tip that holds this state, and the index told of it.
    pub(super) fn commit_state(&self, bytes: &[u8], message: &str) -> Result<(), LoopError> {
        let tip = self.repo.branch_tip(&self.branch)?;
        let oid = self.repo.commit_state(tip, &self.state_path, bytes, message)?;
        self.repo.advance(&self.branch, tip, oid, message.lines().next().unwrap_or("state"))?;
        // On another branch, or in the middle of an operation, the index is not this branch's.
        if self.repo.operation().is_none() && self.repo.head()?.branch.as_ref() == Some(&self.branch) {
            self.repo.mirror_state(&self.state_path, bytes)?;
        }
        Ok(())
    }
}

pub(super) fn message(
    settings: &Settings,
    step: Step,
    actor: RoleId,
    iteration: u64,
    trailers: Trailers,
) -> String {
    let trailers = Trailers { orchestrator: Some(PROTOCOL), ..trailers };
    let suffix = settings.config.sync.message_suffix.as_deref();
    StateMessage { step, actor, iteration, trailers }.render(suffix)
}

/// The step for a state that no journal explains: someone changed the file by hand.
pub(super) fn step_for(state: &State, settings: &Settings) -> Step {
    match &state.status {
        _ if state.exits() => Step::Exit,
        Status::Idle if *settings.workflow.first() == state.expected_actor && state.iteration == 1 => {
            Step::Init
        }
        Status::Running(_) => Step::Running,
        Status::Idle | Status::Waiting(_) | Status::Complete | Status::Failed => Step::StartActor,
    }
}

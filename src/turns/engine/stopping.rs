//! Requests to stop (turns.md T6, T6b).

use super::checks::CheckRun;
use super::error::End;
use super::{Engine, LoopError};
use crate::clock::iso_seconds;
use crate::event::Event as Fact;
use crate::ids::RoleId;
use crate::state::{Event, State};
use crate::sync::message::{Step, Trailers};
use crate::turns::stop_request::StopRequest;

/// A wish to stop that came up during a turn.
pub(super) struct Wish {
    pub by_agent: bool,
    pub reason: Option<String>,
}

impl Engine<'_> {
    /// A person's request that waits between turns goes into the state at once.
    pub(super) fn take_stop_request(&mut self) -> Result<(), LoopError> {
        self.board.stop_answered();
        let Some(request) = StopRequest::find(&self.settings.root) else { return Ok(()) };
        if !self.state.exits() && request.turn_id.is_none() {
            let reason = self.masked(request.reason);
            self.say(Fact::StopRequested { by: "a person".into(), reason: reason.clone() });
            self.set_exit(reason, "a person")?;
        }
        StopRequest::clear(&self.settings.root);
        Ok(())
    }

    fn set_exit(&mut self, reason: Option<String>, by: &str) -> Result<(), LoopError> {
        let trailers = Trailers { reason: reason.clone(), role: Some(by.to_owned()), ..Trailers::default() };
        let actor = self.state.expected_actor.clone();
        self.apply(Event::Stop { reason }, Step::Exit, actor, trailers)
    }

    pub(super) fn stopped(&self) -> End {
        End::Stopped {
            by: "a request to stop".into(),
            at: iso_seconds(self.state.last_update),
            reason: self.state.exit_reason.clone(),
        }
    }

    /// What was asked for during this turn: by request, or by the agent in the state file itself.
    pub(super) fn wish_of_turn(&self, turn_id: &str, tampered: Option<&State>) -> Option<Wish> {
        if let Some(request) = StopRequest::find(&self.settings.root) {
            let by_agent = request.turn_id.as_deref() == Some(turn_id);
            return Some(Wish { by_agent, reason: self.masked(request.reason) });
        }
        let state = tampered.filter(|s| s.exits())?;
        Some(Wish { by_agent: true, reason: self.masked(state.exit_reason.clone()) })
    }

    /// Whether a wish counts; why not is said and told to the next turn (T6b).
    pub(super) async fn wish_counts(&mut self, role: &RoleId, wish: &Wish) -> bool {
        if !wish.by_agent {
            self.say(Fact::StopRequested { by: "a person".into(), reason: wish.reason.clone() });
            return true;
        }
        let exit = &self.settings.config.exit;
        let may = if exit.roles.is_empty() {
            self.settings.workflow.is_first(role)
        } else {
            exit.roles.contains(role)
        };
        let refusal = if may {
            let checks = exit.checks.clone();
            let CheckRun { failed, .. } = self.run_checks(role, &checks, None).await;
            failed.first().map(|f| format!("{role} asked to stop, but an exit check failed: {f}"))
        } else {
            Some(format!("{role} asked to stop, but only {} may", self.exit_roles()))
        };
        match refusal {
            None => {
                self.say(Fact::StopRequested { by: role.to_string(), reason: wish.reason.clone() });
                true
            }
            Some(text) => {
                self.memory.notes.push(text.clone());
                self.say(Fact::Warning { text });
                false
            }
        }
    }

    fn exit_roles(&self) -> String {
        let roles = &self.settings.config.exit.roles;
        if roles.is_empty() {
            return self.settings.workflow.first().to_string();
        }
        roles.iter().map(RoleId::as_str).collect::<Vec<_>>().join(", ")
    }
}

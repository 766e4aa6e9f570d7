//! Iterations: every role in order until there is a reason to stop.

use std::time::Duration;

use super::error::End;
use super::{Engine, LoopError, Report, World};
use crate::event::{Ended, Event as Fact};
use crate::turns::budget::{self, Spent};
use crate::turns::settings::Settings;

/// Runs the loop on this machine until it ends.
///
/// # Errors
/// What was refused before a turn began; a turn that failed is a [`Report`].
pub async fn run<'a>(settings: &'a Settings, world: World<'a>) -> Result<Report, LoopError> {
    let one_role = settings.options.role.is_some();
    let (mut engine, _lock) =
        if one_role { Engine::start_in_folder(settings, world)? } else { Engine::start(settings, world)? };
    engine.announce();
    let end = if one_role { engine.take_role_turns().await } else { engine.take_turns().await };
    // What happens from here on belongs to the run alone.
    engine.place.attempt_id = None;
    let saved = engine.save_seen();
    match end.and_then(|end| saved.map(|()| end)) {
        Ok(end) => Ok(engine.report(end)),
        Err(error) => {
            let again = &settings.options.again;
            engine.close(Ended::Failed, 0, error.to_string(), again);
            Err(error)
        }
    }
}

impl Engine<'_> {
    fn announce(&mut self) {
        let s = self.settings;
        let agents = self.own_agents();
        let one = if s.options.role.is_some() { "turn" } else { "iteration" };
        let loops = match if s.options.if_turn { 1 } else { s.options.loops } {
            0 => "until stopped".to_owned(),
            1 => format!("1 {one}"),
            n => format!("{n} {one}s"),
        };
        let budget = budget::left(&s.config.budget, &Spent::default());
        let limits = if budget.is_empty() { loops } else { format!("{loops}, budget {}", budget.join(", ")) };
        self.say(Fact::RunCreated { run_kind: "turns".into(), parent_run_id: None });
        self.say(Fact::RunStarted {
            mode: s.options.mode.clone(),
            branch: self.git.as_ref().map(|g| g.branch.clone()),
            agents,
            limits,
            state: format!(
                "iteration {}, {}'s turn, {}",
                self.state.iteration, self.state.expected_actor, self.state.status
            ),
        });
    }

    async fn take_turns(&mut self) -> Result<End, LoopError> {
        let mut iterations = 0;
        loop {
            self.take_stop_request()?;
            if self.state.exits() {
                return Ok(self.stopped());
            }
            if let Some(reason) = self.world.stop.check().await {
                self.say(Fact::Signal { name: reason.text.clone() });
                return Ok(End::Interrupted(reason));
            }
            if let Some(end) = self.at_limit() {
                return Ok(end);
            }
            self.tell_of_changed_configuration();
            let role = self.state.expected_actor.clone();
            let end = self.turn(&role).await?;
            self.place.attempt_id = None;
            if let Some(end) = end {
                return Ok(end);
            }
            self.turns += 1;
            self.warn_of_blind_spots();
            if !self.settings.workflow.is_last(&role) {
                continue;
            }
            iterations += 1;
            if self.settings.options.loops != 0 && iterations >= self.settings.options.loops {
                self.take_stop_request()?;
                return Ok(if self.state.exits() { self.stopped() } else { End::Done });
            }
            self.pause().await;
        }
    }

    /// T41. Read once at start, so a change is told and waits for the next one.
    pub(super) fn tell_of_changed_configuration(&mut self) {
        let Some(watched) = &mut self.watched else { return };
        if watched.changed() {
            let file = watched.path.strip_prefix(&self.settings.root).unwrap_or(&watched.path).display();
            let text = format!(
                "{file} has changed: this run keeps the settings it started with; the next start reads it"
            );
            self.say(Fact::Notice { text });
        }
    }

    async fn pause(&self) {
        let pause = self.settings.options.pause;
        if !pause.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = self.board.wait_stop() => {}
                _ = self.world.stop.wait() => {}
            }
        }
    }

    fn report(mut self, end: End) -> Report {
        let again = &*self.settings.options.again;
        let (outcome, why, next) = match &end {
            End::Done if self.settings.options.role.is_some() => {
                (Ended::Succeeded, "all turns taken".to_owned(), again)
            }
            End::NotOurTurn => (Ended::Succeeded, "it is not this role's turn".to_owned(), again),
            End::WaitedTooLong => (Ended::Failed, "waited too long for a turn".to_owned(), again),
            End::FailedSeen(words) => (Ended::Failed, words.clone(), "orchestrator resume"),
            End::Done => (Ended::Succeeded, "all iterations taken".to_owned(), again),
            End::Stopped { by, reason, .. } => (
                Ended::Succeeded,
                format!("stopped by {by}: {}", reason.as_deref().unwrap_or("no reason given")),
                "orchestrator resume",
            ),
            End::Failed(f) => (Ended::Failed, format!("{}'s turn failed", f.role), again),
            End::Limited(limit) => (Ended::Failed, limit.words(), again),
            // It can be resumed, so it is not canceled (W7).
            End::Interrupted(reason) => (Ended::Failed, format!("interrupted ({})", reason.text), again),
        };
        if let End::Interrupted(reason) = &end {
            self.say(Fact::RunInterrupted { reason: reason.text.clone() });
        }
        let failed = u64::from(matches!(end, End::Failed(_)));
        let (took, cost_usd) = self.close(outcome, failed, why, next);
        Report { end, turns: self.turns, took, cost_usd }
    }

    /// The last word of a run; its time and cost. A turn that failed is one, too.
    fn close(&mut self, outcome: Ended, failed: u64, why: String, next: &str) -> (Duration, Option<f64>) {
        let duration = self.world.clock.mono().saturating_sub(self.began);
        let (turns, cost_usd) = (self.turns + failed, self.spent.cost());
        self.say(Fact::RunEnded { outcome, turns, duration, cost_usd, why, next: next.into() });
        (duration, cost_usd)
    }
}

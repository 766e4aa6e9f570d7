//! Ending what runs: a person, a signal, a failure, a budget.

use super::Engine;
use crate::event::Event;
use crate::ledger::{Change, IllegalMove, StepMove, StepState};
use crate::supervise::StopReason;
use crate::workstreams::schedule::End;

impl Engine<'_> {
    pub(super) fn halt_reason(&self) -> String {
        if let Some(reason) = &self.interrupted {
            return reason.text.clone();
        }
        if let Some(reason) = &self.quarantined {
            return reason.reason.clone();
        }
        if let Some((name, ..)) = &self.over_budget {
            return format!("the budget is used up: {name}");
        }
        self.asked_to_stop.clone().or_else(|| self.failure.clone()).unwrap_or_else(|| "the run ended".into())
    }

    /// The whole run is to end; `level` 2: at once.
    pub(super) fn end_all(&mut self, reason: &StopReason, level: u8) -> Result<(), IllegalMove> {
        if self.interrupted.is_none() {
            self.ground.book.event(Event::Signal { name: reason.text.clone() });
            self.ground.book.event(Event::RunInterrupted { reason: reason.text.clone() });
            self.interrupted = Some(reason.clone());
        }
        if self.level >= level {
            return Ok(());
        }
        self.level = level;
        let shifts = self.schedule.halt()?;
        self.take(shifts)?;
        for stop in self.stops.values() {
            stop.trigger(reason.clone());
        }
        self.end_waiting(&reason.text)
    }

    /// What runs is interrupted, what waits for another attempt has none.
    pub(super) fn end_rest(&mut self, why: &str) -> Result<(), IllegalMove> {
        for stop in self.stops.values() {
            stop.ask(StopReason::because(why));
        }
        self.end_waiting(why)
    }

    pub(super) fn end_waiting(&mut self, why: &str) -> Result<(), IllegalMove> {
        let waiting: Vec<usize> = self.schedule.waiting_again().collect();
        for step in waiting {
            self.timers.retain(|(_, other)| *other != step);
            let reason = format!("canceled: {why}");
            let event = Event::StepSkipped { step: self.spec.steps[step].id.clone(), reason: reason.clone() };
            let change = Change::MoveStep(StepMove {
                run_id: self.ground.run_id.to_owned(),
                step_id: self.spec.steps[step].id.clone(),
                from: StepState::Running,
                to: StepState::Canceled,
                at: self.ground.book.now_ms(),
                reason: Some(reason),
                event: Some(event.clone()),
            });
            self.ground.book.change(change, self.ground.book.place().clone(), Some(event));
            self.moved(step, StepState::Canceled, None);
            let shifts = self.schedule.ended(step, End::Canceled)?;
            self.take(shifts)?;
        }
        Ok(())
    }

    pub(super) fn budget(&mut self) -> Result<(), IllegalMove> {
        if self.over_budget.is_some() || self.schedule.is_over() {
            return Ok(());
        }
        let budget = self.spec.budget;
        if let Some(limit) = budget.cost_usd.filter(|limit| self.spent >= *limit) {
            return self.reached("cost_usd", limit, self.spent);
        }
        match budget.tokens {
            Some(limit) if self.tokens >= limit => {
                #[expect(clippy::cast_precision_loss, reason = "for people")]
                let (limit, used) = (limit as f64, self.tokens as f64);
                self.reached("tokens", limit, used)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn reached(&mut self, name: &'static str, limit: f64, used: f64) -> Result<(), IllegalMove> {
        self.ground.book.event(Event::BudgetReached { budget: name.into(), limit, used });
        self.over_budget = Some((name, limit, used));
        let shifts = self.schedule.halt()?;
        self.take(shifts)?;
        self.end_rest(&format!("the budget is used up: {name}"))
    }
}

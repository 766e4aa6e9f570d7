//! What an end means: for its step, for those that wait for it, for its tool, for the run.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::Engine;
use crate::event::{Ended, Event};
use crate::ledger::{AttemptEnd, AttemptState, Change, IllegalMove, StepEnd, StepMove, StepState};
use crate::workstreams::engine::begin::CONDITION;
use crate::workstreams::engine::saved::keep_result;
use crate::workstreams::engine::step::{Done, fact, line};
use crate::workstreams::quarantine::Reason;
use crate::workstreams::retry::{Next, Retry};
use crate::workstreams::schedule::{End, OnFailure, Shift, Why};
use crate::workstreams::spec::when;

/// Paths that are named as evidence.
const EVIDENCE: usize = 100;

impl Engine<'_> {
    /// Records what became of steps without an attempt, and looks at the conditions of those that are ready.
    pub(super) fn take(&mut self, shifts: Vec<Shift>) -> Result<(), IllegalMove> {
        let mut left: std::collections::VecDeque<Shift> = shifts.into();
        while let Some(shift) = left.pop_front() {
            let own = &self.spec.steps[shift.step];
            let id = own.id.clone();
            let (reason, event) = match (shift.to, shift.why) {
                (StepState::Ready, _) => (None, Some(Event::StepReady { step: id })),
                (StepState::Skipped, Why::Condition) => {
                    let reason = CONDITION.to_owned();
                    (Some(reason.clone()), Some(Event::StepSkipped { step: id, reason }))
                }
                (StepState::Skipped, Why::Dependency(other)) => {
                    let reason = format!("it depends on {}, which failed", self.spec.steps[other].id);
                    (Some(reason.clone()), Some(Event::StepSkipped { step: id, reason }))
                }
                (StepState::Canceled, Why::Halted) => {
                    let reason = format!("canceled: {}", self.halt_reason());
                    (Some(reason.clone()), Some(Event::StepSkipped { step: id, reason }))
                }
                // With an attempt's start or end.
                _ => continue,
            };
            let change = Change::MoveStep(StepMove {
                run_id: self.ground.run_id.to_owned(),
                step_id: own.id.clone(),
                from: shift.from,
                to: shift.to,
                at: self.ground.book.now_ms(),
                reason,
                event: event.clone(),
            });
            self.ground.book.change(change, self.ground.book.place().clone(), event);
            self.moved(shift.step, shift.to, None);
            if shift.to.is_over() {
                let fact = fact(shift.to.name(), &BTreeMap::new(), &Value::Null, None);
                self.known.insert(own.id.clone(), fact);
            } else if let (StepState::Ready, Some(condition)) = (shift.to, &own.when) {
                match when::holds(condition, &self.known) {
                    Ok(true) => {}
                    Ok(false) => left.extend(self.schedule.skip(shift.step)?),
                    Err(why) => {
                        self.broken.insert(shift.step, format!("`when` cannot be told: {why}"));
                    }
                }
            }
        }
        Ok(())
    }

    /// An attempt has ended: what follows.
    pub(super) fn ended(&mut self, done: Done) -> Result<(), IllegalMove> {
        let ground = self.ground;
        let step = done.step;
        let own = &self.spec.steps[step];
        let now = ground.clock.mono();
        self.ran += 1;
        self.stops.remove(&step);
        ground.beside.borrow_mut().remove(&step);
        self.account(&done);
        let quarantine = self.suspicion(&done);
        let over = self.schedule.is_halted() || self.level > 0 || quarantine.is_some();
        let refused = done.refused.as_ref().filter(|_| done.ended == Ended::Failed && !over);
        let rest = refused.map(|refused| self.refuse(&done, refused));
        if done.refused.is_none() {
            self.refused.remove(&step);
        }
        let next = match done.ended {
            Ended::Failed if !over && rest.is_none() => {
                let retry = own.retry.clone().unwrap_or_default();
                self.next(&retry, &done, now)
            }
            _ => None,
        };
        let to = match (done.ended, next) {
            _ if rest.is_some() => None,
            (_, Some(_)) => None,
            (Ended::Succeeded, None) => Some(StepState::Succeeded),
            (Ended::Failed, None) => Some(StepState::Failed),
            (Ended::Canceled, None) => Some(StepState::Canceled),
        };
        if let Some(to) = to {
            self.moved(step, to, Some(done.took));
            let fact = fact(to.name(), &done.outputs, &done.answer, done.result.exit_code);
            self.known.insert(own.id.clone(), fact);
        }
        self.record(&done, to);
        if !done.answer.is_null() && to == Some(StepState::Succeeded) {
            // A condition after a restart may want it; the work itself does not.
            if let Err(e) = keep_result(&ground.setting.private, ground.run_id, &own.id, &done.answer) {
                ground
                    .book
                    .event(Event::Warning { text: format!("the answer of {} is not kept: {e}", own.id) });
            }
        }
        match (rest, next) {
            (Some(span), _) => self.rest(&done, now, span)?,
            (None, Some(delay)) => self.again(&done, now, delay),
            (None, None) => self.over(&done)?,
        }
        if let Some(reason) = quarantine.filter(|_| self.level == 0) {
            self.quarantined.get_or_insert(reason);
        }
        if self.quarantined.is_some() && !self.schedule.is_halted() {
            let shifts = self.schedule.halt()?;
            self.take(shifts)?;
            self.end_rest("the run is quarantined")?;
        }
        drop(done.seen);
        self.budget()
    }

    /// What sets the run aside.
    fn suspicion(&mut self, done: &Done) -> Option<Reason> {
        let id = &self.spec.steps[done.step].id;
        let outside = (!done.outside.is_empty()).then(|| Reason {
            reason: format!("step {id} wrote outside its files_scope"),
            evidence: done.outside.iter().take(EVIDENCE).cloned().collect(),
        });
        if done.refused.is_some() {
            return outside;
        }
        let returned = done.hash.and_then(|hash| self.guard.output(done.step, hash));
        let returned =
            returned.map(|reason| Reason { reason: format!("step {id}: {}", reason.reason), ..reason });
        let failed = done.ended == Ended::Failed;
        let same = failed.then(|| self.guard.failed(&done.signature, &format!("{id}/{}", done.number)));
        outside.or(returned).or(same.flatten())
    }

    /// There will be another attempt.
    fn again(&mut self, done: &Done, now: Duration, delay: Duration) {
        let step = done.step;
        if let Some(tool) = &done.tool {
            self.failed_tools.entry(step).or_default().push(tool.clone());
        }
        self.ground.book.event(Event::RetryScheduled {
            step: self.spec.steps[step].id.clone(),
            attempt: u32::try_from(done.number + 1).unwrap_or(u32::MAX),
            delay_ms: u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
            reason: done.result.error.clone().unwrap_or_default(),
        });
        self.schedule.pause(step);
        if delay.is_zero() {
            self.schedule.resume(step);
        } else {
            self.timers.insert((now + delay, step));
        }
    }

    /// The step is over: what it means for the others.
    fn over(&mut self, done: &Done) -> Result<(), IllegalMove> {
        let step = done.step;
        let id = &self.spec.steps[step].id;
        let end = match done.ended {
            Ended::Succeeded => End::Succeeded,
            Ended::Failed => End::Failed,
            Ended::Canceled => End::Canceled,
        };
        let tolerated = end == End::Failed && self.spec.on_failure(step) == OnFailure::Continue;
        if end != End::Succeeded && !tolerated {
            let why = done.result.error.as_deref().unwrap_or("it failed");
            let why = why.lines().next().unwrap_or_default();
            self.failure.get_or_insert_with(|| format!("step {id}: {why}"));
            self.exit_code = self.exit_code.or(done.result.exit_code.filter(|code| *code != 0));
        }
        let halted = self.schedule.is_halted();
        let shifts = self.schedule.ended(step, end)?;
        self.take(shifts)?;
        if self.only == Some(step) && !self.schedule.is_halted() && !self.schedule.is_over() {
            self.asked_to_stop = Some(format!("step {id} alone was asked for"));
            let shifts = self.schedule.halt()?;
            self.take(shifts)?;
        }
        if self.schedule.is_halted() && !halted {
            self.end_rest(&format!("step {id} failed"))?;
        }
        Ok(())
    }

    fn next(&self, retry: &Retry, done: &Done, now: Duration) -> Option<Duration> {
        let since = self.first_began[done.step].map_or(Duration::ZERO, |began| now.saturating_sub(began));
        let unit = self.ground.ids.unit();
        let tried = self.attempts[done.step].saturating_sub(self.refusals[done.step]);
        match retry.next(tried, done.trouble, since, unit) {
            Next::After(delay) => Some(delay),
            Next::Over(_) => None,
        }
    }

    fn account(&mut self, done: &Done) {
        let model = done.tool.is_some();
        match done.result.cost_usd {
            Some(cost) => {
                self.spent += cost;
                self.cost_usd = self.cost_usd.map(|sum| sum + cost);
            }
            // Who was refused before it did anything used nothing.
            None if model && done.refused.is_none() => self.cost_usd = None,
            None => {}
        }
        let tokens = [done.result.input_tokens, done.result.output_tokens];
        self.tokens = tokens.into_iter().flatten().fold(self.tokens, u64::saturating_add);
    }

    fn record(&mut self, done: &Done, to: Option<StepState>) {
        let ground = self.ground;
        let own = &self.spec.steps[done.step];
        let place = ground.place(&done.attempt);
        let at = ground.book.now_ms();
        let event = Event::AttemptEnded {
            role: own.id.clone(),
            line: line(&own.id, done, &self.progress.counts()),
            outcome: done.ended,
            result: done.result.clone(),
        };
        let mut told = None;
        if let Some(name) = done.tool.as_ref().filter(|_| own.is_routed()) {
            let success = match done.ended {
                Ended::Succeeded => Some(true),
                Ended::Failed if done.unasked || done.refused.is_some() => None,
                Ended::Failed => Some(false),
                Ended::Canceled => None,
            };
            let latency = done.took.as_secs_f64() * 1000.0;
            told = self.tools.end(name, success, done.trial, latency, at);
        }
        let attempt = AttemptEnd {
            place: place.clone(),
            state: match done.ended {
                Ended::Succeeded => AttemptState::Succeeded,
                Ended::Failed => AttemptState::Failed,
                Ended::Canceled => AttemptState::Canceled,
            },
            at,
            result: done.result.clone(),
            event: event.clone(),
        };
        let end = StepEnd { attempt, step_id: own.id.clone(), to };
        ground.book.change(Change::EndStep(end), place.clone(), Some(event));
        if let Some(event) = told {
            ground.book.event_at(&place, event);
        }
    }
}

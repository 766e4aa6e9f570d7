//! A rate limit was in the way of an attempt: the step waits, or goes to another (agents.md A6). It is neither a failure
//! of the step nor of its tool.

use std::time::Duration;

use super::Engine;
use crate::agents::rate_limit::{self, Decision};
use crate::clock::{duration, iso_seconds};
use crate::config::RateLimit as Policy;
use crate::event::Event;
use crate::ledger::IllegalMove;
use crate::workstreams::engine::catalog::Means;
use crate::workstreams::engine::limits::{Refused, until};
use crate::workstreams::engine::step::Done;
use crate::workstreams::routing::Choice;

impl Engine<'_> {
    /// Notes who rests, and how long the step waits; none: another takes it at once.
    pub(super) fn refuse(&mut self, done: &Done, refused: &Refused) -> Option<Duration> {
        let (ground, step) = (self.ground, done.step);
        self.refusals[step] += 1;
        let times = self.refused.get(&step).map_or(1, |(times, _)| times + 1);
        let now = ground.clock.now();
        // A reset that has passed and still refuses says nothing about the next one.
        let resets_at = refused.resets_at.filter(|reset| *reset > now.as_second());
        let unit = ground.ids.unit();
        let asked = rate_limit::Refused { resets_at, now, times, unit, stand_in: false };
        let Decision::Wait { span, stated } = rate_limit::decide(Policy::Wait, asked) else { return None };
        let span_ms = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        let again_at = now.as_millisecond().saturating_add(span_ms);
        ground.limits.rest(&refused.who, again_at);
        let id = &self.spec.steps[step].id;
        if ground.limits.policy == Policy::Fallback
            && let Some(other) = self.stand_in(done, refused)
        {
            self.refused.insert(step, (times, None));
            ground.book.event(Event::AgentFallback {
                role: id.clone(),
                from: refused.who.clone(),
                to: other,
                reason: format!("rate limited{}", resets_at.map_or_else(String::new, until)),
            });
            return None;
        }
        self.refused.insert(step, (times, done.tool.clone()));
        let at = now.saturating_add(span).unwrap_or(jiff::Timestamp::MAX);
        let why = if stated { "is rate limited" } else { "is rate limited and does not say until when" };
        let why = format!(
            "{} {why}; step {id} is tried again at {}, in {}",
            refused.who,
            iso_seconds(at),
            duration(span)
        );
        ground.book.event(Event::Waiting { role: id.clone(), why });
        Some(span)
    }

    /// Who takes the step instead, now.
    fn stand_in(&self, done: &Done, refused: &Refused) -> Option<String> {
        let ground = self.ground;
        let now = ground.book.now_ms();
        let tool = done.tool.as_deref()?;
        let roster = match ground.catalog.get(tool) {
            Some((Means::Agent(agent), _)) => ground.agents.get(agent),
            _ => None,
        };
        // Nobody stands in for the auditor of a oneshot: it would go on with the same one.
        if tool != refused.who && !roster.is_some_and(|roster| roster.names().any(|name| name == refused.who))
        {
            return None;
        }
        let limited = |name: &str| ground.limits.until(name, ground.catalog, ground.agents, now);
        if let Some(roster) = roster.filter(|_| limited(tool).is_none()) {
            return Some(roster.get(ground.limits.seat(roster, now)).agent.name.clone());
        }
        let failed = self.failed_tools.get(&done.step).map_or(&[][..], Vec::as_slice);
        let need = ground.catalog.need(&self.spec.steps[done.step], failed);
        match self.tools.route(need, ground.catalog, now, &limited).choice {
            Choice::Take(other) => Some(other),
            Choice::Wait(_) | Choice::Nobody { .. } => None,
        }
    }

    /// The step's place is free while it waits; what it may write is not.
    pub(super) fn rest(
        &mut self,
        done: &Done,
        now: Duration,
        span: Option<Duration>,
    ) -> Result<(), IllegalMove> {
        let step = done.step;
        self.schedule.pause(step);
        let Some(span) = span else {
            self.schedule.resume(step);
            return Ok(());
        };
        self.timers.insert((now + span, step));
        let budget = self.spec.budget.wall_secs.map(|limit| limit.0);
        match budget.filter(|limit| self.began + *limit < now + span && self.over_budget.is_none()) {
            Some(limit) => {
                let text = format!(
                    "step {}: the next try would be behind budget.wall_secs",
                    self.spec.steps[step].id
                );
                self.ground.book.event(Event::Notice { text });
                let used = now.saturating_sub(self.began).as_secs_f64();
                self.reached("wall_secs", limit.as_secs_f64(), used)
            }
            None => Ok(()),
        }
    }
}

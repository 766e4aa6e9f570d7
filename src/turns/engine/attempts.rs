//! From a prompt to an outcome: the agent, its stand-ins, and rate limits (agents.md A1, A6).

use std::time::Duration;

use super::limits::{Cut, LOOK};
use super::prompt::Run;
use super::turn::Open;
use super::{Engine, LoopError};
use crate::agents::rate_limit::{Decision, Refusal, Refused, decide, refusal};
use crate::agents::{self, AgentError, Ready, Roster};
use crate::clock::duration;
use crate::clock::iso_seconds;
use crate::config::{Engine as Kind, Limits, RateLimit as Policy};
use crate::control::Board;
use crate::event::Event as Fact;
use crate::ids::RoleId;
use crate::supervise::{Outcome, Usage};
use crate::turns::budget::Reached;
use crate::turns::logs::Head;
use crate::turns::stop_request::StopRequest;
use crate::turns::waiting::Waiting;

/// One prompt that some agent is to run.
pub(super) struct Task<'t> {
    pub role: &'t RoleId,
    pub prompt: &'t str,
    /// Context block and prompt.
    pub text: &'t str,
    /// The prompt file alone.
    pub file_text: &'t str,
    /// Marks the processes; a further try adds its number.
    pub attempt: String,
    pub turn_id: &'t str,
    pub report_dir: &'t str,
    pub limits: Limits,
    /// Whether its work is audited.
    pub engine: Kind,
    /// Why this prompt, for the log's head.
    pub routing: &'t str,
}

impl Engine<'_> {
    /// The agent of this name and who stands in for it.
    pub(super) fn roster(&self, name: &str) -> Result<Roster, AgentError> {
        let s = self.settings;
        let agent = &s.config.agent;
        agents::roster(&s.table, name, &agent.order, &s.path, &s.root, agent.unattended)
    }

    /// Runs a prompt until an agent has taken it or none can: who is rate limited is waited for or replaced. It stays
    /// one attempt of the records, with one log; `open`: whose turn it is, if it is one.
    pub(super) async fn run_by(
        &mut self,
        mut roster: Roster,
        task: &Task<'_>,
        mut open: Option<&mut Open>,
    ) -> Result<(Outcome, String), LoopError> {
        let policy = self.settings.config.supervision.rate_limit;
        let mut at = self.first_of(&mut roster, policy);
        self.tell_stand_in(&roster, at, task.role);
        let (mut used, mut times) = (None, 0);
        loop {
            let ready = roster.get(at).clone();
            if let Some(open) = open.as_deref_mut() {
                self.head_of_try(open, &ready, task)?;
            }
            let run = Run {
                role: task.role,
                prompt: task.prompt,
                text: task.text.to_owned(),
                file_text: task.file_text,
                turn_id: task.turn_id,
                attempt: if times == 0 {
                    task.attempt.clone()
                } else {
                    format!("{}-{}", task.attempt, times + 1)
                },
                report_dir: task.report_dir.to_owned(),
                limits: task.limits,
            };
            let log = open.as_ref().and_then(|o| o.log.as_ref());
            let (mut outcome, answer) = match task.engine {
                Kind::Turn => self.run_prompt(&ready, run, log).await,
                Kind::Oneshot => Box::pin(self.run_audited(&ready, run, log)).await,
            };
            self.count(&outcome);
            used = added(used, outcome.usage);
            outcome.usage = used;
            let Some(Refusal { resets_at }) = self.refused(&outcome) else { return Ok((outcome, answer)) };
            times += 1;
            let now = self.world.clock.now();
            // A reset that has passed and still refuses says nothing about the next one.
            let resets_at = resets_at.filter(|reset| *reset > now.as_second());
            roster.refuse(at, resets_at);
            if let Some(reset) = resets_at {
                self.resting.insert(ready.agent.name.clone(), reset);
            }
            let stand_in = roster.free(now.as_second());
            let (next, resets_at) = roster.soonest();
            let unit = self.world.ids.unit();
            let refused = Refused { resets_at, now, times, unit, stand_in: stand_in.is_some() };
            match (decide(policy, refused), stand_in) {
                (Decision::Fail, _) | (Decision::Fallback, None) => return Ok((outcome, answer)),
                (Decision::Fallback, Some(other)) => {
                    self.tell_fallback(task.role, &ready, roster.get(other), resets_at);
                    at = other;
                }
                (Decision::Wait { span, stated }, _) => {
                    let name = roster.get(next).agent.name.clone();
                    if !self.wait_for(task.role, &name, span, stated).await {
                        return Ok((outcome, answer));
                    }
                    roster.release(next);
                    at = next;
                }
            }
            if let Some(open) = open.as_deref_mut() {
                self.close_log(open, &outcome);
            }
        }
    }

    /// Whom to begin with: who stated a limit earlier in this run is passed over while it lasts.
    fn first_of(&self, roster: &mut Roster, policy: Policy) -> usize {
        if policy != Policy::Fallback {
            return 0;
        }
        let now = self.world.clock.now().as_second();
        let resting: Vec<(usize, i64)> = roster
            .names()
            .enumerate()
            .filter_map(|(at, name)| Some((at, *self.resting.get(name)?)))
            .filter(|(_, reset)| *reset > now)
            .collect();
        for (at, reset) in resting {
            roster.refuse(at, Some(reset));
        }
        let free = roster.free(now);
        free.unwrap_or_else(|| {
            let (soonest, _) = roster.soonest();
            roster.release(soonest);
            soonest
        })
    }

    /// The rate limit that ended this attempt; nothing if the turn is over anyway.
    fn refused(&self, outcome: &Outcome) -> Option<Refusal> {
        let over = self.cut.is_some() || self.world.stop.requested().is_some();
        refusal(outcome).filter(|_| !over)
    }

    /// The first try opens the turn's log, a further one goes on in it.
    fn head_of_try(&mut self, open: &mut Open, ready: &Ready, task: &Task<'_>) -> Result<(), LoopError> {
        open.agent.clone_from(&ready.agent.name);
        let argv = ready.agent.command.join(" ");
        let argv = if argv.is_empty() { "sh -eu".to_owned() } else { argv };
        let head = Head {
            role: task.role.as_str(),
            iteration: open.iteration,
            prompt: task.prompt,
            agent: &open.agent,
            argv: &self.settings.redactor.text(&argv),
            routing: &self.settings.redactor.text(task.routing),
            turn_id: task.turn_id,
        };
        let now = self.world.clock.now();
        match &mut open.log {
            Some(log) => {
                log.again(&head, now).map_err(|source| LoopError::Io { path: log.path.clone(), source })?;
            }
            none => *none = self.open_log(task.role, task.prompt, &head)?,
        }
        self.begin_attempt(open);
        Ok(())
    }

    /// The last line of a try in the log.
    pub(super) fn close_log(&mut self, open: &mut Open, outcome: &Outcome) {
        let Some(log) = &mut open.log else { return };
        let mut words = super::finish::status_words(outcome);
        if outcome.logs_incomplete {
            words.push_str(super::finish::INCOMPLETE);
        }
        if let Err(e) = log.close(&words, outcome.duration) {
            self.say(Fact::Warning { text: format!("the log is incomplete: {e}") });
        }
    }

    fn tell_stand_in(&mut self, roster: &Roster, at: usize, role: &RoleId) {
        let to = roster.get(at).agent.name.clone();
        let first = roster.get(0).agent.name.clone();
        let (from, reason) = match roster.missing() {
            Some((name, why)) => (name.clone(), why.clone()),
            None if at == 0 => return,
            None => {
                let until = self.resting.get(&first).map_or_else(String::new, |at| until(*at));
                (first, format!("rate limited{until}"))
            }
        };
        self.say(Fact::AgentFallback { role: role.to_string(), from, to, reason });
    }

    fn tell_fallback(&mut self, role: &RoleId, from: &Ready, to: &Ready, resets_at: Option<i64>) {
        self.say(Fact::AgentFallback {
            role: role.to_string(),
            from: from.agent.name.clone(),
            to: to.agent.name.clone(),
            reason: format!("rate limited{}", resets_at.map_or_else(String::new, until)),
        });
    }

    /// Waits; false if the turn is not to be taken again: `cut`, or a signal, says why.
    async fn wait_for(&mut self, role: &RoleId, agent: &str, span: Duration, stated: bool) -> bool {
        let now = self.world.clock.now();
        let until = now.saturating_add(span).unwrap_or(jiff::Timestamp::MAX);
        let at = iso_seconds(until);
        let why = if stated { "is rate limited" } else { "is rate limited and does not say until when" };
        let budget = self.settings.config.budget.wall_secs.map(|limit| limit.0);
        if let Some(limit) = budget.filter(|limit| self.spent().wall.saturating_add(span) > *limit) {
            let text =
                format!("{role}: {agent} {why}; the next try would be at {at}, behind budget.wall_secs");
            self.say(Fact::Notice { text });
            self.cut = Some(Cut::Limit(Reached::Wall(limit)));
            return false;
        }
        let text = format!(
            "{agent} {why}; the same turn is taken again at {at}, in {} (Ctrl-C or `orchestrator stop` ends the wait)",
            duration(span)
        );
        self.say(Fact::Waiting { role: role.to_string(), why: text });
        if let Some(desk) = &self.desk {
            desk.not_before(Some(at.clone()));
        }
        let waiting = Waiting { role: role.to_string(), agent: agent.into(), why: why.into(), until: at };
        if let Err(e) = waiting.leave(&self.settings.root) {
            self.say(Fact::Warning { text: format!("`status` will not know of this wait: {e}") });
        }
        let whole = self.wait_until(until).await;
        if let Some(desk) = &self.desk {
            desk.not_before(None);
        }
        Waiting::clear(&self.settings.root);
        whole
    }

    /// Until the wall clock shows this time. A wait of hours is one of short steps: the clock may be set, the machine
    /// may sleep, and a person may ask the loop to stop.
    async fn wait_until(&mut self, until: jiff::Timestamp) -> bool {
        loop {
            if StopRequest::find(&self.settings.root).is_some_and(|r| r.turn_id.is_none()) {
                self.cut = Some(Cut::Asked);
            }
            if self.cut.is_some() || self.world.stop.check().await.is_some() {
                return false;
            }
            let left = until.duration_since(self.world.clock.now());
            let left = Duration::try_from(left).unwrap_or_default();
            if left.is_zero() {
                return true;
            }
            tokio::select! {
                () = tokio::time::sleep(left.min(LOOK)) => {}
                () = a_person_asks(&self.board) => self.cut = Some(Cut::Asked),
                _ = self.world.stop.wait() => {}
            }
        }
    }
}

/// What a turn's own agent wishes counts only at the turn's end.
async fn a_person_asks(board: &Board) {
    if board.wait_stop().await.turn_id.is_some() {
        std::future::pending::<()>().await;
    }
}

/// A refusal before any work says nothing of its use, and used nothing.
fn added(before: Option<Usage>, now: Option<Usage>) -> Option<Usage> {
    match (before, now) {
        (Some(before), Some(now)) => Some(agents::together(before, now)),
        (before, now) => before.or(now),
    }
}

/// ` until 2026-01-20T03:29:29Z`
fn until(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map_or_else(|_| String::new(), |at| format!(" until {}", iso_seconds(at)))
}

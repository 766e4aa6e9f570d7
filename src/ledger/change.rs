//! Transitions: each with its event in one transaction, by compare-and-set on the old state.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use serde_json::Value;

use super::error::LedgerError;
use super::mask::Mask;
use super::owner::Owner;
use super::schema::Ledger;
use super::state::{AttemptState, IllegalMove, RunKind, RunState};
use super::steps::{NewWorkstream, StepEnd, StepMove, StepStart, ToolHealth};
use crate::event::{AttemptResult, Ended, Event, Place};

/// One thing to be written.
#[derive(Debug, Clone)]
pub enum Entry {
    /// Durable.
    Change(Box<Change>),
    /// Written with the next batch.
    Event(Box<Record>),
}

/// An event on its way into the ledger.
#[derive(Debug, Clone)]
pub struct Record {
    pub place: Place,
    /// Milliseconds since the epoch, UTC; so are all times here.
    pub at: i64,
    pub event: Event,
}

/// A transition.
#[derive(Debug, Clone)]
pub enum Change {
    CreateRun(NewRun),
    MoveRun(RunMove),
    StartAttempt(NewAttempt),
    EndAttempt(AttemptEnd),
    CreateWorkstream(NewWorkstream),
    MoveStep(StepMove),
    StartStep(StepStart),
    EndStep(StepEnd),
    /// Steps that are to be run again, when their run is resumed.
    StepsAgain {
        run_id: String,
        steps: Vec<String>,
        at: i64,
    },
    /// A tool's circuit and metrics, with what happened to it.
    Health {
        health: ToolHealth,
        place: Place,
        event: Option<Event>,
    },
    /// Where the round of a rule stands.
    Position {
        rule: String,
        position: u64,
    },
}

/// A run that is to be; it begins as `pending`.
#[derive(Debug, Clone)]
pub struct NewRun {
    pub run_id: String,
    pub kind: RunKind,
    pub project_id: Option<String>,
    pub workstream_id: Option<String>,
    pub parent_run_id: Option<String>,
    pub metadata: Option<Value>,
    pub at: i64,
}

/// From one state of a run to the next. A run that ends takes its open attempts with it.
#[derive(Debug, Clone)]
pub struct RunMove {
    pub run_id: String,
    pub from: RunState,
    pub to: RunState,
    pub at: i64,
    pub exit_code: Option<i32>,
    pub error: Option<String>,
    pub event: Event,
}

/// An attempt that begins; its numbers are given by the ledger.
#[derive(Debug, Clone)]
pub struct NewAttempt {
    pub attempt_id: String,
    pub run_id: String,
    pub step_id: String,
    pub role: Option<String>,
    pub agent: Option<String>,
    pub tool: Option<String>,
    pub prompt: Option<String>,
    pub request: Option<Value>,
    pub log_path: Option<String>,
    pub at: i64,
    pub event: Event,
}

/// An attempt that ends.
#[derive(Debug, Clone)]
pub struct AttemptEnd {
    /// Run and attempt.
    pub place: Place,
    pub state: AttemptState,
    pub at: i64,
    pub result: AttemptResult,
    pub event: Event,
}

impl Ledger {
    /// Writes entries in their order in one transaction. A kill of the program cannot undo it from then on; what a
    /// power cut must not undo is followed by [`Ledger::sync`].
    ///
    /// Returns the places of entries that were refused for themselves (a lost race, a duplicate); the others are
    /// written.
    ///
    /// # Errors
    /// The file could not be written: nothing was.
    pub fn write<'e>(
        &mut self,
        entries: impl IntoIterator<Item = &'e Entry>,
    ) -> Result<Vec<(usize, LedgerError)>, LedgerError> {
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut refused = Vec::new();
        let desk = Desk { tx: &tx, owner: &self.owner, mask: self.mask.as_ref() };
        for (place, entry) in entries.into_iter().enumerate() {
            let done = match entry {
                Entry::Change(change) => desk.apply(change),
                Entry::Event(record) => desk.event(&record.place, record.at, &record.event),
            };
            match done {
                Ok(()) => {}
                Err(e) if e.refuses_one() => refused.push((place, e)),
                Err(e) => return Err(e),
            }
        }
        tx.commit()?;
        Ok(refused)
    }

    /// One transition, durable when this returns.
    pub fn change(&mut self, change: Change) -> Result<(), LedgerError> {
        match self.write([&Entry::Change(Box::new(change))])?.pop() {
            None => self.sync(),
            Some((_, error)) => Err(error),
        }
    }
}

/// Where changes are made: a transaction, who makes them, and what no reader may see.
pub(super) struct Desk<'a> {
    pub tx: &'a Connection,
    pub owner: &'a Owner,
    pub mask: Option<&'a Mask>,
}

/// Each change begins with the statement that can lose, so a refused one has changed nothing.
impl Desk<'_> {
    pub(super) fn apply(&self, change: &Change) -> Result<(), LedgerError> {
        match change {
            Change::CreateRun(new) => self.create_run(new),
            Change::MoveRun(step) => self.move_run(step),
            Change::StartAttempt(new) => self.start_attempt(new),
            Change::EndAttempt(end) => self.end_attempt(end),
            Change::CreateWorkstream(new) => self.create_workstream(new),
            Change::MoveStep(step) => self.move_step(step),
            Change::StartStep(start) => self.start_step(start),
            Change::EndStep(end) => self.end_step(end),
            Change::StepsAgain { run_id, steps, at } => self.steps_again(run_id, steps, *at),
            Change::Health { health, place, event } => {
                self.set_health(health)?;
                event.as_ref().map_or(Ok(()), |event| self.event(place, health.updated_at, event))
            }
            Change::Position { rule, position } => self.set_position(rule, *position),
        }
    }

    pub(super) fn event(&self, place: &Place, at: i64, event: &Event) -> Result<(), LedgerError> {
        let parts = event.parts()?;
        // The pieces of an agent's output come masked already, also where a secret lies across two of them.
        let data = match self.mask.filter(|_| !matches!(event, Event::AttemptOutput { .. })) {
            None => parts.data.get().to_owned(),
            Some(mask) => mask.json(parts.data.get())?,
        };
        let mut insert = self.tx.prepare_cached(
            "insert into run_events (run_id, attempt_id, at, kind, data) values (?1, ?2, ?3, ?4, ?5)",
        )?;
        insert.execute(params![place.run_id, place.attempt_id, at, parts.kind, data])?;
        Ok(())
    }

    pub(super) fn masked(&self, text: Option<&String>) -> Option<String> {
        text.map(|text| self.mask.map_or_else(|| text.clone(), |mask| mask.text(text)))
    }

    fn json(&self, value: Option<&Value>) -> Result<Option<String>, LedgerError> {
        let text = value.map(Value::to_string);
        match (text, self.mask) {
            (Some(text), Some(mask)) => Ok(Some(mask.json(&text)?)),
            (text, _) => Ok(text),
        }
    }

    pub(super) fn create_run(&self, new: &NewRun) -> Result<(), LedgerError> {
        let mut insert = self.tx.prepare_cached(
            "insert into runs (run_id, kind, project_id, workstream_id, parent_run_id, state, created_at,
             metadata, owner) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?;
        insert.execute(params![
            new.run_id,
            new.kind.name(),
            new.project_id,
            new.workstream_id,
            new.parent_run_id,
            RunState::Pending.name(),
            new.at,
            self.json(new.metadata.as_ref())?,
            self.owner.json()?
        ])?;
        let event =
            Event::RunCreated { run_kind: new.kind.to_string(), parent_run_id: new.parent_run_id.clone() };
        self.event(&Place::run(&*new.run_id), new.at, &event)
    }

    fn move_run(&self, step: &RunMove) -> Result<(), LedgerError> {
        step.from.step(step.to)?;
        let mut update = self.tx.prepare_cached(match (step.from, step.to) {
            // What was the end is none any more; whoever resumes a run owns it.
            (_, RunState::Running) => {
                "update runs set state = ?3, started_at = coalesce(started_at, ?4), ended_at = null,
                 exit_code = ?5, error = ?6, owner = ?7 where run_id = ?1 and state = ?2"
            }
            // A failure that is set aside keeps its end, code and error.
            (RunState::Failed, _) => {
                "update runs set state = ?3, ended_at = coalesce(ended_at, ?4),
                 exit_code = coalesce(exit_code, ?5), error = coalesce(error, ?6), owner = coalesce(owner, ?7)
                 where run_id = ?1 and state = ?2"
            }
            _ => {
                "update runs set state = ?3, ended_at = ?4, exit_code = ?5, error = ?6,
                 owner = coalesce(owner, ?7) where run_id = ?1 and state = ?2"
            }
        })?;
        let changed = update.execute(params![
            step.run_id,
            step.from.name(),
            step.to.name(),
            step.at,
            step.exit_code,
            self.masked(step.error.as_ref()),
            self.owner.json()?
        ])?;
        if changed == 0 {
            let mut now = self.tx.prepare_cached("select state from runs where run_id = ?1")?;
            let now = now.query_row([&step.run_id], |row| row.get(0)).optional()?;
            return Err(lost("run", &step.run_id, step.from.name(), now));
        }
        if step.to.is_over() {
            self.end_open_attempts(step)?;
            let why = step.error.as_deref().unwrap_or("the run ended");
            self.cancel_open_steps(&step.run_id, why, step.at)?;
        }
        self.event(&Place::run(&*step.run_id), step.at, &step.event)
    }

    fn end_open_attempts(&self, step: &RunMove) -> Result<(), LedgerError> {
        let mut open = self.tx.prepare_cached(
            "select attempt_id, role from step_attempts where run_id = ?1 and state = 'running'
             order by sequence",
        )?;
        let rows = open.query_map([&step.run_id], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let rows: Vec<(String, Option<String>)> = rows.collect::<Result<_, _>>()?;
        let canceled = step.to == RunState::Canceled;
        let error = step.error.clone().unwrap_or_else(|| "the run ended".into());
        for (attempt_id, role) in rows {
            let place = Place::run(&*step.run_id).attempt(attempt_id);
            let (state, outcome) = if canceled {
                (AttemptState::Canceled, Ended::Canceled)
            } else {
                (AttemptState::Failed, Ended::Failed)
            };
            let result = AttemptResult { error: Some(error.clone()), ..AttemptResult::default() };
            let line = format!("ended with its run: {error}");
            let role = role.unwrap_or_default();
            let event = Event::AttemptEnded { role, line, outcome, result: result.clone() };
            self.end_attempt(&AttemptEnd { place, state, at: step.at, result, event })?;
        }
        Ok(())
    }

    pub(super) fn start_attempt(&self, new: &NewAttempt) -> Result<(), LedgerError> {
        let mut insert = self.tx.prepare_cached(
            "insert into step_attempts (attempt_id, run_id, step_id, sequence, attempt, role, agent, tool, prompt,
             state, started_at, request, log_path, owner)
             values (?1, ?2, ?3,
             1 + coalesce((select max(sequence) from step_attempts where run_id = ?2), 0),
             1 + (select count(*) from step_attempts where run_id = ?2 and step_id = ?3),
             ?4, ?5, ?6, ?7, 'running', ?8, ?9, ?10, ?11)",
        )?;
        insert.execute(params![
            new.attempt_id,
            new.run_id,
            new.step_id,
            new.role,
            new.agent,
            new.tool,
            new.prompt,
            new.at,
            self.json(new.request.as_ref())?,
            new.log_path,
            self.owner.json()?
        ])?;
        let place = Place::run(&*new.run_id).attempt(&*new.attempt_id);
        self.event(&place, new.at, &new.event)
    }

    pub(super) fn end_attempt(&self, end: &AttemptEnd) -> Result<(), LedgerError> {
        if end.state == AttemptState::Running {
            return Err(IllegalMove::Attempt { to: end.state }.into());
        }
        let mut update = self.tx.prepare_cached(
            "update step_attempts set state = ?2, ended_at = ?3, exit_code = ?4, signal = ?5, error_kind = ?6,
             error = ?7, result = ?8, input_tokens = ?9, output_tokens = ?10, cost_usd = ?11
             where attempt_id = ?1 and state = 'running'",
        )?;
        let tokens = |n: Option<u64>| n.and_then(|n| i64::try_from(n).ok());
        let attempt_id = end.place.attempt_id.as_deref().unwrap_or_default();
        let result = &end.result;
        let changed = update.execute(params![
            attempt_id,
            end.state.name(),
            end.at,
            result.exit_code,
            result.signal,
            result.error_kind,
            self.masked(result.error.as_ref()),
            self.json(Some(&serde_json::to_value(result)?))?,
            tokens(result.input_tokens),
            tokens(result.output_tokens),
            result.cost_usd
        ])?;
        if changed == 0 {
            let mut now = self.tx.prepare_cached("select state from step_attempts where attempt_id = ?1")?;
            let now = now.query_row([attempt_id], |row| row.get(0)).optional()?;
            return Err(lost("attempt", attempt_id, "running", now));
        }
        self.event(&end.place, end.at, &end.event)
    }
}

pub(super) fn lost(what: &str, id: &str, expected: &str, now: Option<String>) -> LedgerError {
    LedgerError::LostRace { what: format!("{what} {id}"), expected: expected.to_owned(), now }
}

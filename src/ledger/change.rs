//! Transitions: each with its event in one transaction, by compare-and-set on the old state.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use serde_json::Value;

use super::error::LedgerError;
use super::owner::Owner;
use super::schema::Ledger;
use super::state::{AttemptState, IllegalMove, RunKind, RunState};
use crate::event::{Event, Place};

/// One thing to be written.
#[derive(Debug)]
pub enum Entry {
    /// Durable.
    Change(Change),
    /// Written with the next batch.
    Event(Record),
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
#[derive(Debug)]
pub enum Change {
    CreateRun(NewRun),
    MoveRun(RunMove),
    StartAttempt(NewAttempt),
    EndAttempt(AttemptEnd),
}

/// A run that is to be; it begins as `pending`.
#[derive(Debug)]
pub struct NewRun {
    pub run_id: String,
    pub kind: RunKind,
    pub project_id: Option<String>,
    pub workstream_id: Option<String>,
    pub parent_run_id: Option<String>,
    pub metadata: Option<Value>,
    pub owner: Owner,
    pub at: i64,
}

/// From one state of a run to the next. A run that ends takes its open attempts with it.
#[derive(Debug)]
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
#[derive(Debug)]
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
    pub owner: Owner,
    pub at: i64,
    pub event: Event,
}

/// An attempt that ends.
#[derive(Debug)]
pub struct AttemptEnd {
    pub attempt_id: String,
    pub run_id: String,
    pub state: AttemptState,
    pub at: i64,
    pub exit_code: Option<i32>,
    pub signal: Option<i32>,
    pub error_kind: Option<String>,
    pub error: Option<String>,
    pub result: Option<Value>,
    pub input_tokens: Option<u64>,
    pub output_tokens: Option<u64>,
    pub cost_usd: Option<f64>,
    pub event: Event,
}

impl Ledger {
    /// Writes entries in their order in one transaction, durably if there is a transition among them.
    ///
    /// Returns the places of entries that were refused for themselves (a lost race, a duplicate); the others are
    /// written.
    ///
    /// # Errors
    /// The file could not be written: nothing was.
    pub fn write<'e>(
        &mut self,
        entries: impl IntoIterator<Item = &'e Entry>,
        durable: bool,
    ) -> Result<Vec<(usize, LedgerError)>, LedgerError> {
        self.set_durable(durable)?;
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut refused = Vec::new();
        for (place, entry) in entries.into_iter().enumerate() {
            let done = match entry {
                Entry::Change(change) => apply(&tx, change),
                Entry::Event(record) => insert_event(&tx, &record.place, record.at, &record.event),
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
        match self.write([&Entry::Change(change)], true)?.pop() {
            None => Ok(()),
            Some((_, error)) => Err(error),
        }
    }
}

/// Each change begins with the statement that can lose, so a refused one has changed nothing.
pub(super) fn apply(tx: &Connection, change: &Change) -> Result<(), LedgerError> {
    match change {
        Change::CreateRun(new) => create_run(tx, new),
        Change::MoveRun(step) => move_run(tx, step),
        Change::StartAttempt(new) => start_attempt(tx, new),
        Change::EndAttempt(end) => end_attempt(tx, end),
    }
}

pub(super) fn insert_event(
    tx: &Connection,
    place: &Place,
    at: i64,
    event: &Event,
) -> Result<(), LedgerError> {
    let parts = event.parts()?;
    let mut insert = tx.prepare_cached(
        "insert into run_events (run_id, attempt_id, at, kind, data) values (?1, ?2, ?3, ?4, ?5)",
    )?;
    insert.execute(params![place.run_id, place.attempt_id, at, parts.kind, parts.data.get()])?;
    Ok(())
}

fn json(value: &Value) -> String {
    value.to_string()
}

fn owner_text(owner: &Owner) -> Result<String, LedgerError> {
    Ok(serde_json::to_string(owner)?)
}

fn create_run(tx: &Connection, new: &NewRun) -> Result<(), LedgerError> {
    let mut insert = tx.prepare_cached(
        "insert into runs (run_id, kind, project_id, workstream_id, parent_run_id, state, created_at, metadata,
         owner) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    insert.execute(params![
        new.run_id,
        new.kind.name(),
        new.project_id,
        new.workstream_id,
        new.parent_run_id,
        RunState::Pending.name(),
        new.at,
        new.metadata.as_ref().map(json),
        owner_text(&new.owner)?
    ])?;
    let event =
        Event::RunCreated { run_kind: new.kind.to_string(), parent_run_id: new.parent_run_id.clone() };
    insert_event(tx, &Place::run(&*new.run_id), new.at, &event)
}

fn move_run(tx: &Connection, step: &RunMove) -> Result<(), LedgerError> {
    step.from.step(step.to)?;
    let mut update = tx.prepare_cached(match (step.from, step.to) {
        // What was the end is none any more.
        (_, RunState::Running) => {
            "update runs set state = ?3, started_at = coalesce(started_at, ?4), ended_at = null,
             exit_code = ?5, error = ?6 where run_id = ?1 and state = ?2"
        }
        // A failure that is set aside keeps its end, code and error.
        (RunState::Failed, _) => {
            "update runs set state = ?3, ended_at = coalesce(ended_at, ?4), exit_code = coalesce(exit_code, ?5),
             error = coalesce(error, ?6) where run_id = ?1 and state = ?2"
        }
        _ => {
            "update runs set state = ?3, ended_at = ?4, exit_code = ?5, error = ?6
             where run_id = ?1 and state = ?2"
        }
    })?;
    let changed = update.execute(params![
        step.run_id,
        step.from.name(),
        step.to.name(),
        step.at,
        step.exit_code,
        step.error
    ])?;
    if changed == 0 {
        let mut now = tx.prepare_cached("select state from runs where run_id = ?1")?;
        let now = now.query_row([&step.run_id], |row| row.get(0)).optional()?;
        return Err(lost("run", &step.run_id, step.from.name(), now));
    }
    if step.to.is_over() {
        end_open_attempts(tx, step)?;
    }
    insert_event(tx, &Place::run(&*step.run_id), step.at, &step.event)
}

fn lost(what: &str, id: &str, expected: &str, now: Option<String>) -> LedgerError {
    LedgerError::LostRace { what: format!("{what} {id}"), expected: expected.to_owned(), now }
}

fn end_open_attempts(tx: &Connection, step: &RunMove) -> Result<(), LedgerError> {
    let mut open = tx.prepare_cached(
        "select attempt_id, role from step_attempts where run_id = ?1 and state = 'running'
         order by sequence",
    )?;
    let rows = open.query_map([&step.run_id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let rows: Vec<(String, Option<String>)> = rows.collect::<Result<_, _>>()?;
    for (attempt_id, role) in rows {
        let canceled = step.to == RunState::Canceled;
        let error = step.error.clone().unwrap_or_else(|| "the run ended".into());
        let line = format!("ended with its run: {error}");
        end_attempt(
            tx,
            &AttemptEnd {
                attempt_id,
                run_id: step.run_id.clone(),
                state: if canceled { AttemptState::Canceled } else { AttemptState::Failed },
                at: step.at,
                exit_code: None,
                signal: None,
                error_kind: None,
                error: Some(error),
                result: None,
                input_tokens: None,
                output_tokens: None,
                cost_usd: None,
                event: Event::AttemptEnded { role: role.unwrap_or_default(), line, ok: false },
            },
        )?;
    }
    Ok(())
}

fn start_attempt(tx: &Connection, new: &NewAttempt) -> Result<(), LedgerError> {
    let mut insert = tx.prepare_cached(
        "insert into step_attempts (attempt_id, run_id, step_id, sequence, attempt, role, agent, tool, prompt, state,
         started_at, request, log_path, owner)
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
        new.request.as_ref().map(json),
        new.log_path,
        owner_text(&new.owner)?
    ])?;
    let place = Place::run(&*new.run_id).attempt(&*new.attempt_id);
    insert_event(tx, &place, new.at, &new.event)
}

fn end_attempt(tx: &Connection, end: &AttemptEnd) -> Result<(), LedgerError> {
    if end.state == AttemptState::Running {
        return Err(IllegalMove::Attempt { to: end.state }.into());
    }
    let mut update = tx.prepare_cached(
        "update step_attempts set state = ?2, ended_at = ?3, exit_code = ?4, signal = ?5, error_kind = ?6, error = ?7,
         result = ?8, input_tokens = ?9, output_tokens = ?10, cost_usd = ?11
         where attempt_id = ?1 and state = 'running'",
    )?;
    let tokens = |n: Option<u64>| n.and_then(|n| i64::try_from(n).ok());
    let changed = update.execute(params![
        end.attempt_id,
        end.state.name(),
        end.at,
        end.exit_code,
        end.signal,
        end.error_kind,
        end.error,
        end.result.as_ref().map(json),
        tokens(end.input_tokens),
        tokens(end.output_tokens),
        end.cost_usd
    ])?;
    if changed == 0 {
        let mut now = tx.prepare_cached("select state from step_attempts where attempt_id = ?1")?;
        let now = now.query_row([&end.attempt_id], |row| row.get(0)).optional()?;
        return Err(lost("attempt", &end.attempt_id, "running", now));
    }
    let place = Place::run(&*end.run_id).attempt(&*end.attempt_id);
    insert_event(tx, &place, end.at, &end.event)
}

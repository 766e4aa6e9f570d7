//! What a killed program left as `running` is closed by the next start.

use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior, params};

use super::change::{AttemptEnd, Change, Desk, RunMove};
use super::error::LedgerError;
use super::model::RunRow;
use super::owner::Owner;
use super::schema::Ledger;
use super::state::{AttemptState, RunState};
use crate::event::{AttemptResult, Ended, Event, Place};

/// The error of a row whose owner died.
pub const CRASH: &str = "orchestrator-crash";

impl Ledger {
    /// Closes runs and attempts whose owner is dead; returns how many rows. Two starts at once close each row once.
    pub fn close_dead(&mut self) -> Result<usize, LedgerError> {
        let here = &self.owner.clone();
        let dead_runs = open_rows(
            &self.conn,
            "select run_id, state, owner, '' from runs where state in ('pending', 'running')",
            here,
        )?;
        let dead_attempts = open_rows(
            &self.conn,
            "select attempt_id, run_id, owner, coalesce(role, '') from step_attempts where state = 'running'",
            here,
        )?;
        if dead_runs.is_empty() && dead_attempts.is_empty() {
            return Ok(0);
        }
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut closed = 0;
        let desk = Desk { tx: &tx, owner: here, mask: None };
        for [attempt_id, run_id, role] in dead_attempts {
            let at = last_sign(&tx, &run_id)?;
            let result = AttemptResult {
                error_kind: Some(CRASH.into()),
                error: Some(CRASH.into()),
                ..AttemptResult::default()
            };
            let line = format!("failed: {CRASH}");
            let event = Event::AttemptEnded { role, line, outcome: Ended::Failed, result: result.clone() };
            let place = Place::run(run_id).attempt(attempt_id);
            let end = AttemptEnd { place, state: AttemptState::Failed, at, result, event };
            closed += counted(desk.apply(&Change::EndAttempt(end)))?;
        }
        for [run_id, state, _] in dead_runs {
            let pending = state == RunState::Pending.name();
            let (from, to) = if pending {
                (RunState::Pending, RunState::Canceled)
            } else {
                (RunState::Running, RunState::Failed)
            };
            let at = last_sign(&tx, &run_id)?;
            let event = ended(&tx, &run_id, at)?;
            let error = Some(CRASH.to_owned());
            let step = RunMove { run_id, from, to, at, exit_code: None, error, event };
            closed += counted(desk.apply(&Change::MoveRun(step)))?;
        }
        tx.commit()?;
        self.sync()?;
        Ok(closed)
    }
}

impl Ledger {
    /// Whether a run is open though its program is gone: the next start will close it.
    pub fn is_abandoned(&self, run: &RunRow) -> bool {
        let owner = run.owner.as_ref().and_then(|raw| serde_json::from_str::<Owner>(raw.get()).ok());
        run.ended_at.is_none() && owner.is_some_and(|owner| owner.is_dead(&self.owner))
    }
}

/// Whoever was first has closed it.
fn counted(done: Result<(), LedgerError>) -> Result<usize, LedgerError> {
    match done {
        Ok(()) => Ok(1),
        Err(LedgerError::LostRace { .. }) => Ok(0),
        Err(e) => Err(e),
    }
}

/// First, second and fourth column of the rows whose owner, the third, is dead.
fn open_rows(conn: &Connection, sql: &str, here: &Owner) -> Result<Vec<[String; 3]>, LedgerError> {
    let mut select = conn.prepare(sql)?;
    let mut rows = select.query([])?;
    let mut dead = Vec::new();
    while let Some(row) = rows.next()? {
        let owner: Option<String> = row.get(2)?;
        let owner = owner.and_then(|text| serde_json::from_str::<Owner>(&text).ok());
        if owner.is_some_and(|owner| owner.is_dead(here)) {
            dead.push([row.get(0)?, row.get(1)?, row.get(3)?]);
        }
    }
    Ok(dead)
}

/// When the run was last heard of: nearer to its end than the time of whoever found it.
fn last_sign(conn: &Connection, run_id: &str) -> Result<i64, LedgerError> {
    Ok(conn.query_row(
        "select coalesce((select at from run_events where run_id = ?1 order by seq desc limit 1),
         (select created_at from runs where run_id = ?1), 0)",
        [run_id],
        |row| row.get(0),
    )?)
}

fn ended(conn: &Connection, run_id: &str, at: i64) -> Result<Event, LedgerError> {
    let (turns, took): (i64, i64) = conn.query_row(
        "select (select count(*) from step_attempts where run_id = ?1),
         ?2 - coalesce(started_at, created_at) from runs where run_id = ?1",
        params![run_id, at],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(Event::RunEnded {
        outcome: Ended::Failed,
        turns: u64::try_from(turns).unwrap_or(0),
        duration: Duration::from_millis(u64::try_from(took).unwrap_or(0)),
        cost_usd: None,
        why: CRASH.into(),
        next: "orchestrator".into(),
    })
}

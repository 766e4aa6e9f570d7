//! Steps of workstreams, and what is remembered of their tools.

use rusqlite::{OptionalExtension, Row, TransactionBehavior, params};
use serde::Serialize;

use super::change::{AttemptEnd, Desk, NewAttempt, NewRun, lost};
use super::error::LedgerError;
use super::schema::Ledger;
use super::state::{AttemptState, StepState};
use crate::event::{Event, Place};

/// A run of a workstream that is to be, with its steps in the order of the file.
#[derive(Debug, Clone)]
pub struct NewWorkstream {
    pub run: NewRun,
    pub steps: Vec<(String, StepState)>,
    /// It is begun by this program; else it waits, and its owner's end does not end it.
    pub owned: bool,
}

/// A step comes into another state without an attempt.
#[derive(Debug, Clone)]
pub struct StepMove {
    pub run_id: String,
    pub step_id: String,
    pub from: StepState,
    pub to: StepState,
    pub at: i64,
    pub reason: Option<String>,
    pub event: Option<Event>,
}

/// An attempt at a step begins. `from`: `ready`, or `running` for a further one.
#[derive(Debug, Clone)]
pub struct StepStart {
    pub attempt: NewAttempt,
    pub from: StepState,
}

/// An attempt at a step ends.
#[derive(Debug, Clone)]
pub struct StepEnd {
    pub attempt: AttemptEnd,
    pub step_id: String,
    /// What becomes of the step; none: there will be another attempt.
    pub to: Option<StepState>,
}

/// A tool's circuit and metrics.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ToolHealth {
    pub tool: String,
    pub circuit: String,
    pub failures: u32,
    pub opened_at: Option<i64>,
    pub runs: u64,
    pub success_rate: Option<f64>,
    pub latency_ms: Option<f64>,
    pub updated_at: i64,
}

/// A step of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepRow {
    pub step_id: String,
    pub state: StepState,
    pub changed_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Desk<'_> {
    pub(super) fn create_workstream(&self, new: &NewWorkstream) -> Result<(), LedgerError> {
        self.create_run(&new.run)?;
        if !new.owned {
            self.tx
                .prepare_cached("update runs set owner = null where run_id = ?1")?
                .execute([&new.run.run_id])?;
        }
        let mut insert = self.tx.prepare_cached(
            "insert into steps (run_id, step_id, place, state, changed_at) values (?1, ?2, ?3, ?4, ?5)",
        )?;
        for (place, (step_id, state)) in (0i64..).zip(&new.steps) {
            insert.execute(params![new.run.run_id, step_id, place, state.name(), new.run.at])?;
        }
        Ok(())
    }

    pub(super) fn move_step(&self, step: &StepMove) -> Result<(), LedgerError> {
        step.from.step(step.to)?;
        let ids = (&*step.run_id, &*step.step_id);
        self.set_step(ids, step.from, step.to, step.at, step.reason.as_ref())?;
        match &step.event {
            Some(event) => self.event(&Place::run(&*step.run_id), step.at, event),
            None => Ok(()),
        }
    }

    fn set_step(
        &self,
        (run_id, step_id): (&str, &str),
        from: StepState,
        to: StepState,
        at: i64,
        reason: Option<&String>,
    ) -> Result<(), LedgerError> {
        let mut update = self.tx.prepare_cached(
            "update steps set state = ?4, changed_at = ?5, reason = ?6
             where run_id = ?1 and step_id = ?2 and state = ?3",
        )?;
        let reason = self.masked(reason);
        if update.execute(params![run_id, step_id, from.name(), to.name(), at, reason])? == 1 {
            return Ok(());
        }
        let mut now = self.tx.prepare_cached("select state from steps where run_id = ?1 and step_id = ?2")?;
        let now = now.query_row([run_id, step_id], |row| row.get(0)).optional()?;
        Err(lost("step", step_id, from.name(), now))
    }

    pub(super) fn start_step(&self, start: &StepStart) -> Result<(), LedgerError> {
        let new = &start.attempt;
        if start.from != StepState::Running {
            start.from.step(StepState::Running)?;
            let ids = (&*new.run_id, &*new.step_id);
            self.set_step(ids, start.from, StepState::Running, new.at, None)?;
        }
        self.start_attempt(new)
    }

    pub(super) fn end_step(&self, end: &StepEnd) -> Result<(), LedgerError> {
        AttemptState::Running.step(end.attempt.state)?;
        self.end_attempt(&end.attempt)?;
        if let Some(to) = end.to {
            StepState::Running.step(to)?;
            let run_id = end.attempt.place.run_id.as_deref().unwrap_or_default();
            let reason = end.attempt.result.error.as_ref();
            self.set_step((run_id, &end.step_id), StepState::Running, to, end.attempt.at, reason)?;
        }
        Ok(())
    }

    /// Steps that are to be run again when their run is resumed.
    pub(super) fn steps_again(&self, run_id: &str, steps: &[String], at: i64) -> Result<(), LedgerError> {
        let mut update = self.tx.prepare_cached(
            "update steps set state = 'pending', changed_at = ?3, reason = null
             where run_id = ?1 and step_id = ?2 and state <> 'succeeded'",
        )?;
        for step_id in steps {
            update.execute(params![run_id, step_id, at])?;
        }
        Ok(())
    }

    /// A run that is over has no step that is not.
    pub(super) fn cancel_open_steps(&self, run_id: &str, why: &str, at: i64) -> Result<(), LedgerError> {
        let mut update = self.tx.prepare_cached(
            "update steps set state = 'canceled', changed_at = ?3, reason = ?2
             where run_id = ?1 and state in ('pending', 'ready', 'running')",
        )?;
        update.execute(params![run_id, self.masked(Some(&why.to_owned())), at])?;
        Ok(())
    }

    pub(super) fn set_health(&self, health: &ToolHealth) -> Result<(), LedgerError> {
        let mut insert = self.tx.prepare_cached(
            "insert into tool_health (tool, circuit, failures, opened_at, runs, success_rate, latency_ms,
             updated_at) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             on conflict (tool) do update set circuit = ?2, failures = ?3, opened_at = ?4, runs = ?5,
             success_rate = ?6, latency_ms = ?7, updated_at = ?8",
        )?;
        insert.execute(params![
            health.tool,
            health.circuit,
            health.failures,
            health.opened_at,
            i64::try_from(health.runs).unwrap_or(i64::MAX),
            health.success_rate,
            health.latency_ms,
            health.updated_at
        ])?;
        Ok(())
    }

    pub(super) fn set_position(&self, rule: &str, position: u64) -> Result<(), LedgerError> {
        let mut insert = self.tx.prepare_cached(
            "insert into round_robin (rule, position) values (?1, ?2)
             on conflict (rule) do update set position = ?2",
        )?;
        insert.execute(params![rule, i64::try_from(position).unwrap_or(0)])?;
        Ok(())
    }
}

impl Ledger {
    /// The steps of a run in the order of their file; none for a run that is no workstream's.
    pub fn steps(&self, run_id: &str) -> Result<Vec<StepRow>, LedgerError> {
        let mut select = self.conn.prepare_cached(
            "select step_id, state, changed_at, reason from steps where run_id = ?1 order by place",
        )?;
        let rows = select.query_map([run_id], |row| {
            let state: String = row.get(1)?;
            Ok(StepRow {
                step_id: row.get(0)?,
                // The column holds no other words.
                state: state.parse().unwrap_or(StepState::Pending),
                changed_at: row.get(2)?,
                reason: row.get(3)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Changes what is remembered of a tool, from what is remembered now: several programs may do so at once. What it
    /// has become; a kill cannot undo it.
    pub fn change_health(
        &mut self,
        tool: &str,
        change: impl FnOnce(Option<&ToolHealth>) -> ToolHealth,
    ) -> Result<ToolHealth, LedgerError> {
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let now =
            tx.prepare_cached(&health_rows("where tool = ?1"))?.query_row([tool], health_row).optional()?;
        let next = change(now.as_ref());
        Desk { tx: &tx, owner: &self.owner, mask: None }.set_health(&next)?;
        tx.commit()?;
        Ok(next)
    }

    /// What is remembered of every tool, by name.
    pub fn tool_health(&self) -> Result<Vec<ToolHealth>, LedgerError> {
        let mut select = self.conn.prepare_cached(&health_rows("order by tool"))?;
        let rows = select.query_map([], health_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Where the rounds of the rules stand.
    pub fn positions(&self) -> Result<Vec<(String, u64)>, LedgerError> {
        let mut select = self.conn.prepare_cached("select rule, position from round_robin")?;
        let rows = select
            .query_map([], |row| Ok((row.get(0)?, u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0))))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn health_rows(which: &str) -> String {
    format!(
        "select tool, circuit, failures, opened_at, runs, success_rate, latency_ms, updated_at from tool_health {which}"
    )
}

fn health_row(row: &Row<'_>) -> rusqlite::Result<ToolHealth> {
    Ok(ToolHealth {
        tool: row.get(0)?,
        circuit: row.get(1)?,
        failures: row.get(2)?,
        opened_at: row.get(3)?,
        runs: u64::try_from(row.get::<_, i64>(4)?).unwrap_or(0),
        success_rate: row.get(5)?,
        latency_ms: row.get(6)?,
        updated_at: row.get(7)?,
    })
}

//! Rows as they are shown: the same shape for every reader of JSON.

use rusqlite::Row;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::event::{Event, VERSION};

/// A run. Times are milliseconds since the epoch, UTC.
#[derive(Debug, Clone, Serialize)]
pub struct RunRow {
    pub run_id: String,
    pub kind: String,
    pub state: String,
    pub project_id: Option<String>,
    pub workstream_id: Option<String>,
    pub parent_run_id: Option<String>,
    pub created_at: i64,
    pub started_at: Option<i64>,
    pub ended_at: Option<i64>,
    pub exit_code: Option<i32>,
    pub error: Option<String>,
    pub metadata: Option<Box<RawValue>>,
    pub owner: Option<Box<RawValue>>,
    /// How many attempts it has.
    pub attempts: i64,
    /// Sums over the attempts; unknown unless every attempt says it.
    pub input_tokens: Option<i64>,
    pub output_tokens: Option<i64>,
    pub cost_usd: Option<f64>,
}

/// The columns of a [`RunRow`].
pub(super) const RUN: &str = "r.run_id, r.kind, r.state, r.project_id, r.workstream_id, r.parent_run_id, \
     r.created_at, r.started_at, r.ended_at, r.exit_code, r.error, r.metadata, r.owner, \
     (select count(*) from step_attempts a where a.run_id = r.run_id), \
     (select case when count(*) = count(input_tokens) then sum(input_tokens) end \
      from step_attempts a where a.run_id = r.run_id), \
     (select case when count(*) = count(output_tokens) then sum(output_tokens) end \
      from step_attempts a where a.run_id = r.run_id), \
     (select case when count(*) = count(cost_usd) then sum(cost_usd) end \
      from step_attempts a where a.run_id = r.run_id)";

/// An attempt.
#[derive(Debug, Clone, Serialize)]
pub struct AttemptRow {
    pub attempt_id: String,
    pub run_id: String,
    pub step_id: String,
    pub sequence: i64,
    pub attempt: i64,
    pub role: Option<String>,
    pub agent: Option<String>,
    pub tool: Option<String>,
    pub prompt: Option<String>,
    pub state: String,
    pub started_at: i64,
    pub ended_at: Option<i64>,
    pub exit_code: Option<i32>,
    pub signal: Option<i32>,
    pub error_kind: Option<String>,
    pub error: Option<String>,
    pub request: Option<Box<RawValue>>,
    pub result: Option<Box<RawValue>>,
    pub log_path: Option<String>,
    pub input_tokens: Option<i64>,
    pub output_tokens: Option<i64>,
    pub cost_usd: Option<f64>,
    pub owner: Option<Box<RawValue>>,
}

/// The columns of an [`AttemptRow`].
pub(super) const ATTEMPT: &str = "attempt_id, run_id, step_id, sequence, attempt, role, agent, tool, prompt, state, \
     started_at, ended_at, exit_code, signal, error_kind, error, request, result, log_path, input_tokens, \
     output_tokens, cost_usd, owner";

/// An event. Its kind may be one that only a newer program knows.
#[derive(Debug, Clone, Serialize)]
pub struct EventRow {
    pub version: u32,
    pub seq: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt_id: Option<String>,
    pub at_ms: i64,
    pub kind: String,
    pub data: Box<RawValue>,
}

impl EventRow {
    /// The event, if this program knows its kind.
    pub fn event(&self) -> Option<Event> {
        Event::of_parts(&self.kind, &self.data)
    }
}

/// The columns of an [`EventRow`].
pub(super) const EVENT: &str = "seq, run_id, attempt_id, at, kind, data";

/// What is no JSON (a damaged row) is shown as a text.
fn raw(text: String) -> Box<RawValue> {
    RawValue::from_string(text).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

pub(super) fn run(row: &Row<'_>) -> rusqlite::Result<RunRow> {
    Ok(RunRow {
        run_id: row.get(0)?,
        kind: row.get(1)?,
        state: row.get(2)?,
        project_id: row.get(3)?,
        workstream_id: row.get(4)?,
        parent_run_id: row.get(5)?,
        created_at: row.get(6)?,
        started_at: row.get(7)?,
        ended_at: row.get(8)?,
        exit_code: row.get(9)?,
        error: row.get(10)?,
        metadata: row.get::<_, Option<String>>(11)?.map(raw),
        owner: row.get::<_, Option<String>>(12)?.map(raw),
        attempts: row.get(13)?,
        input_tokens: row.get(14)?,
        output_tokens: row.get(15)?,
        cost_usd: row.get(16)?,
    })
}

pub(super) fn attempt(row: &Row<'_>) -> rusqlite::Result<AttemptRow> {
    Ok(AttemptRow {
        attempt_id: row.get(0)?,
        run_id: row.get(1)?,
        step_id: row.get(2)?,
        sequence: row.get(3)?,
        attempt: row.get(4)?,
        role: row.get(5)?,
        agent: row.get(6)?,
        tool: row.get(7)?,
        prompt: row.get(8)?,
        state: row.get(9)?,
        started_at: row.get(10)?,
        ended_at: row.get(11)?,
        exit_code: row.get(12)?,
        signal: row.get(13)?,
        error_kind: row.get(14)?,
        error: row.get(15)?,
        request: row.get::<_, Option<String>>(16)?.map(raw),
        result: row.get::<_, Option<String>>(17)?.map(raw),
        log_path: row.get(18)?,
        input_tokens: row.get(19)?,
        output_tokens: row.get(20)?,
        cost_usd: row.get(21)?,
        owner: row.get::<_, Option<String>>(22)?.map(raw),
    })
}

pub(super) fn event(row: &Row<'_>) -> rusqlite::Result<EventRow> {
    Ok(EventRow {
        version: VERSION,
        seq: row.get(0)?,
        run_id: row.get(1)?,
        attempt_id: row.get(2)?,
        at_ms: row.get(3)?,
        kind: row.get(4)?,
        data: raw(row.get(5)?),
    })
}

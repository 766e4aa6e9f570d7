//! The shapes of JSON in which runs, attempts and events are shown: one home for the commands and the web page, so
//! that both say the same.

use serde::Serialize;

use crate::ledger::{AttemptRow, EventRow, Found, Ledger, LedgerError, RunFilter, RunRow};

/// The version of every document here.
const VERSION: u32 = 1;
/// Rows read at once.
const BATCH: u32 = 500;

/// A run, and whether its program is gone without having ended it.
#[derive(Debug, Serialize)]
pub struct Run {
    #[serde(flatten)]
    pub row: RunRow,
    pub abandoned: bool,
}

/// What `history` prints.
#[derive(Debug, Serialize)]
pub struct Runs {
    pub version: u32,
    pub runs: Vec<Run>,
}

/// What `show` prints of a run.
#[derive(Debug, Serialize)]
pub struct WholeRun {
    pub version: u32,
    pub run: Run,
    pub attempts: Vec<AttemptRow>,
}

/// Attempts of a run, and of how many more there is to be read.
#[derive(Debug, Serialize)]
pub struct Attempts {
    pub version: u32,
    pub attempts: Vec<AttemptRow>,
    /// The number after which to go on; none: these were the last.
    pub next: Option<i64>,
}

/// What `show` prints of an attempt.
#[derive(Debug, Serialize)]
pub struct OneAttempt {
    pub version: u32,
    pub attempt: AttemptRow,
}

/// Events as `events` prints them, in a page.
#[derive(Debug, Serialize)]
pub struct Events {
    pub version: u32,
    pub events: Vec<EventRow>,
    /// The number after which to go on.
    pub next: i64,
    /// There may be more already.
    pub more: bool,
}

fn judged(ledger: &Ledger, row: RunRow) -> Run {
    Run { abandoned: ledger.is_abandoned(&row), row }
}

/// The newest runs first.
pub fn runs(ledger: &Ledger, filter: RunFilter, limit: u32) -> Result<Runs, LedgerError> {
    let rows = ledger.runs(filter, limit)?;
    Ok(Runs { version: VERSION, runs: rows.into_iter().map(|row| judged(ledger, row)).collect() })
}

/// A run with its first attempts, at most `limit`.
pub fn run(ledger: &Ledger, run_id: &str, limit: usize) -> Result<Option<WholeRun>, LedgerError> {
    let Some(row) = ledger.run(run_id)? else { return Ok(None) };
    let mut all: Vec<AttemptRow> = Vec::new();
    while all.len() < limit {
        let after = all.last().map_or(0, |row| row.sequence);
        let left = u32::try_from(limit - all.len()).unwrap_or(BATCH).min(BATCH);
        let rows = ledger.attempts(run_id, after, left)?;
        if rows.is_empty() {
            break;
        }
        all.extend(rows);
    }
    Ok(Some(WholeRun { version: VERSION, run: judged(ledger, row), attempts: all }))
}

/// Attempts of a run behind the number `after`.
pub fn attempts(ledger: &Ledger, run_id: &str, after: i64, limit: u32) -> Result<Attempts, LedgerError> {
    let rows = ledger.attempts(run_id, after, limit)?;
    let full = rows.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    let next = rows.last().map(|row| row.sequence).filter(|_| full);
    Ok(Attempts { version: VERSION, attempts: rows, next })
}

pub fn attempt(ledger: &Ledger, attempt_id: &str) -> Result<Option<OneAttempt>, LedgerError> {
    Ok(ledger.attempt(attempt_id)?.map(|attempt| OneAttempt { version: VERSION, attempt }))
}

/// The run that is named, also by one of its attempts.
pub fn run_named(ledger: &Ledger, given: &str) -> Result<String, LedgerError> {
    let (Found::Run(run_id) | Found::Attempt { run_id, .. }) = ledger.find(given)?;
    Ok(run_id)
}

//! What the commands that read the ledger share: opening it, times, words.

use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::args::Global;
use super::error::{Failure, USAGE};
use crate::clock::duration;
use crate::config::parse_duration;
use crate::ledger::{FILE, Found, Ledger, LedgerError};
use crate::turns::settings::Settings;

/// Opens the ledger of a project.
pub(super) fn open(settings: &Settings) -> Result<Ledger, Failure> {
    Ok(Ledger::open_existing(&settings.private().join(FILE))?)
}

/// The run (and attempt) that a person named.
pub(super) fn find(ledger: &Ledger, given: &str) -> Result<Found, Failure> {
    Ok(ledger.find(given)?)
}

/// A bad value of an option, with what the value is for.
pub(super) fn bad_value(option: &str, cause: &impl ToString) -> Failure {
    Failure::new(USAGE, "usage", format!("read {option}")).cause(cause.to_string())
}

/// The time that lies so far back, in ms.
pub(super) fn time_ago(option: &str, text: &str, now: Timestamp) -> Result<i64, Failure> {
    let back = parse_duration(text).map_err(|e| bad_value(option, &e))?;
    let back = i64::try_from(back.as_millis()).unwrap_or(i64::MAX);
    Ok(now.as_millisecond().saturating_sub(back))
}

/// Date and time to the second, local or UTC.
pub(super) fn when(global: &Global, at_ms: i64) -> String {
    let Ok(at) = Timestamp::from_millisecond(at_ms) else { return "-".into() };
    if global.utc {
        return at.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    }
    at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// From `began` to `ended`; `-` while it has not ended.
pub(super) fn took(began: Option<i64>, ended: Option<i64>) -> String {
    let Some((began, ended)) = began.zip(ended) else { return "-".into() };
    duration(std::time::Duration::from_millis(u64::try_from(ended - began).unwrap_or(0)))
}

pub(super) fn cost(usd: Option<f64>) -> String {
    usd.map_or_else(|| "-".into(), |usd| format!("${usd:.2}"))
}

/// A path relative to the project, as the ledger keeps it, made whole.
pub(super) fn log_path(root: &Path, log: &str) -> String {
    root.join(log).display().to_string()
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        let text = error.to_string();
        match error {
            LedgerError::Missing(_) => Self::new(USAGE, "no_ledger", "read the ledger")
                .cause(text)
                .hint("it is made by the first run: orchestrator --once"),
            LedgerError::Unknown(_) | LedgerError::Ambiguous { .. } => {
                Self::new(USAGE, "unknown_run", "find the run").cause(text).hint("orchestrator history")
            }
            LedgerError::Newer { .. } => Self::new(USAGE, "newer_ledger", "read the ledger")
                .cause(text)
                .hint("use the newer orchestrator, or move the file away: a new one is begun"),
            damaged if damaged.is_damage() => Self::new(USAGE, "damaged_ledger", "read the ledger")
                .cause(text)
                .hint("the next run moves the file aside and begins a new one: orchestrator --once"),
            _ => Self::new(super::error::INTERNAL, "ledger", "read the ledger").cause(text),
        }
    }
}

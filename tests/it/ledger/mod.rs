//! The ledger under the real program: kills, ill files, subscribers, commands, hooks.

mod commands;
mod follow;
mod gc;
mod hooks;
mod ill;
mod kills;
mod reports;

use std::path::Path;

use orchestrator::ledger::{EventFilter, EventRow, Ledger};
use serde_json::Value;

use crate::cli::project::Project;

/// The ledger of a project.
fn open(p: &Project) -> Ledger {
    Ledger::open_existing(&p.path(".orchestrator/ledger.db")).unwrap()
}

/// All events, whatever their number.
fn all_events(ledger: &Ledger) -> Vec<EventRow> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let (rows, next) = ledger.events(&EventFilter::default(), after, 1000).unwrap();
        if next == after {
            return all;
        }
        after = next;
        all.extend(rows);
    }
}

/// What SQLite itself says of the file.
pub fn integrity(path: &Path) -> String {
    let raw = rusqlite::Connection::open(path).unwrap();
    raw.query_row("pragma integrity_check", [], |row| row.get(0)).unwrap()
}

fn count(path: &Path, sql: &str) -> i64 {
    rusqlite::Connection::open(path).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

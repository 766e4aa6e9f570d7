//! Old files and newer ones.

use rusqlite::Connection;

use super::*;
use crate::ledger::{Found, RunFilter, VERSION};

/// A file of version 1, with rows, as text.
const V1: &str = include_str!("../../../tests/fixtures/ledger/v1.sql");
/// The same of version 2.
const V2: &str = include_str!("../../../tests/fixtures/ledger/v2.sql");

/// L1: every older version is brought to this one, with its rows.
#[test]
fn an_old_file_is_migrated() {
    let scratch = Scratch::new();
    let old = Connection::open(scratch.path()).unwrap();
    old.execute_batch(V1).unwrap();
    drop(old);
    let mut ledger = scratch.open();
    let runs = ledger.runs(RunFilter::default(), 10).unwrap();
    assert_eq!(runs.iter().map(|r| r.run_id.as_str()).collect::<Vec<_>>(), ["run-two", "run-one"]);
    assert_eq!(
        ledger.find("attempt-1").unwrap(),
        Found::Attempt { run_id: "run-one".into(), attempt_id: "attempt-1".into() }
    );
    assert_eq!(kinds(&ledger), ["run_created", "run_started", "from_the_future"]);
    let version: i64 = ledger.conn.query_row("pragma user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, VERSION);
    ledger.conn.execute("insert into round_robin (rule, position) values ('r', 1)", []).unwrap();
    assert!(ledger.steps("run-one").unwrap().is_empty());
    // Numbers go on where they were.
    ledger.write([&super::super::Entry::Event(Box::new(output("run-one", "x")))]).unwrap();
    let (rows, _) = ledger.events(&super::super::EventFilter::default(), 0, 10).unwrap();
    assert_eq!(rows.last().unwrap().seq, 8);
}

/// L1: a file of version 2 keeps what it knows of tools, and can hold steps.
#[test]
fn tools_outlive_the_migration() {
    let scratch = Scratch::new();
    let old = Connection::open(scratch.path()).unwrap();
    old.execute_batch(V2).unwrap();
    drop(old);
    let ledger = scratch.open();
    let health = ledger.tool_health().unwrap();
    assert_eq!((health[0].circuit.as_str(), health[0].failures, health[0].runs), ("open", 5, 9));
    assert_eq!(ledger.positions().unwrap(), [("default".to_owned(), 3)]);
    assert!(ledger.steps("run-one").unwrap().is_empty());
}

/// L1: what a newer program wrote is refused, and left as it is.
#[test]
fn a_newer_file_is_refused() {
    let scratch = Scratch::new();
    drop(scratch.open());
    let raw = Connection::open(scratch.path()).unwrap();
    raw.pragma_update(None, "user_version", VERSION + 1).unwrap();
    drop(raw);
    let error = Ledger::open(&scratch.path()).unwrap_err().to_string();
    assert!(error.contains("was written by a newer program (version 4; this one knows 3)"), "{error}");
}

/// L4: a kind that only a newer program knows is shown as it is.
#[test]
fn an_unknown_kind_is_kept() {
    let scratch = Scratch::new();
    let raw = Connection::open(scratch.path()).unwrap();
    raw.execute_batch(V1).unwrap();
    drop(raw);
    let ledger = scratch.open();
    let (rows, _) = ledger.events(&super::super::EventFilter::default(), 0, 10).unwrap();
    let row = rows.last().unwrap();
    assert!(row.event().is_none());
    assert_eq!(row.data.get(), r#"{"wonder":1}"#);
    assert!(rows[0].event().is_some());
}

/// Programs that begin at the same moment in a new project: SQLite does not wait where the journal mode changes.
#[test]
fn a_new_file_is_opened_by_many_at_once() {
    for _ in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.sqlite3");
        let all = std::sync::Barrier::new(8);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    all.wait();
                    Ledger::open(&path).unwrap();
                });
            }
        });
    }
}

//! The newest of everything, as whoever watches asks for it.

use super::*;
use crate::ledger::{Entry, Printed};

fn said(ledger: &mut Ledger, attempt: &str, text: &str) {
    let place = Place::run("r").attempt(attempt);
    let event = Event::AttemptOutput { role: "galph".into(), text: text.into() };
    ledger.write([&Entry::Event(Box::new(Record { place, at: 5, event }))]).unwrap();
}

/// I6: what is read bit by bit is what is read at once, however it falls.
#[test]
fn the_end_of_an_output() {
    let scratch = Scratch::new();
    let mut ledger = scratch.open();
    ledger.change(new_run("r")).unwrap();
    ledger.change(move_run("r", RunState::Pending, RunState::Running)).unwrap();
    ledger.change(start("r", "a")).unwrap();
    let (mut whole, mut after) = (String::new(), 0);
    for n in 0..50 {
        said(&mut ledger, "a", &format!("zeile {n} ä\n"));
        said(&mut ledger, "other", "noise\n");
        if n % 7 == 0 {
            let part = ledger.printed("r", "a", after, 100).unwrap();
            after = part.seq;
            whole = if part.cut { part.text } else { whole + &part.text };
        }
    }
    let part = ledger.printed("r", "a", after, 100).unwrap();
    whole = if part.cut { part.text } else { whole + &part.text };
    let at_once = ledger.printed("r", "a", 0, 100).unwrap();
    assert!(at_once.cut && at_once.text.len() <= 100, "{at_once:?}");
    assert!(whole.ends_with(&at_once.text), "{whole:?} {at_once:?}");
    assert!(at_once.text.ends_with("zeile 49 ä\n") && !at_once.text.contains("noise"));
    let nothing = Printed { seq: part.seq, ..Printed::default() };
    assert_eq!(ledger.printed("r", "a", part.seq, 100).unwrap(), nothing);
}

/// A flood of output is nothing that is told; another process's writing is noticed.
#[test]
fn what_is_told() {
    let scratch = Scratch::new();
    let mut ledger = scratch.open();
    let reader = scratch.open();
    let version = reader.data_version().unwrap();
    ledger.change(new_run("r")).unwrap();
    assert_ne!(reader.data_version().unwrap(), version);
    ledger.change(move_run("r", RunState::Pending, RunState::Running)).unwrap();
    let (told, after) = reader.tells(0).unwrap();
    assert!(told);
    said(&mut ledger, "a", "one\n");
    said(&mut ledger, "a", "two\n");
    assert!(!reader.tells(after).unwrap().0);
    let (rows, _) = reader.newest_told("r", 0, 100).unwrap();
    assert!(rows.iter().all(|row| row.kind != "attempt_output") && !rows.is_empty());
    let (rows, _) = reader.newest_told("r", 0, 1).unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].seq, after, "the newest of them");
}

/// The newest first, of loops alone.
#[test]
fn turns_and_counts() {
    let scratch = Scratch::new();
    let mut ledger = scratch.open();
    for run in ["r", "s"] {
        ledger.change(new_run(run)).unwrap();
        ledger.change(move_run(run, RunState::Pending, RunState::Running)).unwrap();
        for n in 0..3 {
            ledger.change(start(run, &format!("{run}{n}"))).unwrap();
            if n < 2 {
                ledger.change(end(run, &format!("{run}{n}"), AttemptState::Succeeded)).unwrap();
            }
        }
    }
    let ids =
        |rows: Vec<super::super::AttemptRow>| rows.into_iter().map(|r| r.attempt_id).collect::<Vec<_>>();
    assert_eq!(ids(ledger.newest_turns(4).unwrap()), ["s2", "s1", "s0", "r2"]);
    assert_eq!(ids(ledger.newest_attempts("r", 2).unwrap()), ["r2", "r1"]);
    assert_eq!(ledger.attempt_counts("r").unwrap(), [("running".into(), 1), ("succeeded".into(), 2)]);
}

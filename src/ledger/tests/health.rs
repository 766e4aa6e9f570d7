//! The writer on a file that is ill: it says so once, and whoever writes goes on.

use std::io::{Seek, SeekFrom, Write};
use std::time::Duration;

use rusqlite::Connection;

use super::*;
use crate::ledger::{CRASH, EventFilter, Owner, VERSION, Writer};

const SOON: Duration = Duration::from_secs(20);

fn begun(writer: &Writer) {
    for change in [new_run("r"), move_run("r", RunState::Pending, RunState::Running), start("r", "a")] {
        writer.change(change).wait(SOON).unwrap().unwrap();
    }
}

/// A damaged file is moved aside, and the new one holds what is open.
#[test]
fn a_damaged_file_is_moved_aside() {
    let scratch = Scratch::new();
    let writer = Writer::start(scratch.options()).unwrap();
    begun(&writer);
    for n in 0..2000 {
        writer.event(output("r", &format!("line {n} {}", "x".repeat(200))));
    }
    assert!(writer.close(SOON));
    let size = std::fs::metadata(scratch.path()).unwrap().len();
    let mut file = std::fs::OpenOptions::new().write(true).open(scratch.path()).unwrap();
    // Everything but the header: whatever is looked at is damaged.
    file.seek(SeekFrom::Start(4096)).unwrap();
    file.write_all(&vec![0xa5; usize::try_from(size).unwrap() - 4096]).unwrap();
    drop(file);
    let writer = Writer::start(scratch.options()).unwrap();
    for change in [new_run("s"), move_run("s", RunState::Pending, RunState::Running), start("s", "b")] {
        writer.change(change).wait(SOON).unwrap().unwrap();
    }
    let problems = writer.problems();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].contains("is damaged (") && problems[0].contains("it was moved to"), "{problems:?}");
    assert!(writer.close(SOON));
    let names: Vec<String> = std::fs::read_dir(scratch.dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(names.iter().any(|name| name.starts_with("ledger.db.damaged-")), "{names:?}");
    let ledger = scratch.open();
    assert_eq!(ledger.run("s").unwrap().unwrap().attempts, 1);
    // A subscriber of the old file goes on with higher numbers.
    assert!(ledger.events(&EventFilter::default(), 0, 1).unwrap().0[0].seq > 1_000_000_000_000);
}

/// Damage that shows in the middle of a run: what is open goes over to the new file.
#[test]
fn open_rows_are_carried_over() {
    let scratch = Scratch::new();
    let writer = Writer::start(scratch.options()).unwrap();
    begun(&writer);
    // Behind the writer's back the file becomes something else.
    let size = std::fs::metadata(scratch.path()).unwrap().len().max(200_000);
    let raw = Connection::open(scratch.path()).unwrap();
    raw.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(())).unwrap();
    drop(raw);
    std::fs::write(scratch.path(), vec![0x5a; usize::try_from(size).unwrap()]).unwrap();
    let ended = writer.change(end("r", "a", AttemptState::Succeeded)).wait(SOON).unwrap();
    let ended = ended.and_then(|()| {
        writer.change(move_run("r", RunState::Running, RunState::Succeeded)).wait(SOON).unwrap()
    });
    assert!(ended.is_ok(), "{ended:?} {:?}", writer.problems());
    assert!(writer.close(SOON));
    let run = scratch.open().run("r").unwrap().unwrap();
    assert_eq!((run.state.as_str(), run.attempts), ("succeeded", 1));
}

/// A newer program's file is not touched; whoever writes is told once.
#[test]
fn a_newer_file_is_left_alone() {
    let scratch = Scratch::new();
    drop(scratch.open());
    let raw = Connection::open(scratch.path()).unwrap();
    raw.pragma_update(None, "user_version", VERSION + 1).unwrap();
    drop(raw);
    let writer = Writer::start(scratch.options()).unwrap();
    let result = writer.change(new_run("r")).wait(SOON).unwrap();
    assert!(result.is_err());
    writer.event(output("r", "x"));
    assert!(writer.close(SOON));
    let problems = writer.problems();
    assert!(problems.len() == 1 && problems[0].contains("newer program"), "{problems:?}");
}

/// A file that cannot be written is said once; when it can be again, the transitions are there and the gap is told.
#[test]
fn transitions_wait_for_a_file_that_cannot_be_written() {
    let scratch = Scratch::new();
    std::fs::create_dir(scratch.path()).unwrap();
    let writer = Writer::start(scratch.options()).unwrap();
    let ticket = writer.change(new_run("r"));
    writer.event(output("r", "lost"));
    assert!(ticket.wait(Duration::from_millis(200)).is_none(), "nothing is written yet");
    let problems = writer.problems();
    assert!(problems.len() == 1 && problems[0].contains("cannot be written"), "{problems:?}");
    std::fs::remove_dir(scratch.path()).unwrap();
    // The last try is made at the end, whatever the time.
    assert!(writer.close(SOON));
    ticket.wait(SOON).unwrap().unwrap();
    let ledger = scratch.open();
    assert_eq!(kinds(&ledger), ["run_created", "warning"]);
}

/// L5: rows of a dead owner are closed by the next start, with their events; the living one's stay.
#[test]
fn rows_of_dead_owners_are_closed() {
    let scratch = Scratch::new();
    let here = Owner::this();
    let dead = Owner { boot: "an earlier boot".into(), ..here.clone() };
    let mut ledger = scratch.open().with_owner(dead);
    for change in
        [new_run("dead"), move_run("dead", RunState::Pending, RunState::Running), start("dead", "a")]
    {
        ledger.change(change).unwrap();
    }
    ledger.change(new_run("never")).unwrap();
    let mut ledger = ledger.with_owner(here);
    for change in
        [new_run("live"), move_run("live", RunState::Pending, RunState::Running), start("live", "b")]
    {
        ledger.change(change).unwrap();
    }
    let run = |ledger: &Ledger, id: &str| ledger.run(id).unwrap().unwrap();
    assert!(ledger.is_abandoned(&run(&ledger, "dead")) && !ledger.is_abandoned(&run(&ledger, "live")));
    assert_eq!(ledger.close_dead().unwrap(), 3);
    assert_eq!(ledger.close_dead().unwrap(), 0);
    let states: Vec<String> = ["dead", "never", "live"].map(|id| run(&ledger, id).state).into();
    assert_eq!(states, ["failed", "canceled", "running"]);
    assert_eq!(run(&ledger, "dead").error.as_deref(), Some(CRASH));
    let attempt = ledger.attempt("a").unwrap().unwrap();
    assert_eq!((attempt.state.as_str(), attempt.error_kind.as_deref()), ("failed", Some(CRASH)));
    assert_eq!(kinds(&ledger).iter().filter(|kind| kind.ends_with("_ended")).count(), 3);
}

/// L7: what is old is forgotten with all that is its own, what is open stays, and numbers are never given twice.
#[test]
fn what_is_old_is_forgotten() {
    let scratch = Scratch::new();
    let mut ledger = scratch.open();
    for id in ["old", "open"] {
        ledger.change(new_run(id)).unwrap();
        ledger.change(move_run(id, RunState::Pending, RunState::Running)).unwrap();
        ledger.change(start(id, &format!("{id}-1"))).unwrap();
    }
    ledger.change(move_run("old", RunState::Running, RunState::Succeeded)).unwrap();
    let would = ledger.forgettable(1000).unwrap();
    assert_eq!((would.runs, would.attempts, would.events), (1, 1, 5));
    assert_eq!(ledger.forgettable(2).unwrap().runs, 0);
    assert_eq!(ledger.forget(1000).unwrap(), would);
    ledger.vacuum().unwrap();
    assert!(ledger.run("old").unwrap().is_none() && ledger.run("open").unwrap().is_some());
    assert!(ledger.has_live_run().unwrap());
    ledger.change(new_run("next")).unwrap();
    let (rows, _) = ledger.events(&EventFilter::default(), 0, 100).unwrap();
    assert_eq!(rows.last().unwrap().seq, 9);
}

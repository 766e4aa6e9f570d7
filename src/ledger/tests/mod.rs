//! The ledger on real files.

mod health;
mod migrations;
mod recorder;
mod steps;
mod tail;
mod transitions;

use std::path::PathBuf;
use std::sync::Arc;

use super::{
    AttemptEnd, AttemptState, Change, Ledger, NewAttempt, NewRun, Options, Record, RunKind, RunMove, RunState,
};
use crate::clock::SystemClock;
use crate::event::{AttemptResult, Ended, Event, Place};

struct Scratch {
    dir: tempfile::TempDir,
}

impl Scratch {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("ledger.db")
    }

    fn open(&self) -> Ledger {
        Ledger::open(&self.path()).unwrap()
    }

    fn options(&self) -> Options {
        Options { path: self.path(), clock: Arc::new(SystemClock), mask: None }
    }
}

fn new_run(id: &str) -> Change {
    Change::CreateRun(NewRun {
        run_id: id.into(),
        kind: RunKind::Turns,
        project_id: None,
        workstream_id: None,
        parent_run_id: None,
        metadata: None,
        at: 1,
    })
}

fn move_run(id: &str, from: RunState, to: RunState) -> Change {
    let event = Event::Notice { text: format!("{from} {to}") };
    Change::MoveRun(RunMove { run_id: id.into(), from, to, at: 2, exit_code: None, error: None, event })
}

fn start(run: &str, attempt: &str) -> Change {
    Change::StartAttempt(NewAttempt {
        attempt_id: attempt.into(),
        run_id: run.into(),
        step_id: "1/galph".into(),
        role: Some("galph".into()),
        agent: None,
        tool: None,
        prompt: None,
        request: None,
        log_path: None,
        at: 3,
        event: Event::Notice { text: "start".into() },
    })
}

fn end(run: &str, attempt: &str, state: AttemptState) -> Change {
    let result = AttemptResult { exit_code: Some(0), ..AttemptResult::default() };
    Change::EndAttempt(AttemptEnd {
        place: Place::run(run).attempt(attempt),
        state,
        at: 4,
        result: result.clone(),
        event: Event::AttemptEnded {
            role: "galph".into(),
            line: "done".into(),
            outcome: Ended::Succeeded,
            result,
        },
    })
}

fn output(run: &str, text: &str) -> Record {
    let event = Event::AttemptOutput { role: "galph".into(), text: text.into() };
    Record { place: Place::run(run), at: 5, event }
}

fn kinds(ledger: &Ledger) -> Vec<String> {
    let (rows, _) = ledger.events(&super::EventFilter::default(), 0, 1000).unwrap();
    rows.into_iter().map(|row| row.kind).collect()
}

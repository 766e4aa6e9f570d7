//! Writes runs, attempts and events until it is killed, and prints what it was told is durable.
//!
//!     ledger-host LEDGER NAME
//!
//! Lines: `acked ID STATE` for a transition that was confirmed; `said ATTEMPT NUMBER MS` for an event that was handed
//! over, with the time since the start.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program for tests may stop at once")]

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use orchestrator::clock::SystemClock;
use orchestrator::event::{AttemptResult, Ended, Event, Place};
use orchestrator::ledger::{
    AttemptEnd, AttemptState, Change, NewAttempt, NewRun, Options, Record, RunKind, RunMove, RunState, Writer,
};

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (path, name) = (PathBuf::from(&args[1]), &args[2]);
    let writer = Writer::start(Options { path, clock: Arc::new(SystemClock), mask: None }).unwrap();
    let began = Instant::now();
    let ack = |change: Change, id: &str, state: &str| {
        writer.change(change).wait(Duration::from_secs(60)).unwrap().unwrap();
        println!("acked {id} {state}");
        std::io::stdout().flush().unwrap();
    };
    for run in 0.. {
        let run_id = format!("{name}-{run}");
        let step = |from, to, event| {
            let run_id = run_id.clone();
            Change::MoveRun(RunMove { run_id, from, to, at: 1, exit_code: None, error: None, event })
        };
        let new = NewRun {
            run_id: run_id.clone(),
            kind: RunKind::Turns,
            project_id: None,
            workstream_id: None,
            parent_run_id: None,
            metadata: None,
            at: 1,
        };
        ack(Change::CreateRun(new), &run_id, "pending");
        ack(step(RunState::Pending, RunState::Running, note("run_started")), &run_id, "running");
        for number in 0..5 {
            attempt(&writer, &run_id, &format!("{run_id}-{number}"), began, &ack);
        }
        ack(step(RunState::Running, RunState::Succeeded, note("run_ended")), &run_id, "succeeded");
    }
}

fn note(text: &str) -> Event {
    Event::Notice { text: text.into() }
}

fn attempt(writer: &Writer, run: &str, id: &str, began: Instant, ack: &dyn Fn(Change, &str, &str)) {
    let new = NewAttempt {
        attempt_id: id.into(),
        run_id: run.into(),
        step_id: "step".into(),
        role: None,
        agent: None,
        tool: None,
        prompt: None,
        request: None,
        log_path: None,
        at: 1,
        event: note("attempt_started"),
    };
    ack(Change::StartAttempt(new), id, "running");
    let place = Place::run(run).attempt(id);
    for number in 0..10 {
        let event = Event::AttemptOutput { role: "r".into(), text: format!("{number}") };
        writer.event(Record { place: place.clone(), at: 1, event });
        println!("said {id} {number} {}", began.elapsed().as_millis());
        std::io::stdout().flush().unwrap();
        std::thread::sleep(Duration::from_millis(1));
    }
    let result = AttemptResult::default();
    let event = Event::AttemptEnded {
        role: "r".into(),
        line: String::new(),
        outcome: Ended::Succeeded,
        result: result.clone(),
    };
    let end = AttemptEnd { place, state: AttemptState::Succeeded, at: 1, result, event };
    ack(Change::EndAttempt(end), id, "succeeded");
}

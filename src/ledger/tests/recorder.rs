//! From the events of a run to its rows.

use std::time::Duration;

use super::*;
use crate::event::Sink;
use crate::ledger::{EventFilter, Mask, Recorder};

fn started(role: &str) -> Event {
    Event::AttemptStarted {
        iteration: 1,
        role: role.into(),
        prompt: "main.md".into(),
        agent: "-".into(),
        log: String::new(),
        step: format!("1/{role}"),
        turn_id: Some("t".into()),
    }
}

fn ended(outcome: Ended) -> Event {
    let result = AttemptResult {
        exit_code: Some(7),
        error: Some("it said hunter2hunter2".into()),
        ..AttemptResult::default()
    };
    Event::AttemptEnded { role: "ralph".into(), line: "iter 1".into(), outcome, result }
}

fn run_started() -> Event {
    Event::RunStarted {
        mode: "combined".into(),
        branch: None,
        agents: Vec::new(),
        limits: "1 iteration".into(),
        state: "x".into(),
    }
}

fn run_ended(outcome: Ended) -> Event {
    Event::RunEnded {
        outcome,
        turns: 1,
        duration: Duration::from_secs(1),
        cost_usd: None,
        why: "ralph's turn failed".into(),
        next: "orchestrator".into(),
    }
}

/// L2, L3, P14: the account of a run becomes rows and events, each once, secrets covered.
#[test]
fn a_run_is_recorded() {
    let scratch = Scratch::new();
    let mask = Mask::new(|value| {
        let text = value.to_string().replace("hunter2hunter2", "***");
        *value = serde_json::from_str(&text).unwrap();
    });
    let mut recorder = Recorder::new(Options { mask: Some(mask), ..scratch.options() }, 20);
    recorder.emit(Event::Notice { text: "before the run".into() });
    let run = Place::run("r");
    let place = run.attempt("a");
    recorder.emit_at(&run, Event::RunCreated { run_kind: "turns".into(), parent_run_id: None });
    recorder.emit_at(&run, run_started());
    recorder.emit_at(&place, started("ralph"));
    for text in ["0123456789", "0123456789 and more", "more"] {
        recorder.emit_at(&place, Event::AttemptOutput { role: "ralph".into(), text: text.into() });
    }
    let end = ended(Ended::Failed);
    recorder.ahead(&place, &end);
    recorder.emit_at(&place, end);
    recorder.emit_at(&run, run_ended(Ended::Failed));
    recorder.close();
    assert_eq!(recorder.problems(), Vec::<String>::new());
    let ledger = scratch.open();
    assert_eq!(
        kinds(&ledger),
        [
            "notice",
            "run_created",
            "run_started",
            "attempt_started",
            "attempt_output",
            "attempt_warning",
            "attempt_ended",
            "run_ended"
        ]
    );
    let row = ledger.run("r").unwrap().unwrap();
    assert_eq!((row.state.as_str(), row.exit_code), ("failed", Some(7)));
    assert_eq!(row.error.as_deref(), Some("ralph's turn failed"));
    let attempt = ledger.attempt("a").unwrap().unwrap();
    assert_eq!(attempt.error.as_deref(), Some("it said ***"));
    assert_eq!((attempt.agent, attempt.step_id.as_str()), (None, "1/ralph"));
    let (rows, _) = ledger.events(&EventFilter::default(), 0, 100).unwrap();
    assert!(!rows.iter().any(|row| row.data.get().contains("hunter2")));
}

/// L6: a transition does not wait for the company that events wait for, also not behind one.
#[test]
fn a_transition_is_written_at_once() {
    let scratch = Scratch::new();
    let writer = crate::ledger::Writer::start(scratch.options()).unwrap();
    let soon = Duration::from_secs(20);
    writer.change(new_run("warm")).wait(soon).unwrap().unwrap();
    let best = (0..60)
        .map(|n| {
            writer.event(output("warm", "x"));
            // The writer has seen the event and waits for more.
            std::thread::sleep(Duration::from_millis(5));
            let began = std::time::Instant::now();
            writer.change(new_run(&format!("r{n}"))).wait(soon).unwrap().unwrap();
            began.elapsed()
        })
        .min();
    assert!(best.unwrap() < Duration::from_millis(30), "{best:?}");
}

/// A command that runs nothing makes no file.
#[test]
fn nothing_is_written_without_a_run() {
    let scratch = Scratch::new();
    let mut recorder = Recorder::new(scratch.options(), 1);
    recorder.emit(Event::Notice { text: "x".into() });
    recorder.close();
    drop(recorder);
    assert!(!scratch.path().exists());
}

//! Steps of workstreams.

use super::*;
use crate::event::{AttemptResult, Place};
use crate::ledger::{
    AttemptEnd, AttemptState, NewAttempt, NewRun, NewWorkstream, Owner, StepEnd, StepMove, StepStart,
    StepState,
};

fn begin(scratch: &Scratch, owned: bool) -> Ledger {
    let mut ledger = scratch.open();
    let run = NewRun {
        run_id: "w".into(),
        kind: RunKind::Workstream,
        project_id: None,
        workstream_id: Some("x".into()),
        parent_run_id: None,
        metadata: None,
        at: 1,
    };
    let steps = ["a", "b", "c"].map(|id| (id.to_owned(), StepState::Pending)).to_vec();
    ledger.change(Change::CreateWorkstream(NewWorkstream { run, steps, owned })).unwrap();
    ledger
}

fn to(from: StepState, to: StepState) -> Change {
    Change::MoveStep(StepMove {
        run_id: "w".into(),
        step_id: "a".into(),
        from,
        to,
        at: 2,
        reason: None,
        event: Some(Event::StepReady { step: "a".into() }),
    })
}

fn started(from: StepState) -> Change {
    let attempt = NewAttempt {
        attempt_id: "at".into(),
        run_id: "w".into(),
        step_id: "a".into(),
        role: None,
        agent: None,
        tool: None,
        prompt: None,
        request: None,
        log_path: None,
        at: 3,
        event: Event::Signal { name: "started".into() },
    };
    Change::StartStep(StepStart { attempt, from })
}

fn states(ledger: &Ledger) -> Vec<&'static str> {
    ledger.steps("w").unwrap().iter().map(|s| s.state.name()).collect()
}

/// L2: compare-and-set, with its event or not at all; the same end twice is refused.
#[test]
fn a_step_and_its_attempt_move_together() {
    let scratch = Scratch::new();
    let mut ledger = begin(&scratch, true);
    assert_eq!(states(&ledger), ["pending"; 3]);
    let lost = ledger.change(to(StepState::Ready, StepState::Canceled)).unwrap_err().to_string();
    assert_eq!(lost, "step a is pending, not ready");
    let illegal = ledger.change(to(StepState::Pending, StepState::Succeeded)).unwrap_err().to_string();
    assert_eq!(illegal, "a step that is pending cannot become succeeded: invalid transition");
    assert!(ledger.change(started(StepState::Ready)).is_err());
    assert!(ledger.attempts("w", 0, 9).unwrap().is_empty(), "no attempt without its step");
    ledger.change(to(StepState::Pending, StepState::Ready)).unwrap();
    ledger.change(started(StepState::Ready)).unwrap();
    let attempt = AttemptEnd {
        place: Place::run("w").attempt("at"),
        state: AttemptState::Failed,
        at: 4,
        result: AttemptResult { error: Some("bad".into()), ..AttemptResult::default() },
        event: Event::Signal { name: "ended".into() },
    };
    let end = |to| Change::EndStep(StepEnd { attempt: attempt.clone(), step_id: "a".into(), to });
    ledger.change(end(Some(StepState::Failed))).unwrap();
    assert_eq!(states(&ledger), ["failed", "pending", "pending"]);
    assert!(ledger.change(end(Some(StepState::Failed))).is_err());
    assert_eq!(kinds(&ledger), ["run_created", "step_ready", "signal", "signal"]);
    ledger.change(Change::StepsAgain { run_id: "w".into(), steps: vec!["a".into()], at: 5 }).unwrap();
    assert_eq!(states(&ledger), ["pending"; 3]);
}

/// L5: a run whose owner died has no open step; one that nobody owns waits.
#[test]
fn a_crash_leaves_no_step_open() {
    let scratch = Scratch::new();
    let dead = Owner { pid: 1, start: u64::MAX, ..Owner::this() };
    drop(begin(&scratch, true));
    let mut ledger = scratch.open().with_owner(dead);
    let event = Event::Signal { name: "begun".into() };
    ledger
        .change(Change::MoveRun(RunMove {
            run_id: "w".into(),
            from: RunState::Pending,
            to: RunState::Running,
            at: 2,
            exit_code: None,
            error: None,
            event,
        }))
        .unwrap();
    ledger.change(to(StepState::Pending, StepState::Ready)).unwrap();
    ledger.change(started(StepState::Ready)).unwrap();
    let mut next = scratch.open();
    next.close_dead().unwrap();
    assert_eq!(states(&next), ["canceled"; 3]);
    assert_eq!(next.steps("w").unwrap()[0].reason.as_deref(), Some("orchestrator-crash"));
    assert_eq!(next.run("w").unwrap().unwrap().state, "failed");

    let other = Scratch::new();
    let mut ledger = begin(&other, false);
    ledger.close_dead().unwrap();
    assert_eq!(ledger.run("w").unwrap().unwrap().state, "pending");
}

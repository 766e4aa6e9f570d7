//! What may become what, in the file: compare-and-set, with its event, or not at all.

use std::collections::BTreeMap;
use std::sync::Barrier;

use proptest::prelude::*;

use super::*;
use crate::ledger::{EventFilter, LedgerError};

/// L2: two programs end one run at once; one wins, the other is told in whose state it found it.
#[test]
fn one_of_two_wins() {
    let scratch = Scratch::new();
    let mut ledger = scratch.open();
    for n in 0..20 {
        let id = format!("r{n}");
        ledger.change(new_run(&id)).unwrap();
        ledger.change(move_run(&id, RunState::Pending, RunState::Running)).unwrap();
        let (gate, scratch, id) = (&Barrier::new(2), &scratch, &id);
        let results: Vec<Result<(), LedgerError>> = std::thread::scope(|scope| {
            let racers = [RunState::Succeeded, RunState::Failed].map(|to| {
                scope.spawn(move || {
                    let mut ledger = scratch.open();
                    gate.wait();
                    ledger.change(move_run(id, RunState::Running, to))
                })
            });
            racers.into_iter().map(|racer| racer.join().unwrap()).collect()
        });
        let lost: Vec<&LedgerError> = results.iter().filter_map(|r| r.as_ref().err()).collect();
        assert_eq!(lost.len(), 1, "{results:?}");
        let text = lost[0].to_string();
        assert!(
            text == format!("run {id} is succeeded, not running") || text.contains("is failed"),
            "{text}"
        );
        let filter = EventFilter { run_id: Some(id.clone()), ..EventFilter::default() };
        assert_eq!(ledger.events(&filter, 0, 10).unwrap().0.len(), 3, "one event a transition");
    }
}

/// W7: an illegal step names both states, and nothing is written.
#[test]
fn an_illegal_step_is_refused() {
    let scratch = Scratch::new();
    let mut ledger = scratch.open();
    ledger.change(new_run("r")).unwrap();
    let error = ledger.change(move_run("r", RunState::Pending, RunState::Succeeded)).unwrap_err();
    assert_eq!(error.to_string(), "a run that is pending cannot become succeeded: invalid transition");
    let error = ledger.change(end("r", "nobody", AttemptState::Succeeded)).unwrap_err();
    assert_eq!(error.to_string(), "attempt nobody is unknown, not running");
    assert_eq!(kinds(&ledger), ["run_created"]);
}

/// L2: ending a run ends its open attempts in the same transaction, each with its event.
#[test]
fn a_run_takes_its_attempts_with_it() {
    let scratch = Scratch::new();
    let mut ledger = scratch.open();
    ledger.change(new_run("r")).unwrap();
    ledger.change(move_run("r", RunState::Pending, RunState::Running)).unwrap();
    ledger.change(start("r", "a")).unwrap();
    ledger.change(end("r", "a", AttemptState::Succeeded)).unwrap();
    ledger.change(start("r", "b")).unwrap();
    ledger.change(move_run("r", RunState::Running, RunState::Failed)).unwrap();
    let attempts = ledger.attempts("r", 0, 10).unwrap();
    let brief: Vec<_> =
        attempts.iter().map(|a| (a.sequence, a.attempt, a.state.as_str(), a.error.as_deref())).collect();
    assert_eq!(brief, [(1, 1, "succeeded", None), (2, 2, "failed", Some("the run ended"))]);
    assert_eq!(kinds(&ledger).iter().filter(|k| *k == "attempt_ended").count(), 2);
}

/// A beginning is enough where it is unique; a run comes before its attempts.
#[test]
fn ids_may_be_cut_short() {
    use crate::ledger::Found;
    let scratch = Scratch::new();
    let mut ledger = scratch.open();
    for id in ["aa-1", "aa-12", "b-1"] {
        ledger.change(new_run(id)).unwrap();
    }
    ledger.change(start("b-1", "b-attempt")).unwrap();
    assert_eq!(ledger.find("aa-1").unwrap(), Found::Run("aa-1".into()));
    assert_eq!(ledger.find("aa-12").unwrap(), Found::Run("aa-12".into()));
    assert_eq!(ledger.find("b-").unwrap(), Found::Run("b-1".into()));
    let attempt = Found::Attempt { run_id: "b-1".into(), attempt_id: "b-attempt".into() };
    assert_eq!(ledger.find("b-a").unwrap(), attempt);
    let error = ledger.find("aa").unwrap_err().to_string();
    assert_eq!(error, "`aa` is the beginning of several: aa-1, aa-12, …");
    for unknown in ["", "c", "%"] {
        assert!(ledger.find(unknown).is_err());
    }
}

/// W7: a run that failed may be resumed: it is open again, and its end is none any more.
#[test]
fn a_failed_run_is_resumed() {
    let scratch = Scratch::new();
    let mut ledger = scratch.open();
    ledger.change(new_run("r")).unwrap();
    ledger.change(move_run("r", RunState::Pending, RunState::Running)).unwrap();
    ledger.change(move_run("r", RunState::Running, RunState::Failed)).unwrap();
    ledger.change(move_run("r", RunState::Failed, RunState::Running)).unwrap();
    let run = ledger.run("r").unwrap().unwrap();
    assert_eq!((run.state.as_str(), run.ended_at, run.started_at), ("running", None, Some(2)));
}

fn state() -> impl Strategy<Value = RunState> {
    prop::sample::select(RunState::ALL)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// L2 and W7: whatever is tried, the file holds what the table of states allows, and an event for each step taken.
    #[test]
    fn the_file_follows_the_table(tries in prop::collection::vec((0..3usize, state(), state()), 1..60)) {
        let scratch = Scratch::new();
        let mut ledger = scratch.open();
        let mut model: BTreeMap<String, RunState> = BTreeMap::new();
        let mut events = 3;
        for n in 0..3 {
            ledger.change(new_run(&format!("r{n}"))).unwrap();
            model.insert(format!("r{n}"), RunState::Pending);
        }
        for (n, from, to) in tries {
            let id = format!("r{n}");
            let may = model[&id] == from && from.step(to).is_ok();
            let done = ledger.change(move_run(&id, from, to));
            prop_assert_eq!(done.is_ok(), may, "{} {} {}: {:?}", id, from, to, done);
            if may {
                model.insert(id, to);
                events += 1;
            }
        }
        for (id, state) in &model {
            prop_assert_eq!(&ledger.run(id).unwrap().unwrap().state, state.name());
        }
        prop_assert_eq!(kinds(&ledger).len(), events);
    }
}

//! Circuits that several runs share (W20).

use std::fmt::Write as _;

use orchestrator::ledger::{Ledger, ToolHealth};
use rustix::process::{Pid, Signal, kill_process};

use super::{events, report, run, said};
use crate::cli::project::{Project, wait_until};

/// A tool that waits for `go` and then does as `verdict` says.
fn project() -> Project {
    let p = Project::new();
    p.config(
        "supervision: {grace_secs: 1}
workstream:
  tools:
    shaky: {shell: 'echo $ORCHESTRATOR_RUN_ID >> tried; until test -e go; do sleep 0.01; done; test ! -e bad', kinds: [edit]}
    other: {shell: 'echo $ORCHESTRATOR_RUN_ID >> other', kinds: [edit]}
  routing: [{id: r, match: {kind: [edit]}, from: [shaky, other], strategy: fixed}]
  quarantine: {same_error: 0}
",
    );
    p.write("ws.yaml", "id: x\nsteps: [{id: a, kind: edit, prompt: do}]\n");
    p.write("alone.yaml", "id: x\nsteps: [{id: a, kind: edit, prompt: do, tool: shaky}]\n");
    // The ledger is there after the first run.
    p.write("go", "");
    p.run(&["workstream", "run", "ws.yaml", "-q"]).expect(0);
    std::fs::remove_file(p.path("go")).unwrap();
    std::fs::remove_file(p.path("tried")).unwrap();
    p
}

fn ledger(p: &Project) -> Ledger {
    Ledger::open_existing(&p.path(".orchestrator/ledger.db")).unwrap()
}

/// The circuit opened so long ago that a trial is due.
fn open_long_ago(p: &Project) {
    let open = |row: Option<&ToolHealth>| ToolHealth {
        circuit: "open".into(),
        failures: 5,
        opened_at: Some(1_000),
        ..row.unwrap().clone()
    };
    ledger(p).change_health("shaky", open).unwrap();
}

fn circuit(p: &Project) -> String {
    ledger(p).tool_health().unwrap().into_iter().find(|row| row.tool == "shaky").unwrap().circuit
}

fn lines(p: &Project, file: &str) -> usize {
    p.read(file).lines().count()
}

fn signal(child: &std::process::Child, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), signal).unwrap();
}

/// One of two programs at once has the trial; the other passes the tool over, and comes back when the trial was good.
#[test]
fn one_trial_of_two_programs() {
    let p = project();
    open_long_ago(&p);
    let both = [(); 2].map(|()| p.start(&["workstream", "run", "ws.yaml", "-q"]));
    wait_until("the trial and the other tool", || lines(&p, "tried") == 1 && lines(&p, "other") == 1);
    assert_eq!(circuit(&p), "half_open");
    // A third sees it too, and one that has no other tool waits for it.
    p.run(&["workstream", "run", "ws.yaml", "-q"]).expect(0);
    let waits = p.start(&["workstream", "run", "alone.yaml", "-q"]);
    p.run(&["tools"]).expect(0).says("half_open");
    assert_eq!((lines(&p, "tried"), lines(&p, "other")), (1, 2));
    p.write("go", "");
    for child in both.into_iter().chain([waits]) {
        assert!(child.wait_with_output().unwrap().status.success());
    }
    assert_eq!(circuit(&p), "closed");
    assert_eq!(lines(&p, "tried"), 2, "the one that waited was admitted");
}

/// A trial that fails opens the circuit again, for all.
#[test]
fn a_trial_that_fails() {
    let p = project();
    open_long_ago(&p);
    p.write("bad", "");
    p.write("go", "");
    let end =
        run(&p, "id: x\nsteps: [{id: a, kind: edit, prompt: do, retry: {attempts: 2, backoff: none}}]\n", 0);
    assert_eq!(end["attempts"], 2, "{end}");
    assert_eq!(circuit(&p), "open");
    let kinds: Vec<String> = events(&p).iter().map(|e| e["kind"].as_str().unwrap().to_owned()).collect();
    for kind in ["breaker_half_open", "breaker_opened"] {
        assert!(kinds.iter().any(|k| k == kind), "{kind}: {kinds:?}");
    }
}

/// An interrupted trial frees its slot, and so does one whose program was killed.
#[test]
fn a_trial_that_is_cut_off() {
    for (how, code) in [(Signal::INT, Some(130)), (Signal::KILL, None)] {
        let p = project();
        open_long_ago(&p);
        let mut child = p.start(&["workstream", "run", "ws.yaml", "-q"]);
        wait_until("the trial", || lines(&p, "tried") == 1);
        signal(&child, how);
        assert_eq!(child.wait().unwrap().code(), code);
        assert_eq!(circuit(&p), "half_open", "{how:?}");
        p.write("go", "");
        let end = said(&p.run(&["workstream", "run", "alone.yaml", "--format", "json"]).expect(0));
        assert_eq!(end["attempts"], 1);
        assert_eq!(report(&p)["steps"][0]["attempts"][0]["tool"], "shaky");
        assert_eq!(circuit(&p), "closed", "{how:?}");
    }
}

/// Failures of two runs at once are counted together: five of them open the circuit, and none is lost.
#[test]
fn failures_add_up() {
    let p = project();
    p.write("bad", "");
    let mut text = String::from("id: x\non_failure: continue\nsteps:\n");
    for n in 0..2 {
        writeln!(text, "  - {{id: s{n}, kind: edit, prompt: do, tool: shaky}}").unwrap();
    }
    p.write("two.yaml", &text);
    let both = [(); 2].map(|()| p.start(&["workstream", "run", "two.yaml", "-q"]));
    wait_until("all four", || lines(&p, "tried") == 4);
    p.write("go", "");
    for child in both {
        assert!(child.wait_with_output().unwrap().status.success());
    }
    let row = ledger(&p).tool_health().unwrap().into_iter().find(|row| row.tool == "shaky").unwrap();
    assert_eq!((row.circuit.as_str(), row.failures, row.runs), ("closed", 4, 5));
    p.run(&["workstream", "run", "alone.yaml", "-q"]).expect(3);
    assert_eq!(circuit(&p), "open");
}

//! Steps that are done by a worker and judged by an auditor: like any step (W5, W15, W19, W20).

use std::fmt::Write as _;

use rustix::process::{Pid, Signal, kill_process};

use super::{events, report, run, said, states};
use crate::cli::project::{Project, wait_until};
use crate::supervise::fake_agent;

/// One script a run of a seat: `worker-2.fake` if it is there, else `worker.fake`.
const CHOOSE: &str = "s=$ORCHESTRATOR_SEAT-$ORCHESTRATOR_WORKER_RUN.fake; \
    test -e $s || s=$ORCHESTRATOR_SEAT.fake; exec \"$FAKE\" --script $s";

/// A project whose agents `w` and `a` are worker and auditor.
fn project(more: &str) -> Project {
    let mut p = Project::new();
    p.set("FAKE", &fake_agent().to_string_lossy());
    let choose = CHOOSE.replace('"', "\\\"");
    p.config(&format!(
        "supervision: {{grace_secs: 1}}
agents:
  w: {{command: [sh, -c, \"{choose}\"]}}
  a: {{command: [sh, -c, \"{choose}\"]}}
  spare: {{command: [sh, -c, \"{choose}\"]}}
oneshot: {{worker_agent: w, auditor_agent: a, audit_retries: 0}}
workstream:
  quarantine: {{same_error: 0}}
{more}"
    ));
    p.write("worker.fake", "read; append runs work; print worked");
    p.write("auditor.fake", "read; append runs audit; print DONE");
    p
}

const ONE: &str = "id: x\nsteps:\n  - {id: a, oneshot: do it}\n  - {id: b, depends_on: [a], when: \"steps.a.result == 'worked'\", run: ['true']}\n";

fn runs(p: &Project) -> String {
    p.read("runs").replace('\n', " ")
}

/// Done, and done at the second try: the auditor's feedback reaches the worker within one attempt.
#[test]
fn done_at_once_and_after_a_retry() {
    let p = project("");
    run(&p, ONE, 0);
    assert_eq!(states(&p), ["a succeeded", "b succeeded"]);
    let told = report(&p);
    assert_eq!(told["steps"][0]["attempts"][0]["tool"], "w", "it was routed");
    assert_eq!(told["decisions"][0]["choice"], "w");
    let p = project("");
    p.write("auditor-1.fake", "read; append runs audit; print 'more of it' RETRY; print Verdict: RETRY");
    run(&p, ONE, 0);
    assert_eq!(runs(&p), "work audit work audit ");
    assert_eq!(report(&p)["steps"][0]["attempts"].as_array().unwrap().len(), 1, "one attempt");
}

/// Impossible is the step's failure, and another attempt would not change it.
#[test]
fn rejected_as_impossible() {
    let p = project("");
    p.write("auditor.fake", "read; append runs audit; print IMPOSSIBLE");
    let text = "id: x\non_failure: skip_dependents\nsteps:\n  - {id: a, oneshot: do it, retry: {attempts: 3, backoff: none}}\n  - {id: b, depends_on: [a], run: ['true']}\n";
    let end = run(&p, text, 3);
    assert_eq!(states(&p), ["a failed", "b skipped"]);
    assert_eq!(runs(&p), "work audit ");
    assert!(end["error"].as_str().unwrap().contains("the auditor found the task impossible"), "{end}");
    // W21: it counts as a failure.
    p.run(&["tools"]).expect(0).says("closed     1 run, 0 % good");
}

/// A worker that crashes and leaves nothing fails the attempt; the retry is a new session, by another tool if there is one.
#[test]
fn a_crash_is_retried_by_another() {
    let p = project(
        "  routing: [{id: r, match: {kind: [edit]}, from: [lint, w, spare], strategy: fixed}]\n  tools: {w: {agent: w}, spare: {agent: spare}, lint: {run: ['true']}}\n",
    );
    p.write("worker.fake", "read; sh 'echo $ORCHESTRATOR_STEP_ATTEMPT >> .orchestrator/tries; test $(wc -l < .orchestrator/tries) -gt 1'; print worked");
    let text = "id: x\nsteps: [{id: a, kind: edit, oneshot: do it, retry: {attempts: 2, backoff: none}}]\n";
    run(&p, text, 0);
    let told = report(&p);
    let tools: Vec<&str> =
        (0..2).map(|n| told["steps"][0]["attempts"][n]["tool"].as_str().unwrap()).collect();
    assert_eq!(tools, ["w", "spare"]);
    assert_eq!(p.read(".orchestrator/tries"), "1\n2\n");
    let explained = p.run(&["workstream", "route", "ws.yaml", "a"]).expect(0).out;
    assert!(explained.contains("is no agent, and a oneshot needs one"), "{explained}");
}

/// `kill -9` while the auditor works: the next attempt goes on with the session, the work is not done again.
#[test]
fn killed_and_resumed() {
    let p = project("");
    p.write("auditor.fake", "read; append up x; forever");
    p.write("ws.yaml", ONE);
    let mut child = p.start(&["workstream", "run", "ws.yaml", "-q"]);
    wait_until("the auditor", || p.path("up").exists());
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), Signal::KILL).unwrap();
    child.wait().unwrap();
    p.write("auditor.fake", "read; append runs audit; print DONE");
    p.run(&["workstream", "resume", "last"]).expect(0);
    assert_eq!(runs(&p), "work audit ");
    assert_eq!(states(&p), ["a succeeded", "b succeeded"]);
    let attempts = report(&p)["steps"][0]["attempts"].clone();
    assert_eq!(
        (attempts[0]["error"].as_str(), attempts[1]["state"].as_str()),
        (Some("orchestrator-crash"), Some("succeeded"))
    );
    let left = crate::supervise::of_project(&p.root());
    assert!(left.is_empty(), "{left:?}");
}

/// Ctrl-C pauses the session with the step; the run can go on, from where the session was.
#[test]
fn interrupted_and_resumed() {
    let p = project("");
    p.write("auditor.fake", "read; append up x; forever");
    p.write("ws.yaml", ONE);
    let child = p.start(&["workstream", "run", "ws.yaml"]);
    wait_until("the auditor", || p.path("up").exists());
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), Signal::INT).unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
    assert_eq!(states(&p), ["a canceled", "b canceled"]);
    // An interruption says nothing of the tool.
    p.run(&["tools"]).expect(0).says("closed     0 runs");
    p.write("auditor.fake", "read; append runs audit; print DONE");
    p.run(&["workstream", "resume", "last"]).expect(0);
    assert_eq!(runs(&p), "work audit ");
    assert_eq!(std::fs::read_dir(p.path(".orchestrator/oneshot")).unwrap().count(), 1, "one session");
}

/// W20: five failures open the circuit of the worker's tool; then nobody asks it.
#[test]
fn an_open_circuit() {
    let p = project("");
    p.write("worker.fake", "read; sh 'echo x >> .orchestrator/tries'; exit 1");
    let mut text = String::from("id: x\non_failure: continue\nmax_parallel: 1\nsteps:\n");
    for n in 0..5 {
        writeln!(text, "  - {{id: s{n}, oneshot: do it}}").unwrap();
    }
    run(&p, &text, 0);
    assert!(events(&p).iter().any(|e| e["kind"] == "breaker_opened"));
    p.write("ws.yaml", "id: y\nbudget: {wall_secs: 1}\nsteps: [{id: a, oneshot: do it}]\n");
    let end = said(&p.run(&["workstream", "run", "ws.yaml", "--format", "json"]).expect(6));
    assert_eq!((end["attempts"].as_u64(), end["reason"].as_str()), (Some(0), Some("budget")), "{end}");
    assert_eq!(p.read(".orchestrator/tries").lines().count(), 5, "an open circuit is not asked");
}

/// `timeout_secs` is that of worker and auditor together.
#[test]
fn it_takes_too_long() {
    let p = project("");
    p.write("auditor.fake", "read; forever");
    let end = run(&p, "id: x\nsteps: [{id: a, oneshot: do it, timeout_secs: 1}]\n", 3);
    assert!(end["error"].as_str().unwrap().contains("worker and auditor took longer than 1"), "{end}");
}

/// The cost of both counts against the budget of the run.
#[test]
fn budgets() {
    let p = project("");
    let speak = |text: &str| {
        let usage = "{\"type\":\"usage\",\"input_tokens\":40,\"output_tokens\":10}";
        let result = format!("{{\"type\":\"result\",\"text\":\"{text}\",\"is_error\":false}}");
        format!("read; print '{usage}'; print '{result}'")
    };
    p.write("worker.fake", &speak("worked"));
    p.write("auditor.fake", &speak("DONE"));
    let config = p.read("orchestration.yaml").replace("]}\n  spare", "], output: ndjson}\n  spare");
    let config = config.replace("]}\n  a:", "], output: ndjson}\n  a:");
    p.write("orchestration.yaml", &config);
    let text = "id: x\nbudget: {tokens: 100}\nsteps:\n  - {id: a, oneshot: do it}\n  - {id: b, depends_on: [a], run: ['true']}\n";
    let end = run(&p, text, 6);
    assert_eq!(end["reason"], "budget", "{end}");
    assert_eq!(states(&p), ["a succeeded", "b canceled"]);
}

/// Without an auditor nothing is begun.
#[test]
fn an_auditor_that_is_not_there() {
    let p = project("");
    let config = p.read("orchestration.yaml").replace("auditor_agent: a", "auditor_agent: gemini");
    p.write("orchestration.yaml", &config);
    p.write("ws.yaml", ONE);
    let refused = p.run(&["workstream", "run", "ws.yaml"]).expect(2);
    assert!(refused.err.contains("step a: ") && refused.err.contains("gemini"), "{}", refused.err);
    assert!(!p.path("runs").exists());
}

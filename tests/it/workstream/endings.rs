//! How steps and runs end, and how runs go on.

use std::fmt::Write as _;

use rustix::process::{Pid, Signal, kill_process};

use super::{events, report, run, said, states};
use crate::cli::project::{Project, wait_until};

/// W11: the first failure ends what runs and all that waits; the run can be resumed, and what was done is not repeated.
#[test]
fn abort_and_resume() {
    let p = Project::new();
    let text = "id: x\nmax_parallel: 2\nsteps:
  - {id: a, shell: echo a >> story}
  - {id: b, depends_on: [a], shell: 'until test -e long.up; do sleep 0.01; done; test -e mended'}
  - {id: long, depends_on: [a], shell: 'touch long.up; test -e mended || exec sleep 100'}
  - {id: d, depends_on: [b], shell: echo d >> story}
";
    let end = run(&p, text, 3);
    assert_eq!((end["state"].as_str(), end["canceled"].as_u64()), (Some("failed"), Some(2)), "{end:#}");
    assert_eq!(states(&p), ["a succeeded", "b failed", "long canceled", "d canceled"]);
    assert!(end["error"].as_str().unwrap().starts_with("step b: ended with exit status 1"), "{end}");
    p.write("mended", "");
    let id = end["run_id"].as_str().unwrap();
    let again = said(&p.run(&["workstream", "resume", id, "--format", "json"]).expect(0));
    assert_eq!((again["run_id"].as_str(), again["succeeded"].as_u64()), (Some(id), Some(4)));
    assert_eq!(p.read("story"), "a\nd\n");
    assert_eq!(report(&p)["steps"][1]["attempts"].as_array().unwrap().len(), 2);
    let refused = p.run(&["workstream", "resume", id]).expect(2);
    assert!(refused.err.contains("only a run that failed can go on"), "{}", refused.err);
}

/// W11, W19: each policy, retries, gates, outputs, conditions and timeouts in one graph.
#[test]
fn a_mix_of_endings() {
    let p = Project::new();
    let text = r#"id: x
on_failure: continue
steps:
  - {id: gate, run: ["true"], gates: [{shell: "echo no >&2; exit 3"}]}
  - {id: after, depends_on: [gate], shell: "true", when: "steps.gate.state == 'succeeded'"}
  - {id: slow, run: [sleep, "100"], timeout_secs: 0.2}
  - {id: out, run: ["true"], outputs: {o: nowhere.txt}}
  - {id: fails, shell: exit 7, on_failure: skip_dependents}
  - {id: below, depends_on: [fails], shell: touch never}
  - {id: deeper, depends_on: [below], shell: touch never}
  - {id: ghost, run: [no-such-program-here]}
  - {id: odd, depends_on: [out], run: ["true"], when: "steps.out.outputs.o.x == 1"}
  - {id: last, depends_on: [after, slow, out, ghost, odd], shell: echo end}
"#;
    run(&p, text, 3);
    let expected = [
        "gate failed",
        "after skipped",
        "slow failed",
        "out failed",
        "fails failed",
        "below skipped",
        "deeper skipped",
        "ghost failed",
        "odd failed",
        "last succeeded",
    ];
    assert_eq!(states(&p), expected);
    assert!(!p.path("never").exists());
    let report = report(&p);
    let error = |n: usize| report["steps"][n]["attempts"][0]["error"].as_str().unwrap_or_default().to_owned();
    assert!(error(0).starts_with("gate echo no >&2; exit 3: "), "{}", error(0));
    assert!(error(3).contains("nowhere.txt"), "{}", error(3));
    assert!(error(7).contains("`no-such-program-here` is not on PATH"), "{}", error(7));
    assert!(error(8).starts_with("`when` cannot be told"), "{}", error(8));
    // Every transition has its event, and no attempt is left open.
    let events = events(&p);
    let count = |kind: &str| events.iter().filter(|e| e["kind"] == kind).count();
    assert_eq!((count("attempt_started"), count("attempt_ended")), (7, 7));
    assert_eq!((count("step_skipped"), count("step_ready")), (3, 8));
}

/// What must hold at the end fails the run; the budget ends it with 6.
#[test]
fn acceptance_and_budget() {
    let p = Project::new();
    let text = "id: x\nacceptance: [{run: [test, -e, wanted]}]\nsteps: [{id: a, shell: echo a >> story}]\n";
    let end = run(&p, text, 3);
    assert!(end["error"].as_str().unwrap().starts_with("acceptance: test -e wanted: "), "{end}");
    p.write("wanted", "");
    p.run(&["workstream", "resume", "last"]).expect(0);
    assert_eq!(p.read("story"), "a\n", "what was done is not repeated");
    let text = "id: y\nbudget: {wall_secs: 0.2}\nsteps: [{id: a, run: [sleep, '100']}, {id: b, depends_on: [a], run: ['true']}]\n";
    let end = run(&p, text, 6);
    assert_eq!((end["reason"].as_str(), end["canceled"].as_u64()), (Some("budget"), Some(2)), "{end}");
}

/// W7: Ctrl-C ends what runs; the run has failed as `interrupted` and can go on.
#[test]
fn a_signal_and_a_resume() {
    let p = Project::new();
    p.write(
        "ws.yaml",
        "id: x\nsteps:\n  - {id: a, shell: 'touch up; until test -e go; do sleep 0.01; done'}\n  - {id: b, depends_on: [a], shell: echo b >> story}\n",
    );
    let child = p.start(&["workstream", "run", "ws.yaml"]);
    wait_until("step a", || p.path("up").exists());
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stderr).contains("hint: orchestrator workstream resume "));
    let now = report(&p);
    assert_eq!(
        (now["run"]["state"].as_str(), now["run"]["error"].as_str()),
        (Some("failed"), Some("interrupted"))
    );
    assert_eq!(states(&p), ["a canceled", "b canceled"]);
    p.write("go", "");
    p.run(&["workstream", "resume", "last"]).expect(0);
    assert_eq!(p.read("story"), "b\n");
}

/// W9: cancel is for good, through the socket.
#[test]
fn cancel_is_for_good() {
    let p = Project::new();
    p.write("ws.yaml", "id: x\nsteps: [{id: a, shell: 'touch up; exec sleep 100'}]\n");
    let child = p.start(&["workstream", "run", "ws.yaml"]);
    wait_until("step a", || p.path("up").exists());
    p.run(&["workstream", "cancel", "last"]).expect(0);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(143));
    assert_eq!(report(&p)["run"]["state"], "canceled");
    p.run(&["workstream", "resume", "last"]).expect(2);
    p.run(&["workstream", "cancel", "last"]).expect(2);
}

/// W10: two steps that may write the same place never overlap in time, others do.
#[test]
fn scopes_never_overlap() {
    let p = Project::new();
    let mut text = String::from("id: x\nmax_parallel: 8\nsteps:\n");
    for n in 0..6 {
        writeln!(text, "  - {{id: s{n}, files_scope: [shared/**], shell: 'mkdir lock; echo {n} >> shared.log; sleep 0.02; rmdir lock'}}").unwrap();
    }
    p.write("shared.log", "");
    // `lock` and the log are not theirs, but an unscoped step beside them could have made them.
    text.push_str(
        "  - {id: free, shell: 'until test $(wc -l < shared.log) = 6; do sleep 0.01; done; sleep 0.1'}\n",
    );
    run(&p, &text, 0);
    let report = report(&p);
    let mut spans: Vec<(i64, i64)> = (0..6)
        .map(|n| &report["steps"][n]["attempts"][0])
        .map(|a| (a["started_at"].as_i64().unwrap(), a["ended_at"].as_i64().unwrap()))
        .collect();
    spans.sort_unstable();
    assert!(spans.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{spans:?}");
}

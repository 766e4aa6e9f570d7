//! `kill -9` in every state, and at random; a record that says what was being done is all there is to go on.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::table::Table;
use crate::cli::project::wait_until;
use crate::supervise::times;

fn kill(child: &mut std::process::Child) {
    let _ = kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), Signal::KILL);
    child.wait().unwrap();
}

/// Starts a session, and kills the program when an agent has written `seen`.
fn killed(t: &Table) {
    let mut child = t.project.start(&["oneshot", "it"]);
    wait_until("the agent", || t.project.path("seen").exists());
    kill(&mut child);
    let _ = std::fs::remove_file(t.project.path("seen"));
}

/// O9: the worker's run is recovered, not repeated, and its processes are ended.
#[test]
fn while_a_worker_works() {
    let t = Table::new();
    t.script(
        "worker-1",
        "read; ignore-term; fork { ignore-term; forever }; print half; write seen x; append runs 1; forever",
    );
    t.worker("read; print rest; append runs 2");
    killed(&t);
    assert_eq!(t.state(), "worker-executing");
    let ran = t.run(&["resume"]).expect(0);
    assert_eq!(t.way(), "start interrupt resume zombie-partial next success next done");
    assert_eq!(t.project.read("runs"), "1\n2\n");
    assert!(ran.err.contains("ended a process of an earlier run"), "{}", ran.err);
    t.nobody_is_left();
}

/// O1, O9: it left nothing, so nothing is salvaged; the same command runs the worker again.
#[test]
fn while_a_worker_that_did_nothing_works() {
    let t = Table::new();
    t.script(
        "worker-1",
        "read; write .orchestrator/x y; sh 'mv .orchestrator/x seen; touch -d @1 seen'; forever",
    );
    // Written before: what changes while a worker runs is its work.
    t.worker("read; print worked");
    killed(&t);
    assert_eq!(t.run(&["resume"]).expect(0).out, "worked\n");
    assert_eq!(t.way(), "start interrupt resume zombie-dead raise next success next done");
    assert!(t.file("worker-2.prompt.md").contains("the program itself was ended meanwhile"));
    t.nobody_is_left();
}

/// O9: the worker is not run again for an audit that was killed.
#[test]
fn while_an_auditor_works() {
    let t = Table::new();
    t.worker("read; print worked; append runs x");
    t.auditor("read; print DONE; write seen x; forever");
    killed(&t);
    assert_eq!(t.state(), "auditor-executing");
    t.auditor("read; print DONE");
    assert_eq!(t.run(&["resume"]).expect(0).out, "worked\n");
    assert_eq!(t.project.read("runs"), "x\n");
    assert_eq!(t.way(), "start success next interrupt resume next done");
    t.nobody_is_left();
}

/// The states between two actions, as a crash right after their save leaves them.
#[test]
fn between_two_actions() {
    for (state, way) in [
        ("created", "start success next done"),
        ("audit-pending", "next done"),
        ("reiteration-pending", "next success next done"),
    ] {
        let t = Table::new();
        t.run(&["it"]).expect(0);
        let mut session = t.session();
        session["state"] = json!({"name": state});
        session["history"] = json!([]);
        if state == "created" {
            session["iteration"] = json!(0);
            session["run"] = json!(null);
        }
        std::fs::write(t.folder().join("session.json"), session.to_string()).unwrap();
        t.run(&["resume"]).expect(0);
        assert_eq!(t.way(), way, "{state}");
    }
}

/// A recovery that was cut short is done again, and comes to the same.
#[test]
fn while_it_recovers() {
    let t = Table::new();
    t.script("worker-1", "read; print half; exit 1");
    t.run(&["it", "--max-iterations", "1"]).expect(6);
    for _ in 0..2 {
        t.put_state(json!({"name": "recovery-pending"}));
        t.run(&["resume", "--max-iterations", "1"]).expect(6);
    }
    assert!(t.way().ends_with("zombie-partial max-iterations zombie-partial max-iterations"), "{}", t.way());
    // A worker that had ended well when the program died before it could write that down.
    let t = Table::new();
    t.run(&["it"]).expect(0);
    t.put_state(json!({"name": "worker-executing"}));
    assert_eq!(t.run(&["resume"]).expect(0).out, "worked\n");
    assert!(t.way().ends_with("interrupt resume zombie-success next done"), "{}", t.way());
}

/// One of two resumptions at once wins; the other is told who has it.
#[test]
fn two_resumptions_at_once() {
    for _ in 0..times(20) {
        let t = Table::new();
        t.run(&["it"]).expect(0);
        t.put_state(json!({"name": "audit-pending"}));
        t.auditor("read; append runs x; wait-file go; print DONE");
        let mut both = [t.project.start(&["oneshot", "resume"]), t.project.start(&["oneshot", "resume"])];
        wait_until("one is refused", || both.iter_mut().any(|c| c.try_wait().unwrap().is_some()));
        t.project.write("go", "");
        let mut codes: Vec<i32> = both
            .into_iter()
            .map(|child| {
                let pid = child.id();
                let output = child.wait_with_output().unwrap();
                let err = String::from_utf8_lossy(&output.stderr).into_owned();
                let code = output.status.code().unwrap();
                assert!(code == 0 || err.contains("the session is at work"), "{pid}: {err}");
                code
            })
            .collect();
        codes.sort_unstable();
        assert_eq!(codes, [0, 4]);
        assert_eq!(t.project.read("runs"), "x\n", "one auditor");
    }
}

/// A number from a seed, so that a failing run can be repeated.
fn step(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *seed >> 33
}

/// What a record may say, whatever moment it was.
fn check(t: &Table) {
    for folder in t.sessions() {
        let path = folder.join("session.json");
        // Killed before the first save: a folder without a record is no session.
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let session: serde_json::Value =
            serde_json::from_str(&text).unwrap_or_else(|e| panic!("torn: {e}: {text}"));
        let history = session["history"].as_array().unwrap();
        let count = |events: &[&str]| {
            history.iter().filter(|s| events.contains(&s["event"].as_str().unwrap())).count() as u64
        };
        // Every worker run has one beginning; its end was seen at most once.
        let workers = history.iter().filter(|s| s["to"]["name"] == "worker-executing").count() as u64;
        assert_eq!(workers, session["iteration"].as_u64().unwrap(), "{text}");
        assert!(count(&["success", "zombie-success", "zombie-partial", "zombie-dead"]) <= workers, "{text}");
        assert!(count(&["done"]) <= 1, "{text}");
        if session["state"]["name"] == "completed" {
            assert_eq!(session["verdict"], "DONE");
            assert_eq!(history.last().unwrap()["event"], "done");
        }
    }
}

/// The longest uninterrupted session takes about this long, microseconds.
const SPAN: u64 = 400_000;

#[test]
fn at_random() {
    let t = Table::git();
    // Each run of a worker writes down which it was: none may be run twice.
    t.worker("read; sh 'echo $ORCHESTRATOR_SESSION $ORCHESTRATOR_ITERATION >> runs'; print half; sleep 20; print whole");
    t.auditor("read; sh 'test $ORCHESTRATOR_ITERATION -lt 3 && echo RETRY || echo DONE'");
    let mut seed = 0x0a5e_5507;
    let mut ends = std::collections::BTreeMap::<String, usize>::new();
    let mut open = false;
    for _ in 0..times(300) {
        let args: &[&str] = if open {
            &["oneshot", "resume", "--max-iterations", "50"]
        } else {
            &["oneshot", "it", "--max-iterations", "50"]
        };
        let mut child = t.project.start(args);
        std::thread::sleep(Duration::from_micros(step(&mut seed) % SPAN));
        kill(&mut child);
        check(&t);
        let newest = t.sessions().into_iter().rev().find(|f| f.join("session.json").exists());
        let Some(newest) = newest else { continue };
        let text = std::fs::read_to_string(newest.join("session.json")).unwrap();
        let session: serde_json::Value = serde_json::from_str(&text).unwrap();
        let state = session["state"]["name"].as_str().unwrap();
        open = !["completed", "rejected", "failed"].contains(&state);
        let end = session["state"]["why"].as_str().unwrap_or(state).to_owned();
        *ends.entry(end).or_default() += 1;
    }
    if open {
        let ran = t.run(&["resume", "--max-iterations", "50"]);
        assert!([0, 3].contains(&ran.code), "{}: {}", ran.code, ran.err);
    }
    check(&t);
    t.run(&["last one"]).expect(0);
    t.nobody_is_left();
    let runs = t.project.read("runs");
    let mut distinct: Vec<&str> = runs.lines().collect();
    let all = distinct.len();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), all, "a worker run was repeated: {runs}");
    println!("killed {} times, left in {ends:?}, {all} worker runs", times(300));
}

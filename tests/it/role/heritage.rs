//! Beside the earlier orchestrator and after it (turns.md T2; git-sync.md G4).

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::alternate::QUICK;
use super::observer::observe;
use super::stage::{Stage, await_that, times};
use crate::remote::ground::Kind;

/// The fields that the earlier orchestrator knows. It drops all others.
const KNOWN: [&str; 9] = [
    "iteration",
    "expected_actor",
    "status",
    "last_update",
    "lease_expires_at",
    "galph_commit",
    "ralph_commit",
    "last_prompt",
    "last_prompt_actor",
];

/// A state that it left is continued from where it is, by whoever's turn it is.
#[test]
fn a_state_of_the_earlier_orchestrator_is_continued() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/states");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().flatten().map(|e| e.path()).collect();
    files.sort();
    assert!(files.len() >= 8);
    for (n, file) in files.iter().enumerate().step_by(times(3, 1)) {
        // One of them for longer, all of all in a campaign.
        let turns = if n == 0 { 3 } else { times(1, 3) };
        let text = fs::read_to_string(file).unwrap();
        let old: Value = serde_json::from_str(&text).unwrap();
        let stage = Stage::new(Kind::Path, QUICK).unwrap();
        let seed = stage.top("seed");
        fs::create_dir_all(seed.join("sync")).unwrap();
        fs::write(seed.join("sync/state.json"), &text).unwrap();
        stage.git(&seed, &["add", "-A"]);
        stage.git(&seed, &["commit", "-qm", "What the earlier one left"]);
        stage.git(&seed, &["push", "-q", stage.ground.bare().to_str().unwrap(), "main"]);
        for role in ["galph", "ralph"] {
            stage.clone(role);
        }
        let first = old["expected_actor"].as_str().unwrap();
        let second = if first == "galph" { "ralph" } else { "galph" };
        for role in [first, second, first].into_iter().take(turns) {
            stage.role(role, role, &["--once"]).expect(0);
        }
        let seen = observe(&stage);
        let n = old["iteration"].as_u64().unwrap();
        let after = if first == "galph" { n } else { n + 1 };
        let expected = [(n, first), (after, second), (n + 1, first)].map(|(i, r)| (i, r.to_owned()));
        assert_eq!(seen.done, expected[..turns], "{}", file.display());
    }
}

/// One turn of the earlier orchestrator, by the `git` program.
fn old_turn(stage: &Stage, clone: &str) {
    let top = stage.top(clone);
    let read = || -> Value {
        stage.git(&top, &["fetch", "-q", "origin"]);
        stage.git(&top, &["reset", "-q", "--hard", "origin/main"]);
        serde_json::from_str(&fs::read_to_string(top.join("sync/state.json")).unwrap()).unwrap()
    };
    let publish = |state: &Value, subject: &str| {
        let kept: serde_json::Map<String, Value> =
            KNOWN.iter().map(|k| ((*k).to_owned(), state[*k].clone())).collect();
        let text = serde_json::to_string_pretty(&Value::Object(kept)).unwrap() + "\n";
        fs::write(top.join("sync/state.json"), text).unwrap();
        stage.git(&top, &["commit", "-qm", subject, "--", "sync/state.json"]);
        stage.git(&top, &["push", "-q", "origin", "main"]);
    };
    let mut state = read();
    assert_eq!((&state["expected_actor"], &state["exit"]), (&json!("galph"), &Value::Null));
    let i = state["iteration"].as_u64().unwrap();
    state["status"] = json!("running-galph");
    publish(&state, &format!("[SYNC i={i}] actor=galph status=running"));
    fs::write(top.join("plan.txt"), format!("plan {i}\n")).unwrap();
    stage.git(&top, &["add", "plan.txt"]);
    stage.git(&top, &["commit", "-qm", &format!("Plan {i}")]);
    let id = stage.git(&top, &["rev-parse", "--short", "HEAD"]);
    (state["status"], state["expected_actor"]) = (json!("waiting-ralph"), json!("ralph"));
    state["galph_commit"] = json!(id);
    publish(&state, &format!("[SYNC i={i}] actor=galph → next=ralph status=ok galph_commit={id}"));
}

/// G4: a peer that drops `turn` and all it does not know confuses nobody; epochs go on growing.
#[test]
fn a_peer_that_drops_our_fields_does_not_confuse_us() {
    let stage = Stage::new(Kind::Path, QUICK).unwrap();
    for clone in ["galph", "ralph", "starter"] {
        stage.clone(clone);
    }
    // The first iteration is ours: its fields are there to be dropped.
    stage.role("starter", "galph", &["--once"]).expect(0);
    let rounds = times(3, 20);
    let loops = (rounds + 1).to_string();
    let mut ralph = stage.role("ralph", "ralph", &["--sync-loops", &loops]);
    for n in 0..rounds as u64 {
        await_that("the old one's turn", || stage.state()["iteration"] == n + 2, || ralph.said());
        old_turn(&stage, "galph");
    }
    ralph.expect(0);
    let seen = observe(&stage);
    assert_eq!((seen.done.len(), seen.fails, seen.claims), (2 * rounds + 2, 0, 2 * rounds + 2));
}

//! G13's command: who holds the turn, and giving it back.

use super::clones::Clones;
use crate::cli::project::wait_until;

/// A turn that lasts until it is let go, and never longer than a minute.
const LONG: &str = "n=0; while [ ! -e ../go ] && [ $n -lt 600 ]; do sleep 0.1; n=$((n + 1)); done";

fn running(clones: &Clones) -> bool {
    clones.state()["status"] == "running-galph"
}

/// A sign of life younger than the lease needs `--force`; the holder is told and keeps its work.
#[test]
fn a_living_holder_is_taken_over_by_force_only() {
    let clones = Clones::with(LONG, "true", "lease_secs: 3,");
    let mut holder = clones.start("galph", &["--mode", "role", "--role", "galph"]);
    wait_until("the claim", || running(&clones));
    let dry = clones.run("ralph", &["takeover", "--dry-run", "--force"]).expect(0);
    assert!(dry.out.contains("iteration 1 · galph's turn · running-galph\nholder: "), "{}", dry.out);
    assert!(dry.out.contains("epoch 1, since ") && dry.out.contains("alive, last sign "), "{}", dry.out);
    assert!(dry.out.contains("would:  publish `released`"), "{}", dry.out);
    let refused = clones.run("ralph", &["takeover"]).expect(4);
    assert!(refused.err.contains("its lease lasts 3.0s\nhint: "), "{}", refused.err);
    assert!(refused.err.contains("orchestrator takeover --force"), "{}", refused.err);
    let other = clones.run("ralph", &["takeover", "--role", "ralph", "--force"]).expect(4);
    assert!(other.err.contains("it is galph's turn, not ralph's"), "{}", other.err);
    assert!(running(&clones), "nothing was changed");

    let value = clones.json("ralph", &["takeover", "--force", "--format", "json"], 0);
    assert_eq!((value["released"].clone(), value["holder"]["life"].clone()), (true.into(), "alive".into()));
    assert_eq!(clones.subjects().last().unwrap(), "[SYNC i=1] actor=galph status=released");
    assert_eq!(clones.state()["turn"]["epoch"], 2);
    // What it publishes comes too late.
    clones.write("galph", "../go", "");
    assert_eq!(holder.wait().unwrap().code(), Some(5));
    let again = clones.run("ralph", &["takeover"]).expect(0);
    assert!(again.out.contains("nobody holds it"), "{}", again.out);
    clones.run("ralph", &["audit", "--remote"]).expect(0);
}

/// A holder that is gone: once its lease is over the turn is given back, and run here.
#[test]
fn a_dead_holder_is_taken_over_and_its_turn_run() {
    let clones = Clones::with(LONG, "true", "lease_secs: 1,");
    let mut holder = clones.start("galph", &["--mode", "role", "--role", "galph"]);
    wait_until("the claim", || running(&clones));
    holder.kill().unwrap();
    holder.wait().unwrap();
    clones.write("galph", "../go", "");
    wait_until("the end of the lease", || {
        clones.json("ralph", &["takeover", "--dry-run", "--format", "json"], 0)["would"] == "release"
    });
    let status = clones.run("ralph", &["status", "--remote"]).expect(0).out;
    assert!(status.contains("looks dead since") && status.contains("(orchestrator takeover)"), "{status}");
    clones.run("ralph", &["takeover", "--run"]).expect(0);
    let subjects = clones.subjects();
    let tail: Vec<&str> =
        subjects.iter().rev().take(3).map(|s| s.split(" galph_commit").next().unwrap()).collect();
    assert_eq!(
        tail,
        [
            "[SYNC i=1] actor=galph → next=ralph status=ok",
            "[SYNC i=1] actor=galph status=running",
            "[SYNC i=1] actor=galph status=released"
        ]
    );
    let value = clones.json("ralph", &["recap", "--remote", "--format", "json"], 0);
    let outcomes: Vec<&str> =
        value["turns"].as_array().unwrap().iter().map(|t| t["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["released", "ok"]);
}

/// G13: the turn of a peer that writes no `turn` is given back by command only.
#[test]
fn a_turn_of_a_peer_without_leases_needs_force() {
    let clones = Clones::new("true", "true");
    clones.turn("galph", 0);
    let state = clones.git("bare", &["show", "work:sync/state.json"]);
    let mut state: serde_json::Value = serde_json::from_str(&state).unwrap();
    state["status"] = "running-ralph".into();
    state.as_object_mut().unwrap().remove("turn");
    clones.git("ralph", &["pull", "-q"]);
    clones.write("ralph", "sync/state.json", &format!("{state:#}\n"));
    clones.git("ralph", &["commit", "-q", "-a", "-m", "[SYNC i=1] actor=ralph status=running"]);
    clones.git("ralph", &["push", "-q"]);
    let refused = clones.run("galph", &["takeover"]).expect(4);
    assert!(refused.err.contains("it keeps no lease"), "{}", refused.err);
    clones.run("galph", &["takeover", "--force"]).expect(0);
    assert_eq!(clones.subjects().last().unwrap(), "[SYNC i=1] actor=ralph status=released");
    assert_eq!(clones.state()["status"], "waiting-ralph");
    clones.turn("ralph", 0);
    clones.run("galph", &["audit", "--remote"]).expect(0);
}

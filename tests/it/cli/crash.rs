//! `kill -9` at any moment: no turn is stamped twice, none is lost, nothing is torn.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::project::Project;

/// A number from a seed, so that a failing run can be repeated.
fn step(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *seed >> 33
}

fn campaign(git: bool, kills: usize) {
    let p = if git { Project::git() } else { Project::new() };
    for name in ["supervisor", "main"] {
        p.prompt(name, &format!("echo {name} $ORCHESTRATOR_ITERATION >> sequence; sleep 0.01 & wait"));
    }
    if git {
        p.run_git(&["commit", "-q", "-am", "prompts"]);
    }
    let mode: &[&str] = if git { &["--sync-loops", "5"] } else { &["--sync-loops", "5", "--no-git"] };
    let mut seed = 0x5eed + u64::from(git);
    for _ in 0..kills {
        let mut child = p.start(mode);
        std::thread::sleep(Duration::from_micros(step(&mut seed) % 120_000));
        let _ = kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), Signal::KILL);
        child.wait().unwrap();
        if p.path("sync/state.json").exists() {
            // Never torn: whatever moment it was, the file is whole.
            let state = p.state();
            assert!(state["iteration"].as_u64().unwrap() >= 1);
        }
    }
    let before =
        if p.path("sync/state.json").exists() { p.state()["iteration"].as_u64().unwrap() } else { 1 };
    let once: &[&str] = if git { &["--once"] } else { &["--once", "--no-git"] };
    let last = p.run(once).expect(0);
    assert!(p.state()["iteration"].as_u64().unwrap() > before, "{}", last.out);
    check_order(&p);
    if git {
        check_chain(&p);
    }
}

/// Turns may run again after a kill, but always in order, and none is missing.
fn check_order(p: &Project) {
    let runs = p.sequence();
    let mut distinct = runs.clone();
    distinct.dedup();
    let end = p.state()["iteration"].as_u64().unwrap();
    let expected: Vec<String> =
        (1..end).flat_map(|i| [format!("supervisor {i}"), format!("main {i}")]).collect();
    assert_eq!(distinct, expected, "{runs:?}");
}

/// Every turn is stamped exactly once, epochs grow, and every state commit holds what it says.
fn check_chain(p: &Project) {
    let subjects = p.subjects();
    let ends: Vec<&String> = subjects.iter().filter(|s| s.contains("status=ok")).collect();
    let end = p.state()["iteration"].as_u64().unwrap();
    let mut expected = Vec::new();
    for i in 1..end {
        expected.push(format!("[SYNC i={i}] actor=galph → next=ralph status=ok"));
        expected.push(format!("[SYNC i={}] actor=ralph → next=galph status=ok", i + 1));
    }
    assert_eq!(ends.len(), expected.len(), "{subjects:?}");
    for (found, expected) in ends.iter().zip(&expected) {
        assert!(found.starts_with(expected.as_str()), "{found}: {expected}");
    }
    let claims = p.run_git(&[
        "log",
        "--reverse",
        "--grep=status=running",
        "--format=%(trailers:key=Epoch,valueonly,separator=%x2C)",
    ]);
    let epochs: Vec<u64> = claims.lines().filter(|l| !l.is_empty()).map(|l| l.parse().unwrap()).collect();
    assert!(epochs.windows(2).all(|w| w[0] < w[1]), "{epochs:?}");
    assert_eq!(p.run_git(&["status", "--porcelain"]), "");
    p.run_git(&["fsck", "--strict"]);
}

#[test]
fn killed_at_random_without_git() {
    campaign(false, crate::supervise::times(100));
}

#[test]
fn killed_at_random_with_git() {
    campaign(true, crate::supervise::times(100));
}

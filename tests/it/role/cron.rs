//! Short runs from a timer (turns.md T20, T20a; git-sync.md G13).

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::alternate::QUICK;
use super::fence::SHORT;
use super::observer::observe;
use super::stage::{Proc, Stage, await_that, report, times};
use crate::remote::ground::Kind;

fn short_run(stage: &Stage, clone: &str, role: &str) -> Proc {
    stage.start(clone, &["--mode", "role", "--role", role, "--if-turn", "--quiet"])
}

/// Both sides are started again and again, whether or not the last start has ended.
#[test]
fn overlapping_starts_take_every_turn_once() {
    let stage = Stage::new(Kind::Path, QUICK).unwrap();
    let turns = times(10, 200);
    // The agent now takes shorter than the gap, now longer.
    let (gap, pause) = match crate::remote::scale() {
        1 => (Duration::from_millis(200), "sleep 0.$((i % 5))"),
        _ => (Duration::from_secs(1), "sleep $((i % 3)).$((i % 4))"),
    };
    let roles = ["galph", "ralph"];
    for role in roles {
        stage.clone(role);
        stage.agent(role, pause);
    }
    let most = Duration::from_secs(60 + 10 * turns as u64);
    let (begun, mut running, mut starts, mut overlaps) = (Instant::now(), Vec::new(), 0, BTreeSet::new());
    while stage.iteration() <= turns as u64 / 2 {
        assert!(begun.elapsed() < most, "{} turns in {starts} starts", stage.iteration() * 2);
        for role in roles {
            running.push((starts, role, short_run(&stage, role, role)));
        }
        starts += 1;
        std::thread::sleep(gap);
        running.retain_mut(|(start, role, run)| {
            let code = run.ended();
            if code.is_none() {
                overlaps.insert((*start, *role));
            }
            assert_eq!(code.unwrap_or(0), 0, "start {start} of {role}: {}", run.said());
            code.is_none()
        });
    }
    for (_, _, run) in &mut running {
        run.expect(0);
    }
    let seen = observe(&stage);
    assert!(seen.done.len() >= turns, "{:?}", seen.done);
    assert_eq!((seen.claims, seen.fails), (seen.done.len(), 0), "one claim for each turn");
    assert!(!overlaps.is_empty());
    report(&format!(
        "{} turns in {starts} starts on each side, {} overlapped",
        seen.done.len(),
        overlaps.len()
    ));
    assert_eq!(stage.entries().iter().filter(|e| e.what == "start").count(), seen.claims);
}

/// T20: nobody pays for a failed turn again and again.
#[test]
fn a_failed_turn_is_not_repeated() {
    let stage = Stage::new(Kind::Path, QUICK).unwrap();
    for role in ["galph", "ralph"] {
        stage.clone(role);
    }
    short_run(&stage, "galph", "galph").expect(0);
    stage.agent("ralph", "exit 7");
    for _ in 0..times(4, 20) {
        short_run(&stage, "ralph", "ralph").expect(3);
    }
    assert_eq!(stage.count("start", "ralph"), 1);
    assert_eq!(stage.state()["status"], "failed");
    stage.agent("ralph", "");
    let resumed = stage.command("ralph", &["resume"]).output().unwrap();
    assert!(resumed.status.success(), "{}", String::from_utf8_lossy(&resumed.stderr));
    short_run(&stage, "ralph", "ralph").expect(0);
    assert_eq!(stage.count("start", "ralph"), 2);
    assert_eq!(observe(&stage).done.len(), 2);
}

/// G13: short runs of a standby see a healthy holder's beats, and a dead one's silence.
#[test]
fn only_a_dead_holder_is_taken_over() {
    let stage = Stage::new(Kind::Path, SHORT).unwrap();
    for clone in ["galph", "holder", "standby"] {
        stage.clone(clone);
    }
    short_run(&stage, "galph", "galph").expect(0);
    stage.agent("holder", &stage.until("go"));
    let mut holder = short_run(&stage, "holder", "ralph");
    await_that("the holder's work", || stage.count("commit", "holder") == 1, || holder.said());
    let begun = Instant::now();
    let long = Duration::from_secs(times(7, 60) as u64);
    while begun.elapsed() < long {
        short_run(&stage, "standby", "ralph").expect(0);
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(stage.count("start", "standby"), 0);
    stage.mark("go");
    holder.expect(0);

    short_run(&stage, "galph", "galph").expect(0);
    std::fs::remove_file(stage.book().join("go")).unwrap();
    let mut holder = short_run(&stage, "holder", "ralph");
    await_that("the holder's next work", || stage.count("commit", "holder") == 2, || holder.said());
    assert_eq!(holder.kill(), None);
    await_that(
        "a take-over",
        || {
            short_run(&stage, "standby", "ralph").expect(0);
            stage.count("end", "standby") == 1
        },
        || holder.said(),
    );
    short_run(&stage, "holder", "ralph").expect(5);
    let seen = observe(&stage);
    assert_eq!((seen.done.len(), seen.claims, seen.rescued.len()), (4, 5, 1));
}

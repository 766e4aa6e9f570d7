//! `kill -9` at any moment of a run, then resume: every step's effect once, or recorded as run again after a crash.

use std::fmt::Write as _;

use std::collections::BTreeMap;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::said;
use crate::cli::project::Project;
use crate::supervise::times;

/// Steps of the graph; each writes its name when it is done.
const STEPS: usize = 40;

fn file(steps: usize) -> String {
    let mut text = String::from("id: kills\nmax_parallel: 4\nsteps:\n");
    for n in 0..steps {
        let after = match n {
            0 => String::new(),
            n if n % 3 == 0 => format!(", depends_on: [s{}, s{}]", n - 1, n / 2),
            n => format!(", depends_on: [s{}]", n / 2),
        };
        writeln!(text, "  - {{id: s{n}, shell: 'echo s{n} >> effects'{after}}}").unwrap();
    }
    text
}

/// W9, L5. At full scale 100 kills of a run of 200 steps.
#[test]
fn killed_at_random_and_resumed() {
    let kills = times(100);
    let steps = if kills >= 100 { 200 } else { STEPS };
    let p = Project::new();
    p.write("ws.yaml", &file(steps));
    let mut seed = 3u64;
    let mut left = kills;
    let (mut runs, mut cut) = (0, 0);
    while left > 0 {
        std::fs::write(p.path("effects"), "").unwrap();
        let mut earlier = newest(&p);
        let mut child = p.start(&["workstream", "run", "ws.yaml", "-q"]);
        let mut run_id = None;
        loop {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            std::thread::sleep(Duration::from_micros((seed >> 33) % 250_000));
            if let Some(ended) = child.try_wait().unwrap() {
                assert!(ended.success(), "{:?}", child.wait_with_output());
                break;
            }
            let _ = kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), Signal::KILL);
            child.wait().unwrap();
            left = left.saturating_sub(1);
            let id = newest(&p).filter(|id| Some(id) != earlier.as_ref());
            // Killed before the run was recorded: nothing of it ran.
            let fresh = id.clone().filter(|id| run_id.as_ref().is_none_or(|old| old == id));
            if fresh.is_none() {
                assert_eq!(p.read("effects"), "");
                child = p.start(&["workstream", "run", "ws.yaml", "-q"]);
                continue;
            }
            run_id = fresh;
            let report = p.run(&["report", "last", "--format", "json"]);
            let state = said(&report)["run"]["state"].as_str().unwrap_or_default().to_owned();
            if state == "succeeded" {
                break;
            }
            if state == "canceled" || (state == "pending") {
                // Killed between its record and its begin: it is closed, and nothing of it ran.
                assert_eq!(p.read("effects"), "");
                (run_id, earlier) = (None, newest(&p));
                child = p.start(&["workstream", "run", "ws.yaml", "-q"]);
                continue;
            }
            child = p.start(&["workstream", "resume", "last", "-q"]);
        }
        cut += check(&p, steps);
        runs += 1;
    }
    println!("{kills} kills, {runs} runs of {steps} steps came to their end, {cut} attempts were cut off");
}

/// The newest run, if any is recorded.
fn newest(p: &Project) -> Option<String> {
    let known = p.run(&["history", "--kind", "workstream", "-n", "1", "--format", "json"]);
    let list = serde_json::from_str::<serde_json::Value>(&known.out).ok()?;
    list["runs"][0]["run_id"].as_str().map(str::to_owned)
}

/// How many attempts were cut off.
fn check(p: &Project, steps: usize) -> usize {
    let mut cut = 0;
    let report = said(&p.run(&["report", "last", "--format", "json"]).expect(0));
    assert_eq!(report["run"]["state"], "succeeded");
    let mut effects: BTreeMap<String, usize> = BTreeMap::new();
    for line in p.read("effects").lines() {
        *effects.entry(line.to_owned()).or_default() += 1;
    }
    assert_eq!(effects.len(), steps, "a step was skipped");
    for step in report["steps"].as_array().unwrap() {
        let id = step["id"].as_str().unwrap();
        assert_eq!(step["state"], "succeeded", "{id}");
        let attempts = step["attempts"].as_array().unwrap();
        let crashed =
            attempts.iter().filter(|a| a["state"] == "failed" && a["error"] == "orchestrator-crash").count();
        assert_eq!(attempts.len(), crashed + 1, "{id}: {attempts:#?}");
        cut += crashed;
        assert!((1..=crashed + 1).contains(&effects[id]), "{id}: {} times, {crashed} crashes", effects[id]);
    }
    cut
}

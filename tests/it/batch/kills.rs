//! `kill -9` at any moment of a batch, then resume: every task is done, none again that was recorded as done.

use std::collections::BTreeMap;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::cli::project::Project;
use crate::role::Dice;
use crate::supervise::{of_project, times};

/// W2, L5.
#[test]
fn killed_at_random_and_resumed() {
    let kills = times(100);
    let tasks = if kills >= 100 { 60 } else { 20 };
    let mut dice = Dice::new(11);
    let (mut left, mut batches, mut cut) = (kills, 0, 0);
    while left > 0 {
        let p = Project::new();
        // What the record said was done, and how often it had run by then.
        let (mut done, mut here) = (BTreeMap::new(), 0);
        p.write("tasks", &"echo $ORCHESTRATOR_TASK >> effects; sleep 0.01\n".repeat(tasks));
        loop {
            let known = p.run(&["history", "--kind", "batch", "-n", "1", "--format", "json"]).out;
            let fresh = !known.contains("\"run_id\"");
            // What was never recorded never ran.
            assert!(!fresh || p.read("effects").is_empty(), "{known}");
            let args: &[&str] = if fresh {
                &["batch", "--exec", "--max-concurrent", "3", "tasks", "-q"]
            } else {
                &["batch", "--resume", "last", "-q"]
            };
            let mut child = p.start(args);
            std::thread::sleep(Duration::from_micros(dice.below(300_000)));
            if let Some(ended) = child.try_wait().unwrap() {
                assert!(ended.success(), "{:?}", child.wait_with_output());
                break;
            }
            let _ = kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), Signal::KILL);
            child.wait().unwrap();
            (left, here) = (left.saturating_sub(1), here + 1);
            for task in succeeded(&p) {
                let times = effects(&p).get(&task).copied().unwrap_or(0);
                assert_eq!(*done.entry(task.clone()).or_insert(times), times, "task {task} ran again");
            }
        }
        cut += check(&p, tasks, here);
        batches += 1;
    }
    println!("{kills} kills, {batches} batches of {tasks} tasks came to their end, {cut} tasks were cut off");
}

fn effects(p: &Project) -> BTreeMap<String, usize> {
    let mut effects = BTreeMap::new();
    for line in p.read("effects").lines() {
        *effects.entry(line.to_owned()).or_default() += 1;
    }
    effects
}

/// The tasks that the record says are done.
fn succeeded(p: &Project) -> Vec<String> {
    let path = p.path(".orchestrator/ledger.db");
    if !path.exists() {
        return Vec::new();
    }
    let raw = rusqlite::Connection::open(path).unwrap();
    // Killed before the tables were there.
    let Ok(mut select) = raw.prepare("select step_id from step_attempts where state = 'succeeded'") else {
        return Vec::new();
    };
    let rows = select.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

/// How many runs of tasks were cut off.
fn check(p: &Project, tasks: usize, kills: usize) -> usize {
    let effects = effects(p);
    assert_eq!(effects.len(), tasks, "a task was lost: {effects:?}");
    let path = p.path(".orchestrator/ledger.db");
    assert_eq!(crate::ledger::integrity(&path), "ok");
    let mut done = succeeded(p);
    done.sort();
    assert_eq!(done, effects.keys().cloned().collect::<Vec<_>>(), "each is recorded as done once");
    let cut = effects.values().sum::<usize>() - tasks;
    assert!(cut <= 3 * kills, "{cut} tasks ran again after {kills} kills of three at once: {effects:?}");
    let left = of_project(&p.root());
    assert!(left.is_empty(), "orphans: {left:?}");
    cut
}

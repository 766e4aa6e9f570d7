//! Ending a batch, or one task of it, from outside.

use std::process::{Child, Output};

use rustix::process::{Pid, Signal, kill_process};

use super::limits::results;
use crate::cli::project::{Project, wait_until};

/// Three tasks, two at once, which wait for a file.
fn waiting() -> (Project, Child) {
    let p = Project::new();
    let task = "touch up.$ORCHESTRATOR_TASK; until test -e go; do sleep 0.01; done\n";
    p.write("tasks", &task.repeat(3));
    let run = p.start(&["batch", "--exec", "--max-concurrent", "2", "--format", "json", "tasks"]);
    wait_until("two tasks", || p.path("up.1").exists() && p.path("up.2").exists());
    (p, run)
}

/// The id of a live attempt by its task.
fn attempt(p: &Project, task: &str) -> String {
    let nobody = p.run(&["interrupt", "nobody-is-called-so"]).expect(2).err;
    // `cause: live: attempt ID (TASK …`.
    let line =
        nobody.lines().find(|l| l.contains(&format!(" ({task} "))).unwrap_or_else(|| panic!("{nobody}"));
    line.split_whitespace().nth(3).unwrap().to_owned()
}

fn states(output: &Output) -> Vec<String> {
    let out = String::from_utf8_lossy(&output.stdout);
    results(&out).iter().map(|r| r["state"].as_str().unwrap().to_owned()).collect()
}

/// W3: one of several is ended, once, and only it; the next takes its place.
#[test]
fn one_task_is_ended_and_only_it() {
    let (p, run) = waiting();
    let first = attempt(&p, "1");
    p.run(&["interrupt", &first]).expect(0);
    wait_until("task 3", || p.path("up.3").exists());
    p.write("go", "");
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(states(&output), ["interrupted", "completed", "completed"]);
    let events = p.run(&["events", "last"]).expect(0).out;
    let ended = events.lines().filter(|l| l.contains("\"attempt_ended\"") && l.contains(&first)).count();
    assert_eq!(ended, 1, "{events}");
}

/// W3: one that waits is never spawned.
#[test]
fn a_waiting_task_is_never_spawned() {
    let (p, run) = waiting();
    let status = p.run(&["status"]).expect(0).out;
    assert!(status.contains("(3 -, not started)") && status.contains("(1 -, pid "), "{status}");
    p.run(&["interrupt", &attempt(&p, "3")]).expect(0);
    p.write("go", "");
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(states(&output), ["completed", "completed", "interrupted"]);
    assert!(!p.path("up.3").exists());
}

/// Ctrl-C ends all of them; nothing is left running, and the record says so.
#[test]
fn a_signal_ends_the_batch() {
    let (p, run) = waiting();
    kill_process(Pid::from_raw(i32::try_from(run.id()).unwrap()).unwrap(), Signal::INT).unwrap();
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(states(&output), ["interrupted", "interrupted", "interrupted"]);
    assert!(p.run(&["history"]).expect(0).out.contains("canceled"));
}

/// `interrupt` without a name ends the only live run.
#[test]
fn the_whole_batch_is_interrupted() {
    let (p, run) = waiting();
    p.run(&["interrupt"]).expect(0);
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(143));
    assert_eq!(states(&output), ["interrupted", "interrupted", "interrupted"]);
}

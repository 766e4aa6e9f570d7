//! What a killed batch had finished is not run again.

use rustix::process::{Pid, Signal, kill_process};

use super::limits::results;
use crate::cli::project::{Project, wait_until};

/// W2: after `kill -9`, only what was not finished; the agents of the dead run are gone first.
#[test]
fn only_what_was_not_finished_runs_again() {
    let p = Project::new();
    let quick = "echo $ORCHESTRATOR_TASK >> ran\n";
    let slow = "echo $ORCHESTRATOR_TASK >> ran; test -e go || sleep 300\n";
    p.write("tasks", &format!("{quick}{slow}{quick}exit 3\n"));
    let mut run = p.start(&["batch", "--exec", "--max-concurrent", "1", "tasks"]);
    wait_until("the second task", || p.read("ran").lines().count() == 2);
    kill_process(Pid::from_raw(i32::try_from(run.id()).unwrap()).unwrap(), Signal::KILL).unwrap();
    run.wait().unwrap();
    p.write("go", "");
    let again = p.run(&["batch", "--resume", "last", "--format", "json"]).expect(3);
    let brief: Vec<String> = results(&again.out)
        .iter()
        .map(|r| format!("{} {}", r["id"].as_str().unwrap(), r["state"].as_str().unwrap()))
        .collect();
    assert_eq!(brief, ["1 done", "2 completed", "3 completed", "4 failed"]);
    assert_eq!(p.read("ran").lines().collect::<Vec<_>>(), ["1", "2", "2", "3"]);
    // Once more, by the id of the first: only the failed one is left, and what both runs finished is known.
    let known = p.run(&["history", "--kind", "batch", "--format", "json"]).expect(0).out;
    let known: serde_json::Value = serde_json::from_str(&known).unwrap();
    let first = known["runs"].as_array().unwrap().last().unwrap()["run_id"].as_str().unwrap().to_owned();
    let third = p.run(&["batch", "--resume", &first, "--format", "json"]).expect(3);
    let states: Vec<String> =
        results(&third.out).iter().map(|r| r["state"].as_str().unwrap().to_owned()).collect();
    assert_eq!(states, ["done", "done", "done", "failed"]);
    assert_eq!(p.read("ran").lines().count(), 4);
    let history = p.run(&["history", "--kind", "batch"]).expect(0).out;
    assert!(history.contains("crash"), "{history}");
}

/// A child that the killed program was about to start keeps the lock and the socket open until it has seen that it is an
/// orphan. Who resumes at once waits for that.
#[test]
fn what_a_dying_child_still_holds_is_waited_for() {
    let p = Project::new();
    p.write("tasks", "touch up; test -e go || sleep 300\n");
    let mut run = p.start(&["batch", "--exec", "tasks"]);
    wait_until("the task", || p.path("up").exists());
    kill_process(Pid::from_raw(i32::try_from(run.id()).unwrap()).unwrap(), Signal::KILL).unwrap();
    run.wait().unwrap();
    p.write("go", "");
    let the_one = |folder: &str| std::fs::read_dir(p.path(folder)).unwrap().next().unwrap().unwrap().path();
    let saved = std::fs::File::open(the_one(".orchestrator/batch")).unwrap();
    saved.lock().unwrap();
    let socket = the_one(".orchestrator/run");
    std::fs::remove_file(&socket).unwrap();
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let again = p.start(&["batch", "--resume", "last"]);
    // It has asked whether the run lives; nobody answers.
    drop(listener.accept().unwrap());
    drop((listener, saved));
    let again = again.wait_with_output().unwrap();
    assert!(again.status.success(), "{again:?}");
}

/// Where no loop was ever set up, a killed batch is named with the command that goes on with it, its logs are found, and
/// git sees nothing of it.
#[test]
fn a_killed_batch_is_found_again_without_a_loop() {
    let p = Project::new();
    std::fs::remove_file(p.path("orchestration.yaml")).unwrap();
    std::fs::remove_dir_all(p.path("prompts")).unwrap();
    p.run_git(&["init", "-q", "-b", "work"]);
    p.write("tasks", "echo one\ntouch up; test -e go || sleep 300\n");
    p.run_git(&["add", "tasks"]);
    p.run_git(&["commit", "-q", "-m", "tasks"]);
    let mut run = p.start(&["batch", "--exec", "--max-concurrent", "1", "tasks"]);
    wait_until("the second task", || p.path("up").exists());
    kill_process(Pid::from_raw(i32::try_from(run.id()).unwrap()).unwrap(), Signal::KILL).unwrap();
    run.wait().unwrap();
    assert_eq!(p.run_git(&["status", "--porcelain"]), "?? up");
    let status = p.run(&["status"]).expect(0).out;
    let (_, command) = status.split_once(" was killed: orchestrator ").unwrap_or_else(|| panic!("{status}"));
    let command: Vec<&str> = command.split_whitespace().collect();
    assert_eq!(command[..2], ["batch", "--resume"], "{status}");
    let doctor = p.run(&["doctor", "--offline"]).out;
    assert!(doctor.contains("was killed") && !doctor.contains("prompt"), "{doctor}");
    assert!(p.run(&["logs"]).expect(2).err.contains("hint: what ran last: orchestrator logs last"));
    assert!(p.run(&["logs", "last"]).expect(0).out.contains("(1 succeeded) <==\none\n"));
    // The end of an id is enough.
    let end = &command[2][command[2].len() - 8..];
    assert!(p.run(&["show", end]).expect(0).out.contains("/1.log"));
    p.write("go", "");
    p.run(&command).expect(0);
    assert!(!p.run(&["status"]).expect(0).out.contains("killed:"));
}

#[test]
fn what_cannot_be_resumed_says_why() {
    let p = Project::new();
    let none = p.run(&["batch", "--resume", "last"]);
    assert!(none.code != 0 && none.err.contains("no ledger"), "{}", none.err);
    p.run(&["--once", "--no-git"]).expect(0);
    let turns = p.run(&["batch", "--resume", "last"]).expect(2);
    assert!(turns.err.contains("is no batch"), "{}", turns.err);
    p.write("tasks", "touch up; until test -e go; do sleep 0.01; done\n");
    let run = p.start(&["batch", "--exec", "tasks"]);
    wait_until("the task", || p.path("up").exists());
    let live = p.run(&["batch", "--resume", "last"]).expect(4);
    assert!(live.err.contains("is still live"), "{}", live.err);
    p.write("go", "");
    assert!(run.wait_with_output().unwrap().status.success());
    let over = p.run(&["batch", "--resume", "last"]).expect(0);
    assert!(over.out.contains("every task of it is completed already"), "{}", over.out);
}

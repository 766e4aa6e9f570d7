//! What the commands print.

use serde_json::json;

use super::json;
use crate::cli::project::Project;

/// L7: runs, the newest first, filtered; each with the fields that programs read.
#[test]
fn history_lists_and_filters() {
    let p = Project::new();
    let none = p.run(&["history"]).expect(2);
    assert!(
        none.err.contains("there is no ledger") && none.err.contains("hint: it is made by"),
        "{}",
        none.err
    );
    p.run(&["--once", "--no-git"]).expect(0);
    p.prompt("main", "exit 7");
    p.run(&["--once", "--no-git"]).expect(3);
    let value = json(&p.run(&["history", "--format", "json"]).expect(0).out);
    assert_eq!(value["version"], 1);
    let states: Vec<&str> =
        value["runs"].as_array().unwrap().iter().map(|r| r["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["failed", "succeeded"]);
    let run = &value["runs"][0];
    assert_eq!(
        (run["kind"].as_str(), &run["attempts"], &run["exit_code"]),
        (Some("turns"), &json!(2), &json!(7))
    );
    assert_eq!((&run["error"], &run["cost_usd"]), (&json!("ralph's turn failed"), &json!(null)));
    let lines = |args: &[&str]| p.run(args).expect(0).out.lines().count();
    assert_eq!(lines(&["history", "--state", "failed"]), 1);
    assert_eq!(lines(&["history", "--kind", "turns", "--since", "1h", "-n", "1"]), 1);
    assert_eq!(p.run(&["history", "--kind", "batch"]).expect(0).out, "no such run\n");
    let text = p.run(&["history", "--utc"]).expect(0).out;
    assert!(text.lines().next().unwrap().ends_with("ralph's turn failed"), "{text}");
    let wrong = p.run(&["history", "--state", "happy"]).expect(2);
    assert!(wrong.err.contains("cause: `happy` is none of pending, running, succeeded"), "{}", wrong.err);
}

/// A run and its attempts, and one attempt, by any beginning of an id that is unique.
#[test]
fn show_tells_of_runs_and_attempts() {
    let p = Project::git();
    p.prompt("supervisor", "echo x > new.txt; git add new.txt; git commit -qm work");
    p.run_git(&["commit", "-qam", "prompt"]);
    p.run(&["--once"]).expect(0);
    let value = json(&p.run(&["show", "last", "--format", "json"]).expect(0).out);
    let (run, attempts) = (&value["run"], value["attempts"].as_array().unwrap());
    assert_eq!(
        (value["version"].as_i64(), run["state"].as_str(), attempts.len()),
        (Some(1), Some("succeeded"), 2)
    );
    assert_eq!(
        (attempts[0]["step_id"].as_str(), attempts[1]["step_id"].as_str()),
        (Some("1/galph"), Some("1/ralph"))
    );
    assert_eq!(attempts[0]["prompt"], "supervisor.md");
    let id = attempts[0]["attempt_id"].as_str().unwrap();
    let text = p.run(&["show", &id[..30]]).expect(0).out;
    let range = text.lines().find_map(|line| line.strip_prefix("commits:  git diff ")).unwrap();
    assert_eq!(p.run_git(&["diff", "--name-only", range]), "new.txt");
    let log = text.lines().find_map(|line| line.strip_prefix("log:      ")).unwrap();
    assert!(std::path::Path::new(log).is_file(), "{log}");
    let unknown = p.run(&["show", "nothing"]).expect(2);
    assert!(
        unknown.err.contains("no run or attempt is called `nothing`\nhint: orchestrator history"),
        "{}",
        unknown.err
    );
    let both = p.run(&["show", ""]).expect(2);
    assert!(both.err.contains("find the run"), "{}", both.err);
}

/// P1: a turn's account: it begins, it ends, once each, with what it used; a turn that never ran has both too.
#[test]
fn events_tell_the_whole_story() {
    let p = Project::new();
    p.run(&["--once", "--no-git"]).expect(0);
    let kinds = |args: &[&str]| -> Vec<String> {
        let out = p.run(args).expect(0).out;
        out.lines().map(|line| json(line)["kind"].as_str().unwrap().to_owned()).collect()
    };
    let turn = ["state_claimed", "prompt_routed", "attempt_started", "attempt_ended", "state_stamped"];
    let mut expected = vec!["run_created", "run_started"];
    expected.extend(turn.iter().chain(&turn));
    expected.push("run_ended");
    assert_eq!(kinds(&["events", "last"]), expected);
    std::fs::remove_file(p.path("prompts/supervisor.md")).unwrap();
    p.run(&["--once", "--no-git"]).expect(3);
    let told = kinds(&["events", "last", "--kind", "attempt_started", "--kind", "attempt_ended", "--json"]);
    assert_eq!(told, ["attempt_started", "attempt_ended"]);
    let text = p.run(&["events", "last", "--kind", "run_ended", "--format", "text"]).expect(0).out;
    assert!(text.contains("  run_ended         {\"outcome\":\"failed\""), "{text}");
    let json_line = p.run(&["events", "last", "--kind", "run_ended"]).expect(0).out;
    let value = json(&json_line);
    assert_eq!((&value["version"], value["data"]["duration_ms"].is_u64()), (&json!(1), true));
}

/// L9: one document that holds everything.
#[test]
fn export_writes_a_whole_run() {
    let p = Project::new();
    p.run(&["--once", "--no-git"]).expect(0);
    let value = json(&p.run(&["export", "last", "--format", "json"]).expect(0).out);
    let lines = p.run(&["events", "last"]).expect(0).out.lines().count();
    assert_eq!(value["version"], 1);
    assert_eq!(value["run"]["state"], "succeeded");
    assert_eq!(
        (value["attempts"].as_array().unwrap().len(), value["events"].as_array().unwrap().len()),
        (2, lines)
    );
}

/// W7: a run that a signal ended failed, so that it can go on; its turn was canceled.
#[test]
fn an_interrupted_run_is_told_as_such() {
    use rustix::process::{Pid, Signal, kill_process};
    let p = Project::new();
    p.prompt("supervisor", "echo $$ > child; sleep 300 & wait");
    let child = p.start(&["--once", "--no-git"]);
    crate::cli::project::wait_until("the turn", || p.read("child").ends_with('\n'));
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), Signal::INT).unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
    let value = json(&p.run(&["show", "last", "--format", "json"]).expect(0).out);
    assert_eq!(
        (&value["run"]["state"], &value["attempts"][0]["state"]),
        (&json!("failed"), &json!("canceled"))
    );
    assert_eq!(value["run"]["error"], "interrupted (SIGINT)");
    let out = p.run(&["events", "last", "--kind", "run_interrupted"]).expect(0).out;
    assert_eq!(out.lines().count(), 1);
}

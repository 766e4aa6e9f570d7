//! `status` beside real loops (the words themselves are snapshots in `src/cli/status`).

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::cli::project::{Project, wait_until};

fn json(p: &Project) -> Value {
    serde_json::from_str(&p.run(&["status", "--format", "json"]).expect(0).out).unwrap()
}

/// Nothing was run yet: what is next. Nothing is written by looking.
#[test]
fn a_fresh_repository() {
    let p = Project::git();
    let ran = p.run(&["status"]).expect(0);
    assert!(ran.out.starts_with("iteration 1 · galph's turn · idle · "), "{}", ran.out);
    assert!(ran.out.contains("next:   supervisor.md with shell\n"), "{}", ran.out);
    assert!(!ran.out.contains("problem"), "{}", ran.out);
    assert!(!p.path(".orchestrator").exists());
    fs::remove_file(p.path("sync/state.json")).unwrap();
    let ran = p.run(&["status"]).expect(2);
    assert!(ran.err.contains("no such file\nhint: orchestrator init"), "{}", ran.err);
}

/// While an agent works: who holds the turn, which attempt, what it was told; afterwards the turns with their commits.
#[test]
fn in_a_turn_and_after_it() {
    let p = Project::git();
    p.prompt("supervisor", "touch began; while ! test -e go; do sleep 0.02; done; rm began go");
    p.run_git(&["commit", "-q", "-a", "-m", "Prompt"]);
    let child = p.start(&["--once"]);
    wait_until("the turn", || p.path("began").exists());
    let out = p.run(&["status"]).expect(0).out;
    assert!(out.contains("(this machine), pid "), "{out}");
    assert!(out.contains("loop:   live, pid ") && out.contains("attempt "), "{out}");
    assert!(out.contains("prompt: supervisor.md with shell\n"), "{out}");
    let seen = json(&p);
    assert_eq!((&seen["holder"]["here"], &seen["loop"]["live"]), (&true.into(), &true.into()));
    assert_eq!(seen["runs"][0]["attempts"][0]["role"], "galph");
    p.write("go", "");
    assert!(child.wait_with_output().unwrap().status.success());
    let seen = json(&p);
    let turns: Vec<(&str, &str)> = seen["turns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| (t["role"].as_str().unwrap(), t["outcome"].as_str().unwrap()))
        .collect();
    assert_eq!(turns, [("ralph", "ok"), ("galph", "ok")]);
    assert_eq!(seen["turns"][0]["prompt"], "main.md");
}

#[test]
fn a_failed_turn_says_why_and_where() {
    let p = Project::git();
    p.prompt("main", "echo boom >&2; exit 7");
    p.run(&["--once"]).expect(3);
    let out = p.run(&["status"]).expect(0).out;
    assert!(
        out.contains("last:   i=1 ralph failed main.md shell") && out.contains("\n          cause: "),
        "{out}"
    );
    assert!(out.contains("\n          log: logs/work/ralph/iter-00001_"), "{out}");
    assert!(out.contains("problem: ralph's turn failed: mend the cause, then: orchestrator"), "{out}");
    let line = p.run(&["status", "--oneline"]).expect(0).out;
    assert_eq!(line.lines().count(), 1, "{line}");
}

/// T3: never replaced by a beginning, whoever looks.
#[test]
fn a_damaged_state_is_named_with_its_line() {
    let p = Project::git();
    let good = p.read("sync/state.json");
    for (bad, word) in [
        (good.replace("\"galph\"", "\"bob\""), "field `expected_actor`"),
        (good[..good.len() / 2].to_owned(), "not valid JSON"),
        (format!("<<<<<<< HEAD\n{good}"), "merge conflict marker"),
    ] {
        p.write("sync/state.json", &bad);
        let ran = p.run(&["status"]).expect(2);
        assert!(ran.err.contains("sync/state.json:") && ran.err.contains(word), "{}", ran.err);
        assert!(ran.err.contains("\nhint: "), "{}", ran.err);
        assert_eq!(p.read("sync/state.json"), bad);
    }
}

/// Saved work that HEAD does not have is shown with the command that merges it, until it is merged.
#[test]
fn an_unmerged_rescue() {
    let p = Project::git();
    p.run_git(&["commit", "-q", "--allow-empty", "-m", "Saved"]);
    p.run_git(&["update-ref", "refs/orchestrator/rescue/019a", "HEAD"]);
    p.run_git(&["reset", "-q", "--hard", "HEAD~1"]);
    let out = p.run(&["status"]).expect(0).out;
    assert!(out.contains("take: git merge refs/orchestrator/rescue/019a"), "{out}");
    p.run_git(&["merge", "-q", "refs/orchestrator/rescue/019a"]);
    assert!(!p.run(&["status"]).expect(0).out.contains("rescue"));
}

/// Another machine's turn, and a clone that is behind: the state that was fetched counts, not the working tree's.
#[test]
fn a_foreign_holder_is_seen_through_the_last_fetch() {
    let p = Project::git();
    p.run_git(&["init", "-q", "--bare", "-b", "work", "../bare"]);
    p.run_git(&["remote", "add", "origin", "../bare"]);
    p.run_git(&["push", "-q", "-u", "origin", "work"]);
    let mut state = p.state();
    state["status"] = "running-galph".into();
    state["turn"] = serde_json::json!({
        "id": "019a9c31-0000-7000-8000-000000000001", "epoch": 1, "role": "galph",
        "holder": {"host": "box-b", "boot": "b", "pid": 42, "started": "2026-02-03T04:05:06Z", "nonce": "n"},
        "claimed_at": "2026-02-03T04:05:06Z", "lease_secs": 600, "lease_ref": "refs/orchestrator/lease/work",
        "failures": 0,
    });
    p.write("sync/state.json", &serde_json::to_string_pretty(&state).unwrap());
    p.run_git(&["commit", "-q", "-a", "-m", "[SYNC i=1] actor=galph status=running"]);
    p.run_git(&["push", "-q"]);
    p.run_git(&["reset", "-q", "--hard", "HEAD~1"]);
    assert_eq!(p.brief(), "1 galph idle");
    let out = p.run(&["status"]).expect(0).out;
    assert!(out.starts_with("iteration 1 · galph's turn · running-galph · "), "{out}");
    assert!(out.contains("as of:  the last fetch of origin/work;"), "{out}");
    assert!(out.contains("holder: box-b (another machine), pid 42, since "), "{out}");
    assert!(out.contains("lease 10m00s"), "{out}");
    assert!(!out.contains("takes it again"), "that is the other machine's: {out}");
    assert_eq!(json(&p)["holder"]["host"], "box-b");
}

/// One document a change where nobody watches a terminal.
#[test]
fn watch_tells_changes() {
    let p = Project::git();
    let mut child =
        p.command(&["status", "--watch", "--format", "json"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(next()["status"], "idle");
    p.run(&["stop", "--reason", "enough"]).expect(0);
    assert_eq!(next()["exit_reason"], "enough");
    child.kill().unwrap();
    child.wait().unwrap();
}

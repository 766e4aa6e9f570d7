//! Two clones take turns (turns.md T18, T19, T6; git-sync.md G5).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const PROMPT: &str = "# Prompt\n\n```sh run\n";

struct Pair {
    dir: tempfile::TempDir,
}

impl Pair {
    /// A bare remote with a project whose prompts are `galph` and `ralph`.
    fn new(galph: &str, ralph: &str) -> Self {
        let pair = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir(pair.dir.path().join("home")).unwrap();
        pair.git(pair.dir.path(), &["init", "-q", "--bare", "-b", "work", "bare"]);
        pair.git(pair.dir.path(), &["init", "-q", "-b", "work", "galph"]);
        let top = pair.top("galph");
        let write = |name: &str, text: &str| {
            let path = top.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let quick = "sync: {poll_interval: 0.02, retry_secs: 20}\n";
        write("orchestration.yaml", &format!("agent: {{default: shell}}\n{quick}"));
        write(".gitignore", "/logs/\n/tmp/\n");
        write("prompts/supervisor.md", &format!("{PROMPT}{galph}\n```\n"));
        write("prompts/main.md", &format!("{PROMPT}{ralph}\n```\n"));
        pair.git(&top, &["add", "-A"]);
        pair.git(&top, &["commit", "-q", "-m", "Begin"]);
        pair.git(&top, &["remote", "add", "origin", "../bare"]);
        pair.git(&top, &["push", "-q", "-u", "origin", "work"]);
        pair.git(pair.dir.path(), &["clone", "-q", "bare", "ralph"]);
        pair
    }

    fn top(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, program: &str, folder: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(folder).args(args).stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap());
        command.env("HOME", self.dir.path().join("home"));
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        for (name, value) in [("NAME", "t"), ("EMAIL", "t@example.org")] {
            command.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
        }
        command
    }

    fn git(&self, folder: &Path, args: &[&str]) -> String {
        let out = self.command("git", folder, args).output().unwrap();
        assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    }

    fn run(&self, clone: &str, args: &[&str]) -> Output {
        self.command(env!("CARGO_BIN_EXE_orchestrator"), &self.top(clone), args).output().unwrap()
    }

    /// Both at once; their exit codes.
    fn both(&self, loops: &str, more: &[&str]) {
        let start = |role: &str| {
            let mut args = vec!["--mode", "role", "--role", role, "--sync-loops", loops];
            args.extend(["--max-wait-sec", "60"]);
            args.extend(more);
            self.command(env!("CARGO_BIN_EXE_orchestrator"), &self.top(role), &args)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        };
        let (galph, ralph) = (start("galph"), start("ralph"));
        for child in [galph, ralph] {
            expect(&child.wait_with_output().unwrap(), 0);
        }
    }

    fn subjects(&self) -> Vec<String> {
        let log = self.git(&self.top("bare"), &["log", "--first-parent", "--reverse", "--format=%s", "work"]);
        log.lines().map(str::to_owned).collect()
    }

    fn short(&self, back: usize) -> String {
        self.git(&self.top("bare"), &["rev-parse", "--short", &format!("work~{back}")])
    }
}

#[track_caller]
fn expect(out: &Output, code: i32) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(out.status.code(), Some(code), "{}\n{}", text(&out.stdout), text(&out.stderr));
}

/// T18, T19, G5: strictly in turn, work published with its stamp, every subject as the rules say.
#[test]
fn two_clones_take_turns_until_their_loops_are_done() {
    let pair = Pair::new(
        "echo plan $ORCHESTRATOR_ITERATION > plan.txt; git add plan.txt; git commit -q -m Plan",
        "cat plan.txt >> done.txt; git add done.txt; git commit -q -m Work",
    );
    pair.both("2", &[]);
    let subjects = pair.subjects();
    let n = subjects.len();
    let stamp = |at: usize| pair.short(n - at);
    let expected = [
        "Begin".to_owned(),
        "[SYNC init] actor=galph status=idle".to_owned(),
        "[SYNC i=1] actor=galph status=running".to_owned(),
        "Plan".to_owned(),
        format!("[SYNC i=1] actor=galph → next=ralph status=ok galph_commit={}", stamp(4)),
        "[SYNC i=1] actor=ralph status=running".to_owned(),
        "Work".to_owned(),
        format!("[SYNC i=2] actor=ralph → next=galph status=ok ralph_commit={}", stamp(7)),
        "[SYNC i=2] actor=galph status=running".to_owned(),
        "Plan".to_owned(),
        format!("[SYNC i=2] actor=galph → next=ralph status=ok galph_commit={}", stamp(10)),
        "[SYNC i=2] actor=ralph status=running".to_owned(),
        "Work".to_owned(),
        format!("[SYNC i=3] actor=ralph → next=galph status=ok ralph_commit={}", stamp(13)),
    ];
    assert_eq!(subjects, expected);
    let done = pair.git(&pair.top("bare"), &["show", "work:done.txt"]);
    assert_eq!(done, "plan 1\nplan 2");
}

/// T20: not this role's turn is no error; T6: a stop and a resume reach the other clone.
#[test]
fn a_timer_waits_for_its_turn_and_a_stop_reaches_the_other_clone() {
    let pair = Pair::new("true", "true");
    let turn = |role: &str| pair.run(role, &["--mode", "role", "--role", role, "--if-turn"]);
    expect(&turn("galph"), 0);
    let before = pair.subjects();
    expect(&turn("galph"), 0);
    assert_eq!(pair.subjects(), before, "it is ralph's turn");
    expect(&pair.run("galph", &["stop", "--reason", "enough"]), 0);
    let stopped = pair.subjects();
    assert_eq!(stopped.last().unwrap(), "[SYNC i=1] actor=ralph exit=true");
    expect(&turn("ralph"), 0);
    assert_eq!(pair.subjects(), stopped, "no turn after a stop");
    expect(&pair.run("galph", &["resume"]), 0);
    assert_eq!(pair.subjects().last().unwrap(), "[SYNC i=1] actor=ralph resume");
    expect(&turn("ralph"), 0);
    assert!(pair.subjects().last().unwrap().starts_with("[SYNC i=2] actor=ralph → next=galph status=ok"));
}

/// T16, T19: the failed turn is published with its commits and ends its own loop with 3.
#[test]
fn a_failed_turn_is_published_and_ends_the_loop() {
    let pair = Pair::new("git commit -q --allow-empty -m Half; exit 7", "true");
    let ran = pair.run("galph", &["--mode", "role", "--role", "galph"]);
    expect(&ran, 3);
    let subjects = pair.subjects();
    assert_eq!(subjects[subjects.len() - 2], "Half");
    assert!(subjects.last().unwrap().starts_with("[SYNC i=1] actor=galph status=fail galph_commit="));
}

/// T23a: what nobody else has stops the claim.
#[test]
fn changed_files_stop_a_claim() {
    let pair = Pair::new("true", "true");
    fs::write(pair.top("galph").join("stray.txt"), "mine").unwrap();
    let ran = pair.run("galph", &["--mode", "role", "--role", "galph", "--once"]);
    expect(&ran, 4);
    assert!(String::from_utf8_lossy(&ran.stderr).contains("stray.txt"));
    assert!(!pair.subjects().iter().any(|s| s.contains("running")));
}

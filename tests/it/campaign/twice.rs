//! Two of everything at once: one does it, or both do it one after the other; nothing is done twice or torn.

use std::process::Child;

use serde_json::Value;

use super::scale;
use crate::cli::project::{Project, Ran, wait_until};

/// Starts the same command twice and waits for both.
fn both(p: &Project, args: &[&str]) -> [Ran; 2] {
    [p.start(args), p.start(args)].map(|mut child: Child| {
        wait_until(&format!("the end of {args:?}"), || child.try_wait().unwrap().is_some());
        let ran: Ran = child.wait_with_output().unwrap().into();
        assert!(!ran.err.contains("panicked") && (0..=7).contains(&ran.code), "{args:?}: {ran:?}");
        ran
    })
}

/// One of them works; who is refused says why.
#[track_caller]
fn one_or_both(ran: &[Ran; 2], refusal: &str) {
    assert!(ran.iter().any(|r| r.code == 0), "{ran:?}");
    for refused in ran.iter().filter(|r| r.code != 0) {
        assert_eq!(refused.code, 4, "{refused:?}");
        assert!(refused.err.contains(refusal), "{refused:?}");
    }
}

/// Every turn is taken once, whichever loop takes it.
#[test]
fn loops() {
    for _ in 0..3 * scale() {
        let p = Project::new();
        let ran = both(&p, &["--sync-loops", "2", "--no-git"]);
        one_or_both(&ran, "pid");
        let done = ran.iter().filter(|r| r.code == 0).count();
        let expected: Vec<&str> = ["supervisor", "main"].repeat(2 * done);
        assert_eq!(p.sequence(), expected);
        assert_eq!(p.brief(), format!("{} galph complete", 2 * done + 1));
    }
}

/// W2: a task that was not finished is run by one of them.
#[test]
fn resumed_batches() {
    for _ in 0..3 * scale() {
        let p = Project::new();
        p.write("tasks", "test -e go && echo two >> ran\n");
        p.run(&["batch", "--exec", "tasks"]).expect(3);
        p.write("go", "");
        for ran in both(&p, &["batch", "--resume", "last"]) {
            assert!([0, 4].contains(&ran.code), "{ran:?}");
        }
        assert_eq!(p.read("ran"), "two\n");
    }
}

/// W9: a step that was not finished is run by one of them.
#[test]
fn resumed_workstreams() {
    for _ in 0..3 * scale() {
        let p = Project::new();
        p.write("ws.yaml", "id: a\nsteps:\n- {id: one, shell: 'test -e go && echo two >> ran'}\n");
        p.run(&["workstream", "run", "ws.yaml"]).expect(3);
        p.write("go", "");
        let ran = both(&p, &["workstream", "resume", "last"]);
        assert!(ran.iter().any(|r| r.code == 0), "{ran:?}");
        assert_eq!(p.read("ran"), "two\n", "{ran:?}");
    }
}

/// Whole files, and none that a person had is lost.
#[test]
fn inits() {
    for _ in 0..3 * scale() {
        let p = Project::new();
        for name in ["orchestration.yaml", "prompts/main.md", "prompts/supervisor.md", "prompts/reviewer.md"]
        {
            std::fs::remove_file(p.path(name)).unwrap();
        }
        let ran = both(&p, &["init"]);
        assert!(ran.iter().any(|r| r.code == 0), "{ran:?}");
        assert_eq!(p.brief(), "1 galph idle");
        p.run(&["route"]).expect(0);
    }
}

/// L-rules: the record stays whole.
#[test]
fn cleanings() {
    let p = Project::new();
    p.run(&["--sync-loops", "3", "--no-git"]).expect(0);
    for _ in 0..2 * scale() {
        for ran in both(&p, &["gc"]) {
            ran.expect(0);
        }
    }
    assert_eq!(crate::ledger::integrity(&p.path(".orchestrator/ledger.db")), "ok");
    p.run(&["--once", "--no-git"]).expect(0);
}

/// Asked twice, stopped once; the state file stays whole, and `resume` twice is `resume`.
#[test]
fn stops() {
    for _ in 0..3 * scale() {
        let p = Project::new();
        p.run(&["--once", "--no-git"]).expect(0);
        for ran in both(&p, &["stop"]) {
            assert!([0, 4].contains(&ran.code), "{ran:?}");
        }
        assert_eq!(p.state()["exit"], Value::Bool(true));
        for ran in both(&p, &["resume"]) {
            assert!([0, 4].contains(&ran.code), "{ran:?}");
        }
        assert!(p.state()["exit"] != Value::Bool(true));
        p.run(&["--once", "--no-git"]).expect(0);
    }
}

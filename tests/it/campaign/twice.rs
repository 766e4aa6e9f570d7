//! Two of everything at once: one does it, or both do it one after the other; nothing is done twice or torn.

use std::process::{Child, Stdio};

use serde_json::Value;

use super::engines::{Engine, Kind};
use super::scale;
use crate::cli::project::{Project, Ran, wait_until};
use crate::oneshot::table::Table;
use crate::role::Ground;

/// Starts the same command twice and waits for both.
fn both(p: &Project, args: &[&str]) -> [Ran; 2] {
    ended([p.start(args), p.start(args)], args)
}

fn ended(children: [Child; 2], args: &[&str]) -> [Ran; 2] {
    children.map(|mut child| {
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

/// W1, W9: runs of their own beside each other; each does all of its work, and the one record stays whole.
#[test]
fn fresh_runs() {
    for kind in [Kind::Batch, Kind::Workstream] {
        for _ in 0..scale() {
            let engine = Engine::new(kind, "");
            for ran in both(&engine.project, engine.first()) {
                ran.expect(0);
            }
            let effects = engine.effects();
            assert!(effects.values().all(|n| *n == 2), "{kind:?}: {effects:?}");
            assert_eq!(effects.into_keys().collect::<Vec<_>>(), engine.pieces());
            engine.whole();
        }
    }
}

/// O9: a session that was killed is gone on with by one of them.
#[test]
fn resumed_oneshots() {
    for _ in 0..scale() {
        let t = Table::new();
        t.worker("read; sh 'echo $ORCHESTRATOR_SESSION $ORCHESTRATOR_ITERATION >> runs'; print worked");
        t.script("worker-1", "read; write seen x; forever");
        let mut child = t.project.start(&["oneshot", "it"]);
        wait_until("the worker", || t.project.path("seen").exists());
        child.kill().unwrap();
        child.wait().unwrap();
        let ran = both(&t.project, &["oneshot", "resume"]);
        assert!(ran.iter().any(|r| r.code == 0), "{ran:?}");
        for refused in ran.iter().filter(|r| r.code != 0) {
            assert!(refused.err.contains("hint: "), "{refused:?}");
        }
        assert_eq!(t.state(), "completed");
        assert_eq!(t.project.read("runs").lines().count(), 1, "{}", t.project.read("runs"));
        t.nobody_is_left();
    }
}

/// G1: two loops of one role in one clone, and in two: the turn is taken once.
#[test]
fn loops_of_one_role() {
    let args = ["--mode", "role", "--role", "galph", "--if-turn"];
    let ground = Ground::new("", "echo galph >> ../turns", "echo ralph >> ../turns");
    ground.clone("other");
    let mut expected = String::new();
    for clones in [["galph", "galph"], ["galph", "other"]].repeat(scale() as usize) {
        let start = |clone| {
            let mut command = ground.command(env!("CARGO_BIN_EXE_orchestrator"), clone, &args);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let ran = ended(clones.map(start), &args);
        assert!(ran.iter().any(|r| r.code == 0), "{ran:?}");
        expected.push_str("galph\n");
        assert_eq!(ground.read("turns"), expected, "{clones:?}: {ran:?}");
        ground.turn("ralph", &["--once"]).expect(0);
        expected.push_str("ralph\n");
    }
    let subjects = ground.subjects();
    let count = |what: &str| subjects.iter().filter(|s| s.contains(what)).count();
    assert_eq!((count("status=ok"), count("status=running")), (4 * scale() as usize, 4 * scale() as usize));
}

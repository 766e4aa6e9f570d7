//! `-C DIR`: every path of the command line starts in DIR, as with git, for each command that takes one.
//!
//! Each project has its files; the program is started beside it, where none of them is.

use std::fs;
use std::path::PathBuf;

use super::project::{Project, Ran};

/// Beside the project.
fn outside(p: &Project) -> PathBuf {
    let folder = p.root().join("../elsewhere");
    fs::create_dir_all(&folder).unwrap();
    folder.canonicalize().unwrap()
}

/// The program, started elsewhere, for the project's folder `sub`; nothing may be left there.
#[track_caller]
fn run(p: &Project, args: &[&str]) -> Ran {
    let elsewhere = outside(p);
    fs::create_dir_all(p.path("sub")).unwrap();
    let mut all = vec!["-C", "../project/sub"];
    all.extend(args);
    let ran = p.command(&all).current_dir(&elsewhere).output().unwrap().into();
    let left: Vec<_> = fs::read_dir(&elsewhere).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{args:?} left {left:?} where it was started");
    ran
}

#[test]
fn batch() {
    let p = Project::new();
    p.write("sub/tasks.txt", "pwd > ran\n");
    run(&p, &["batch", "--exec", "tasks.txt"]).expect(0);
    let ran = PathBuf::from(p.read("ran").trim());
    assert_eq!(ran, p.root().canonicalize().unwrap(), "tasks run in the project, as before");
    run(&p, &["batch", "--exec", "gone.txt"]).expect(2).says("gone.txt");
}

#[test]
fn workstream_and_report() {
    let p = Project::new();
    p.write("sub/ws.yaml", "id: ws\nsteps:\n  - id: one\n    run: [echo, one]\n");
    p.write("sub/router.json", "{}");
    run(&p, &["workstream", "graph", "ws.yaml"]).expect(0);
    for command in ["validate", "plan"] {
        let ran = run(&p, &["workstream", command, "ws.yaml", "--router-config", "router.json"]);
        assert!(!ran.err.contains("No such file"), "{ran:?}");
    }
    run(&p, &["workstream", "run", "ws.yaml"]).expect(0);
    run(&p, &["report", "last", "--output", "report.md"]).expect(0);
    assert!(p.read("sub/report.md").contains("one"));
}

#[test]
fn oneshot() {
    let p = Project::new();
    p.config(
        "agents: {w: {command: [sh, -c, 'cat > /dev/null; echo worked']}, a: {command: [sh, -c, 'cat > /dev/null; echo DONE']}}\n\
         oneshot: {worker_agent: w, auditor_agent: a}\n",
    );
    p.write("sub/task.md", "do it");
    run(&p, &["oneshot", "-f", "task.md", "--activity-log", "copy.ndjson"]).expect(0);
    assert!(!p.read("sub/copy.ndjson").is_empty());
}

#[test]
fn the_loop_its_configuration_and_its_diagnostics() {
    let p = Project::new();
    p.write("sub/other.yaml", "agent: {default: shell}\nprompts_dir: mine\nstate_file: mine.json\n");
    for prompt in ["supervisor", "main"] {
        p.write(&format!("sub/mine/{prompt}.md"), "```sh run\npwd >> ran\n```\n");
    }
    let args =
        ["--config", "other.yaml", "--log-level", "trace", "--log-file", "log.txt", "--no-git", "--once"];
    run(&p, &args).expect(0);
    assert!(p.path("sub/log.txt").exists());
    assert_eq!(p.read("sub/ran").lines().count(), 2, "the configuration's folder is the root");
    assert!(p.path("sub/mine.json").exists());
    run(&p, &["--config", "gone.yaml", "check"]).expect(2).says("gone.yaml");
    run(&p, &["--config", "other.yaml", "status"]).expect(0).says("iteration 2");
}

#[test]
fn init_and_what_it_prints() {
    let p = Project::new();
    fs::remove_file(p.path("orchestration.yaml")).unwrap();
    run(&p, &["init"]).expect(0);
    assert!(p.path("sub/orchestration.yaml").exists());
    run(&p, &["man", "--dir", "pages"]).expect(0);
    assert!(p.path("sub/pages/orchestrator.1").exists());
}

#[test]
fn setup_names_the_log_in_full() {
    let p = Project::git();
    let ran = run(&p, &["setup", "cron", "--role", "ralph", "--log", "cron.log"]).expect(0);
    let whole = p.path("sub").canonicalize().unwrap().join("cron.log");
    ran.says(&whole.display().to_string());
}

#[test]
fn a_folder_that_is_not_there() {
    let p = Project::new();
    let ran = p.run(&["-C", "gone", "status"]).expect(2);
    assert!(ran.err.starts_with("error: enter gone\ncause: "), "{}", ran.err);
}

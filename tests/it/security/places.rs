//! Where the program writes: in the project, whatever the repository's configuration or its links say.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, SystemTime};

use crate::cli::project::Project;

/// T33, I12: the line is named, nothing is made.
#[test]
fn a_configured_path_never_leaves() {
    let keys = [
        "prompts_dir",
        "state_file",
        "logs_dir",
        "tmp_dir",
        "goal_file",
        "plan_file",
        "findings_file",
        "input_file",
        "memory_file",
    ];
    for key in keys {
        for value in ["../out", "a/../../out", "/tmp/out", "..", "a/.."] {
            let p = Project::new();
            p.config(&format!("{key}: {value}\n"));
            let ran = p.run(&["--once", "--no-git"]).expect(2);
            let place = format!("orchestration.yaml:2:1: `{key}` leads out of the project");
            assert!(ran.err.contains(&place), "{ran:?}");
            assert!(p.sequence().is_empty() && !p.path("../out").exists());
        }
    }
    // What only looks like it, and what a person says on the command line.
    let p = Project::new();
    p.config("logs_dir: a..b/..c\n");
    p.run(&["--once", "--no-git", "--state-file", "../mine.json"]).expect(0);
    assert!(p.path("a..b/..c").exists() && p.path("../mine.json").exists());
}

/// Links that came with the repository: the state and the private folder are not where they point to.
#[test]
fn a_link_leads_nobody_out() {
    for link in ["sync", ".orchestrator"] {
        let p = Project::new();
        fs::create_dir(p.path("../elsewhere")).unwrap();
        symlink("../elsewhere", p.path(link)).unwrap();
        p.write("tasks", "true\n");
        p.write("ws.yaml", "id: a\nsteps:\n- {id: one, shell: 'true'}\n");
        for args in [
            &["--once", "--no-git"][..],
            &["init"],
            &["stop"],
            &["status"],
            &["oneshot", "it"],
            &["batch", "--exec", "tasks"],
            &["workstream", "run", "ws.yaml"],
            &["gc"],
        ] {
            let ran = p.run(args);
            assert!(!ran.err.contains("panicked"), "{ran:?}");
            let there: Vec<_> = fs::read_dir(p.path("../elsewhere")).unwrap().collect();
            assert!(there.is_empty(), "{link}, {args:?}: {there:?}\n{ran:?}");
        }
        let ran = p.run(&["--once", "--no-git"]).expect(2);
        assert!(ran.err.contains(link) && ran.err.contains("a link leads out of the project"), "{ran:?}");
        assert!(p.sequence().is_empty());
    }
}

/// Links in the place of files that a turn writes: what they point to stays as it is.
#[test]
fn nothing_is_written_through_a_link() {
    let p = Project::new();
    p.write("../mine", "mine\n");
    fs::create_dir_all(p.path("sync")).unwrap();
    fs::create_dir_all(p.path("logs/local/galph")).unwrap();
    for name in ["sync/.state.json.tmp", "sync/state.json.lock", "logs/local/galph/latest.log"] {
        let up = "../".repeat(name.split('/').count());
        symlink(format!("{up}mine"), p.path(name)).unwrap();
    }
    for args in [&["--once", "--no-git"][..], &["stop"], &["resume"]] {
        p.run(args);
        assert_eq!(p.read("../mine"), "mine\n", "{args:?}");
    }
    fs::remove_file(p.path("sync/state.json.lock")).unwrap();
    p.run(&["resume"]);
    p.run(&["--once", "--no-git"]).expect(0);
    assert_eq!(p.read("../mine"), "mine\n");
    assert!(!p.path("sync/.state.json.tmp").is_symlink());
}

/// A person may keep logs on another disk by a link; what else lies there is neither read as ours nor removed.
#[test]
fn logs_behind_a_link_are_only_ours() {
    let p = Project::new();
    p.write("../elsewhere/local/galph/notes.txt", "mine\n");
    p.write("../elsewhere/id.log", "mine\n");
    symlink("../elsewhere", p.path("logs")).unwrap();
    p.run(&["--once", "--no-git"]).expect(0);
    let old = SystemTime::now() - Duration::from_secs(400 * 86_400);
    for name in ["../elsewhere/local/galph/notes.txt", "../elsewhere/id.log"] {
        fs::File::options().append(true).open(p.path(name)).unwrap().set_modified(old).unwrap();
    }
    p.run(&["gc"]).expect(0);
    assert_eq!(p.read("../elsewhere/local/galph/notes.txt"), "mine\n");
    assert_eq!(p.read("../elsewhere/id.log"), "mine\n");
}

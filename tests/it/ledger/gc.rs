//! `gc`: what is old and merged goes, nothing else does.

use std::time::{Duration, SystemTime};

use super::{count, json};
use crate::cli::project::Project;

/// Makes everything of the ledger look a hundred days old.
fn age(p: &Project) {
    let raw = rusqlite::Connection::open(p.path(".orchestrator/ledger.db")).unwrap();
    let days = 100_i64 * 86_400_000;
    raw.execute("update runs set created_at = created_at - ?1, ended_at = ended_at - ?1", [days]).unwrap();
}

#[test]
fn old_runs_and_logs_go() {
    let p = Project::new();
    p.run(&["--once", "--no-git"]).expect(0);
    age(&p);
    let log = p.path("logs/local/galph/latest.log").canonicalize().unwrap();
    let old = SystemTime::now() - Duration::from_secs(100 * 86_400);
    std::fs::File::options().append(true).open(&log).unwrap().set_modified(old).unwrap();
    p.run(&["--once", "--no-git"]).expect(0);
    let would = json(&p.run(&["gc", "--dry-run", "--format", "json"]).expect(0).out);
    assert_eq!((&would["runs"], &would["logs"], &would["dry_run"]), (&1.into(), &1.into(), &true.into()));
    assert!(log.exists());
    let done = json(&p.run(&["gc", "--format", "json"]).expect(0).out);
    assert_eq!((&done["runs"], &done["attempts"], &done["vacuumed"]), (&1.into(), &2.into(), &true.into()));
    assert!(!log.exists());
    let path = p.path(".orchestrator/ledger.db");
    assert_eq!(count(&path, "select count(*) from runs"), 1);
    assert_eq!(
        count(&path, "select count(*) from run_events where run_id not in (select run_id from runs)"),
        0
    );
    let again = p.run(&["gc"]).expect(0).out;
    assert_eq!(again, "removed, older than 90d: 0 runs, 0 attempts, 0 events; 0 logs (0 bytes)\n");
    let wrong = p.run(&["gc", "--keep", "long"]).expect(2);
    assert!(wrong.err.contains("cause: `long` is no"), "{}", wrong.err);
}

/// Work that was kept aside goes only when HEAD has it.
#[test]
fn only_merged_work_goes() {
    let p = Project::git();
    p.run(&["--once"]).expect(0);
    let date = "2020-01-01T00:00:00Z";
    let commit = |message: &str, parent: &str| {
        let tree = p.run_git(&["rev-parse", &format!("{parent}^{{tree}}")]);
        let mut command = p.sandboxed("git", &["commit-tree", &tree, "-p", parent, "-m", message]);
        command.env("GIT_COMMITTER_DATE", date).env("GIT_AUTHOR_DATE", date);
        String::from_utf8(command.output().unwrap().stdout).unwrap().trim().to_owned()
    };
    let merged = commit("merged", "HEAD");
    p.run_git(&["reset", "-q", "--hard", &merged]);
    let unmerged = commit("unmerged", "HEAD");
    for (name, id) in [("one", &merged), ("two", &unmerged)] {
        p.run_git(&["update-ref", &format!("refs/orchestrator/rescue/{name}"), id]);
    }
    for (task, id) in [("a", &merged), ("b", &unmerged), ("c", &merged)] {
        let branch = format!("orchestrator/run/{task}");
        p.run_git(&["worktree", "add", "-q", "-b", &branch, &format!("../tree-{task}"), id]);
    }
    p.write("../tree-c/dirty.txt", "mine\n");
    let done = json(&p.run(&["gc", "--format", "json"]).expect(0).out);
    assert_eq!(done["rescue_refs"], serde_json::json!(["refs/orchestrator/rescue/one"]));
    assert_eq!(done["worktrees"].as_array().unwrap().len(), 1, "{done}");
    let whys: Vec<&str> =
        done["kept_worktrees"].as_array().unwrap().iter().map(|k| k["why"].as_str().unwrap()).collect();
    assert!(
        whys[0].starts_with("its work is not merged") && whys[1] == "it has uncommitted files",
        "{whys:?}"
    );
    assert!(!p.path("../tree-a").exists() && p.path("../tree-b").exists());
    let refs = p.run_git(&["for-each-ref", "--format=%(refname)"]);
    let kept: Vec<&str> = refs.lines().filter(|r| r.contains("/orchestrator/")).collect();
    assert_eq!(
        kept,
        ["refs/heads/orchestrator/run/b", "refs/heads/orchestrator/run/c", "refs/orchestrator/rescue/two"]
    );
}

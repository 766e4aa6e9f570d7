//! A worktree and a branch for each task (W4).

use super::limits::results;
use crate::cli::project::{Project, block};

/// Eight agents change the same file: eight branches, nothing lost, the main tree untouched.
#[test]
fn eight_agents_of_one_file_are_eight_branches() {
    let p = Project::git();
    p.write("shared.txt", "begin\n");
    p.write("edit.md", &block("echo $ORCHESTRATOR_TASK >> shared.txt"));
    p.run_git(&["add", "-A"]);
    p.run_git(&["commit", "-q", "-m", "shared"]);
    p.write("tasks", &"edit.md\n".repeat(8));
    let ran =
        p.run(&["batch", "--each-worktree", "--max-concurrent", "4", "--format", "json", "tasks"]).expect(0);
    for result in results(&ran.out) {
        let (id, branch) = (result["id"].as_str().unwrap(), result["branch"].as_str().unwrap());
        assert!(branch.starts_with("orchestrator/") && branch.ends_with(&format!("/{id}")), "{branch}");
        assert_eq!(p.run_git(&["show", &format!("{branch}:shared.txt")]), format!("begin\n{id}"));
    }
    assert_eq!(p.read("shared.txt"), "begin\n");
    assert_eq!(p.run_git(&["status", "--porcelain"]), "?? tasks");
    let listed = p.run_git(&["worktree", "list"]);
    assert_eq!(listed.lines().count(), 9, "{listed}");
    p.run_git(&["fsck", "--strict"]);
}

/// A secret that a task leaves behind is not committed, and stays where it is.
#[test]
fn a_secret_stays_in_its_worktree() {
    let p = Project::git();
    p.write("tasks", "echo A=b > .env; echo work > new.txt\n");
    let ran = p.run(&["batch", "--exec", "--each-worktree", "tasks"]).expect(0);
    assert!(ran.err.contains(".env (environment file)"), "{}", ran.err);
    let branch = p.run_git(&["branch", "--list", "orchestrator/*", "--format=%(refname:short)"]);
    assert_eq!(p.run_git(&["show", &format!("{branch}:new.txt")]), "work");
    assert_eq!(p.run_git(&["ls-tree", "--name-only", &branch, ".env"]), "");
}

#[test]
fn without_a_repository_it_is_refused() {
    let p = Project::new();
    p.write("tasks", "touch never\n");
    let refused = p.run(&["batch", "--exec", "--each-worktree", "tasks"]).expect(2);
    assert!(refused.err.contains("repository"), "{}", refused.err);
    assert!(!p.path("never").exists());
}

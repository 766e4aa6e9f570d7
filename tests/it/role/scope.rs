//! What a role may change (turns.md T7a), on one machine and on several.

use super::ground::Ground;
use crate::cli::project::Project;

const SCOPED: &str = "workflow: {steps: [{role: galph, prompt: supervisor.md, scope: ['docs/**', 'plans/**']}, \
    {role: ralph, prompt: main.md}]}\n";

/// Commits and files inside; then one commit outside that a later one takes back, and a file.
const INSIDE: &str = "mkdir -p docs; echo a > docs/a.md; git add docs; git commit -q -m Inside; mkdir plans; \
    echo b > plans/b.md";
const OUTSIDE: &str = "mkdir -p docs src; echo a > docs/a.md; echo x > src/x.rs; git add -A docs src; \
    git commit -q -m Both; git rm -q src/x.rs; git commit -q -m Back; mkdir -p docs; echo mine > stray.txt";

#[test]
fn a_turn_inside_its_scope_is_published() {
    let ground = Ground::new(SCOPED, INSIDE, "true");
    ground.turn("galph", &["--once"]).expect(0);
    assert_eq!(ground.brief(), "1 ralph waiting-ralph");
    assert!(ground.subjects().contains(&"Inside".to_owned()));
}

/// Role mode: fails the turn; the work is on a rescue ref here and on the remote, the branch is back at the claim.
#[test]
fn a_turn_outside_its_scope_is_put_aside_and_fails() {
    let ground = Ground::new(SCOPED, OUTSIDE, "true");
    let ran = ground.turn("galph", &["--once"]).expect(3);
    ran.says("outside its scope");
    ran.says("galph may not change src/x.rs, stray.txt");
    assert_eq!(ground.brief(), "1 galph failed");
    let subjects = ground.subjects();
    let n = subjects.len();
    assert_eq!(subjects[n - 2], "[SYNC i=1] actor=galph status=running", "nothing of the turn: {subjects:?}");
    assert!(subjects[n - 1].starts_with("[SYNC i=1] actor=galph status=fail galph_commit="));
    let reason = ground.git("bare", &["log", "-1", "--format=%B", "work"]);
    assert!(reason.contains("Reason: galph may not change src/x.rs, stray.txt"), "{reason}");
    let remote =
        ground.git("bare", &["for-each-ref", "--format=%(refname)", "refs/heads/orchestrator/rescue"]);
    assert_eq!(ground.git("bare", &["log", "-2", "--format=%s", remote.trim()]), "Back\nBoth");
    let local = ground.git("galph", &["for-each-ref", "--format=%(refname)", "refs/orchestrator/rescue"]);
    let kept = ground.git("galph", &["show", &format!("{}:stray.txt", local.lines().next().unwrap())]);
    assert_eq!(kept, "mine");
    assert_eq!(ground.git("galph", &["status", "--porcelain"]), "", "files went back to the claim");
    assert_eq!(ground.git("galph", &["rev-parse", "HEAD"]), ground.git("bare", &["rev-parse", "work"]));
}

/// Combined mode: the same with a local ref; a person's own changed file stays.
#[test]
fn one_machine_keeps_it_on_a_local_ref() {
    let project = Project::git();
    project.config(SCOPED);
    project.prompt("supervisor", OUTSIDE);
    project.run_git(&["commit", "-q", "-am", "configure"]);
    project.write("note.txt", "a person's");
    let ran = project.run(&["--once"]).expect(3);
    assert!(ran.err.contains("galph may not change src/x.rs, stray.txt"), "{}", ran.err);
    assert_eq!(project.brief(), "1 galph failed");
    let kept = project.run_git(&["for-each-ref", "--format=%(refname)", "refs/orchestrator/rescue"]);
    assert_eq!(project.run_git(&["show", &format!("{kept}:stray.txt")]), "mine");
    assert_eq!(project.run_git(&["status", "--porcelain"]), "?? note.txt");
    assert!(!project.subjects().iter().any(|s| s == "Both"));
}

/// What a person committed while the turn ran is taken off with it, and is one command away.
#[test]
fn another_authors_commits_are_named() {
    let project = Project::git();
    project.config(SCOPED);
    let commit = "echo theirs > theirs.txt; git add theirs.txt; git commit -q --author='Else <e@example.org>' -m Theirs";
    project.prompt("supervisor", commit);
    project.run_git(&["commit", "-q", "-am", "configure"]);
    let ran = project.run(&["--once"]).expect(3);
    let hint = "hint: if what Else committed meanwhile was not the agent's: git ";
    let command =
        ran.err.lines().find_map(|line| line.strip_prefix(hint)).unwrap_or_else(|| panic!("{}", ran.err));
    assert!(!project.path("theirs.txt").exists());
    project.run_git(&command.split(' ').collect::<Vec<_>>());
    assert_eq!(project.read("theirs.txt"), "theirs\n");
}

/// T13: without git nothing says what a turn changed.
#[test]
fn without_git_it_is_said_to_be_unchecked() {
    let project = Project::new();
    project.run(&["init"]).expect(0);
    project.config(SCOPED);
    let ran = project.run(&["--no-git", "--once"]).expect(0);
    assert!(ran.err.contains("scope of roles is not checked"), "{}", ran.err);
}

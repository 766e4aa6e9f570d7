//! What is committed after a turn, on real repositories.

use super::project::Project;

fn files(p: &Project, commit: &str) -> Vec<String> {
    p.run_git(&["show", "--format=", "--name-only", commit]).lines().map(str::to_owned).collect()
}

fn find(p: &Project, words: &str) -> String {
    let log = p.run_git(&["log", "--format=%H %s", "work"]);
    let line = log.lines().find(|l| l.contains(words)).unwrap_or_else(|| panic!("no `{words}` in\n{log}"));
    line.split(' ').next().unwrap().to_owned()
}

/// T22, T24: each group is a commit of its own, in order; a turn whose agent commits nothing ends
/// with its code committed.
#[test]
fn each_group_is_committed_by_itself() {
    let p = Project::git();
    p.config("auto_commit: {tracked: {globs: ['out/**']}}\n");
    p.write("out/data.csv", "1\n");
    p.run_git(&["add", "-A"]);
    p.run_git(&["commit", "-q", "-m", "data"]);
    p.prompt("supervisor", "echo focus > input.md; echo stray > stray.txt");
    p.prompt("main", "mkdir -p src reports 'plans/a/reports'; echo code > src/x.rs; echo '#!/bin/sh' > run; chmod +x run; ln -s src/x.rs link; echo 2 > out/data.csv; echo e > reports/e.txt; echo f > plans/a/reports/f.bin; echo n > plans/n.md; mkdir sp; echo x > 'sp/a b.txt'; echo PRIVATE > .env");
    p.run_git(&["add", "-A"]);
    p.run_git(&["commit", "-q", "-m", "prompts"]);
    let ran = p.run(&["--once"]).expect(0);
    assert_eq!(
        files(
            &p,
            &find(
                &p,
                "SUPERVISOR AUTO (prompt=supervisor.md) (iter=00001): doc/meta hygiene — tests: not run"
            )
        ),
        ["input.md"]
    );
    assert_eq!(
        files(&p, &find(&p, "RALPH AUTO (prompt=main.md) (iter=00001): reports evidence")),
        ["plans/a/reports/f.bin", "reports/e.txt"]
    );
    assert_eq!(files(&p, &find(&p, "tracked outputs")), ["out/data.csv"]);
    assert_eq!(
        files(&p, &find(&p, "RALPH AUTO (prompt=main.md) (iter=00001): doc/meta hygiene")),
        ["plans/n.md"]
    );
    let work = find(&p, "work left uncommitted");
    assert_eq!(files(&p, &work), ["link", "run", "sp/a b.txt", "src/x.rs"]);
    let modes = p.run_git(&["ls-tree", "-r", &work, "link", "run"]);
    assert!(modes.starts_with("120000 ") && modes.contains("\n100755 "), "{modes}");
    assert!(ran.err.contains("left uncommitted: .env (looks like a secret"), "{}", ran.err);
    assert!(ran.err.contains("left uncommitted: stray.txt (no auto-commit group takes it)"), "{}", ran.err);
    assert_eq!(p.run_git(&["status", "--porcelain"]), "?? .env\n?? stray.txt");
    p.run_git(&["fsck", "--strict"]);
    let body = p.run_git(&["show", "-s", "--format=%b", &work]);
    assert_eq!(body, "Files:\n - link\n - run\n - sp/a b.txt\n - src/x.rs");
}

/// What was dirty or staged before the turn stays exactly so; documents a person changed are
/// committed as steering first (T23a).
#[test]
fn what_was_dirty_before_stays() {
    let p = Project::git();
    p.write("mine.txt", "half done\n");
    p.write("staged.txt", "staged\n");
    p.run_git(&["add", "staged.txt"]);
    p.write("docs/goal.md", "# Goal\nnew direction\n");
    p.prompt("main", "echo code > code.txt; echo more >> mine.txt");
    p.run_git(&["add", "prompts"]);
    p.run_git(&["commit", "-q", "-m", "prompts", "prompts"]);
    let ran = p.run(&["--once"]).expect(0);
    assert_eq!(files(&p, &find(&p, "SUPERVISOR AUTO (iter=00001): steering")), ["docs/goal.md"]);
    assert_eq!(files(&p, &find(&p, "work left uncommitted")), ["code.txt"]);
    assert_eq!(p.run_git(&["status", "--porcelain"]), "A  staged.txt\n?? mine.txt");
    assert_eq!(
        ran.err.matches("dirty before the turn and left alone: mine.txt, staged.txt").count(),
        1,
        "{}",
        ran.err
    );
    let changed = "notice: changed, and left uncommitted as it was before the turn: mine.txt";
    assert_eq!(ran.err.matches(changed).count(), 1, "{}", ran.err);
    let again = p.run(&["--once"]).expect(0);
    assert!(!again.err.contains("dirty before"), "nobody is told twice: {}", again.err);
}

/// T23: submodules and filtered paths are left alone; ignored files are not work.
#[test]
fn submodules_filters_and_ignored_files_are_left_alone() {
    let p = Project::git();
    p.write(".gitattributes", "*.big filter=lfs\n");
    p.run_git(&["add", "-A"]);
    p.run_git(&["commit", "-q", "-m", "attributes"]);
    p.prompt("main", "echo big > a.big; mkdir -p nested logs; git init -q nested; echo i > nested/i; echo l > logs/l; echo ok > ok.txt");
    p.run_git(&["commit", "-q", "-am", "prompts"]);
    let ran = p.run(&["--once"]).expect(0);
    assert_eq!(files(&p, &find(&p, "work left uncommitted")), ["ok.txt"]);
    assert!(
        ran.err.contains(
            "left uncommitted: a.big (has a filter attribute (LFS)), nested (is a repository of its own)"
        ),
        "{}",
        ran.err
    );
}

/// T22: work over the cap fails the turn by name, with nothing of the work committed.
#[test]
fn work_over_the_cap_fails_by_name() {
    let p = Project::git();
    p.config("auto_commit: {work: {max_file_mib: 0.01}, tracked: {max_file_mib: 0.01}}\n");
    p.prompt("main", "head -c 20000 /dev/zero > huge.bin; echo ok > ok.txt");
    p.run_git(&["commit", "-q", "-am", "prompts"]);
    let ran = p.run(&["--once"]).expect(3);
    assert!(
        ran.err.contains("cause: huge.bin (0.1 MiB is over the work left uncommitted cap"),
        "{}",
        ran.err
    );
    assert_eq!(p.brief(), "1 ralph failed");
    p.prompt("main", "rm huge.bin");
    p.run_git(&["commit", "-q", "-m", "mend", "--", "prompts"]);
    p.run(&["--once"]).expect(0);
    assert_eq!(
        files(&p, &find(&p, "work left uncommitted")),
        ["ok.txt"],
        "T36: the retry takes what the failed turn left"
    );
}

#[test]
fn a_dry_run_changes_nothing_and_switches_turn_groups_off() {
    let p = Project::git();
    p.prompt("main", "echo code > code.txt");
    p.run_git(&["commit", "-q", "-am", "prompts"]);
    let ran = p.run(&["--once", "--commit-dry-run", "--no-auto-commit-state"]).expect(0);
    assert!(ran.out.contains("work left uncommitted (dry run): code.txt"), "{}", ran.out);
    assert_eq!(p.subjects(), ["begin", "prompts"]);
    assert!(p.run_git(&["status", "--porcelain"]).contains("?? code.txt"));
    let p = Project::git();
    p.prompt("main", "echo code > code.txt");
    p.run_git(&["commit", "-q", "-am", "prompts"]);
    p.run(&["--once", "--no-auto-commit-work"]).expect(0);
    assert_eq!(p.run_git(&["status", "--porcelain"]), "?? code.txt");
}

/// G5, T14: claims and stamps are commits with exact subjects and trailers, and each holds the state.
#[test]
fn claims_and_stamps_are_commits() {
    let p = Project::git();
    p.config("sync: {message_suffix: '[skip ci]'}\n");
    p.run_git(&["commit", "-q", "-am", "config"]);
    p.run(&["--once"]).expect(0);
    let id = p.run_git(&["rev-parse", "--short", "HEAD~3"]);
    let subjects = p.subjects();
    assert_eq!(subjects[2], "[SYNC i=1] actor=galph status=running [skip ci]");
    assert_eq!(
        subjects[3],
        format!("[SYNC i=1] actor=galph → next=ralph status=ok galph_commit={id} [skip ci]")
    );
    assert!(subjects[5].starts_with("[SYNC i=2] actor=ralph → next=galph status=ok ralph_commit="));
    assert_eq!(
        p.run_git(&["log", "-4", "--reverse", "--format=%(trailers:key=Epoch,valueonly,separator=%x2C)"]),
        "1\n1\n2\n2"
    );
    let body = p.run_git(&["show", "-s", "--format=%b"]);
    for key in [
        "Turn-Id: ",
        "Role: ralph",
        "Prompt: main.md ",
        "Agent: shell",
        "Exit: exit status 0",
        "Duration: ",
        "Orchestrator: 1",
    ] {
        assert!(body.contains(key), "{key}: {body}");
    }
    assert_eq!(p.run_git(&["show", "HEAD:sync/state.json"]), p.read("sync/state.json").trim_end());
    assert_eq!(p.run_git(&["status", "--porcelain"]), "");
    assert_eq!(p.run_git(&["show", "--format=", "--name-only", "HEAD"]), "sync/state.json");
}

/// T13, T26: the project may be a folder of the repository; a linked worktree is one too.
#[test]
fn a_subfolder_and_a_linked_worktree_work() {
    let p = Project::git();
    p.run_git(&["worktree", "add", "-q", "-b", "side", "../side"]);
    p.run(&["-C", "../side", "--once"]).expect(0);
    assert!(p.run_git(&["log", "-1", "--format=%s", "side"]).starts_with("[SYNC i=2] actor=ralph"));
    p.run_git(&[
        "mv",
        "prompts",
        "docs",
        "sync",
        "orchestration.yaml",
        "input.md",
        "galph_memory.md",
        "-k",
        ".",
    ]);
    let inner = Project::new();
    inner.run_git(&["init", "-q", "-b", "work"]);
    std::fs::create_dir(inner.path("app")).unwrap();
    for name in ["prompts", "orchestration.yaml"] {
        std::fs::rename(inner.path(name), inner.path("app").join(name)).unwrap();
    }
    inner.write("app/prompts/main.md", &super::project::block("echo x > work.txt"));
    inner.run(&["-C", "app", "--once"]).expect(0);
    assert!(inner.subjects()[0].starts_with("[SYNC init] actor=galph status=idle"), "{:?}", inner.subjects());
    assert_eq!(
        files(&inner, &find(&inner, "RALPH AUTO (prompt=main.md) (iter=00001): work left")),
        ["app/work.txt"]
    );
}

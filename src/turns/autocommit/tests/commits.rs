//! The plan carried out on real repositories, looked at with the git program.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use super::rules;
use crate::sync::message::{AutoMessage, Group};
use crate::sync::worktree::tests::fixture::{Fixture, STATE};
use crate::turns::autocommit::{Committed, Plan, Rules, Scope, Why, prepare, run, scan};

const RALPH: Scope = Scope::Turn { first_role: false };

fn message(group: Group, files: &[String]) -> String {
    let prompt = (group != Group::Steering).then(|| "main.md".to_owned());
    AutoMessage { group, who: "RALPH".into(), prompt, iteration: 17, tests: None }.render(files, None)
}

fn before(f: &Fixture, rules: &Rules) -> BTreeSet<PathBuf> {
    scan(&f.repo, rules).unwrap().into_iter().map(|d| d.path).collect()
}

/// Plans and commits what is dirty, with `before` left alone.
fn commit(f: &Fixture, before: &BTreeSet<PathBuf>, scope: Scope, rules: &Rules) -> (Plan, Vec<Committed>) {
    let plan = prepare(&f.repo, before, scope, rules).unwrap();
    let made = run(&f.repo, &plan, message, false).unwrap();
    f.assert_sound();
    (plan, made)
}

fn names(f: &Fixture, revision: &str) -> Vec<String> {
    let out = f.git(&["show", "--format=", "--name-status", "--no-renames", "-z", revision]);
    let words: Vec<&str> = out.split('\0').filter(|w| !w.is_empty()).collect();
    words.chunks(2).map(|pair| pair.join(" ")).collect()
}

/// T22, T24: four commits in their order, and a clean tree.
#[test]
fn a_turn_leaves_a_clean_tree() {
    let f = Fixture::new();
    f.write("out/data.csv", "1\n");
    f.commit_all("Data");
    f.put_state("{\"status\": \"running-ralph\"}\n", "claim");
    for path in ["reports/run.log", "out/data.csv", "input.md", "src/main.rs"] {
        f.write(path, "new\n");
    }
    f.write(STATE, "{\"exit\": true}\n");
    f.write("logs/main/ralph/x.log", "log\n");
    let (_, made) = commit(&f, &BTreeSet::new(), RALPH, &rules());
    assert_eq!(made.len(), 4);
    let log = f.git(&["log", "-4", "--reverse", "--format=%s"]);
    let tail = " — tests: not run";
    let head = "RALPH AUTO (prompt=main.md) (iter=00017):";
    let words = ["reports evidence", "tracked outputs", "doc/meta hygiene", "work left uncommitted"];
    let expected = words.map(|w| format!("{head} {w}{tail}"));
    assert_eq!(log.lines().collect::<Vec<_>>(), expected);
    assert_eq!(f.git(&["log", "-1", "--format=%b"]).trim_end(), "Files:\n - src/main.rs");
    assert_eq!(f.status(), " M sync/state.json\n?? logs/\n");
    assert_eq!(commit(&f, &BTreeSet::new(), RALPH, &rules()).1, []);
}

/// Paths that were dirty before stay so; what was staged stays staged and uncommitted.
#[test]
fn dirty_and_staged_before_stay() {
    let f = Fixture::new();
    f.write("a.txt", "a\n");
    f.write("b.txt", "b\n");
    f.commit_all("Files");
    f.write("a.txt", "a person's\n");
    f.write("b.txt", "staged\n");
    f.git(&["add", "b.txt"]);
    f.write("b.txt", "staged, then more\n");
    f.write("staged-new.txt", "x\n");
    f.git(&["add", "staged-new.txt"]);
    f.git(&["rm", "-q", "--cached", "README.md"]);
    f.git(&["add", "-N", "b.txt"]);
    let status = f.status();
    let staged = f.git(&["diff", "--cached"]);
    let rules = rules();
    let before = before(&f, &rules);
    f.write("work.txt", "w\n");
    f.write("a.txt", "the agent changed it too\n");
    let (plan, _) = commit(&f, &before, RALPH, &rules);
    assert_eq!(names(&f, "HEAD"), ["A work.txt"]);
    assert_eq!(f.status(), status);
    assert_eq!(f.git(&["diff", "--cached"]), staged);
    assert_eq!(plan.left.iter().filter(|l| l.why == Why::Before).count(), 4);
}

/// Every kind of change arrives in the commit as git itself would have made it.
#[test]
fn every_kind_of_change_is_committed_like_git_does() {
    let change = |f: &Fixture| {
        for name in ["mod", "gone", "to-link", "exec", "cached", "dir/inner", "file", "old name"] {
            f.write(name, &format!("content of {name}\n"));
        }
        f.write(".gitattributes", "*.txt text\n");
        f.git(&["add", "-A"]);
        f.git(&["commit", "-qm", "Files", "--date=2026-01-01T00:00:00Z"]);
        f.write("mod", "changed\n");
        fs::remove_file(f.path("gone")).unwrap();
        fs::remove_file(f.path("to-link")).unwrap();
        symlink("mod", f.path("to-link")).unwrap();
        symlink("nowhere", f.path("dangling")).unwrap();
        symlink("dir", f.path("link-to-dir")).unwrap();
        fs::set_permissions(f.path("exec"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::remove_dir_all(f.path("dir")).unwrap();
        f.write("dir", "a file now\n");
        fs::remove_file(f.path("file")).unwrap();
        f.write("file/inner/most", "a folder now\n");
        f.git(&["mv", "old name", "new näme"]);
        f.write("crlf.txt", "one\r\ntwo\r\n");
        for name in [
            "-dash",
            "--",
            "new\nline",
            "tab\there",
            "\"quoted\"",
            " blank ",
            "日本/ü",
            "glob*[x]?",
            ":(top)x",
        ] {
            f.write(name, "x\n");
        }
        f.write("empty", "");
    };
    let ours = Fixture::new();
    change(&ours);
    let (plan, made) = commit(&ours, &BTreeSet::new(), RALPH, &rules());
    assert_eq!(plan.left, []);
    assert_eq!(made.len(), 1);
    assert_eq!(ours.status(), "");
    let gits = Fixture::new();
    change(&gits);
    gits.commit_all("All");
    let tree = |f: &Fixture| f.git(&["ls-tree", "-r", "HEAD"]);
    assert_eq!(tree(&ours), tree(&gits));
    assert_eq!(ours.git(&["ls-files", "--stage"]), gits.git(&["ls-files", "--stage"]));
}

/// T25: a secret stays where it is, by name or content, and at any depth of the file.
#[test]
fn secrets_are_left_out() {
    let f = Fixture::new();
    let key = format!("-----BEGIN {} KEY-----\nabc\n", "RSA PRIVATE");
    f.write("plans/key.md", &key);
    f.write(".env.local", "A=1\n");
    f.write("src/main.rs", "fn main() {}\n");
    f.write("reports/deep.log", &format!("{}\n{key}", "line\n".repeat(200_000)));
    f.write("reports/fine.log", &"line\n".repeat(200_000));
    symlink("/etc/hostname", f.path("reports/link")).unwrap();
    let (plan, _) = commit(&f, &BTreeSet::new(), RALPH, &rules());
    let left: Vec<_> = plan.left.iter().map(|l| l.path.to_str().unwrap()).collect();
    assert_eq!(left, [".env.local", "plans/key.md", "reports/deep.log"]);
    assert!(plan.left.iter().all(|l| matches!(l.why, Why::Secret(_))));
    assert_eq!(f.status(), "?? .env.local\n?? plans/\n?? reports/deep.log\n");
    let objects = f.git(&["cat-file", "--batch-all-objects", "--batch-check"]);
    for line in objects.lines().filter(|l| l.contains(" blob ")) {
        let id = line.split(' ').next().unwrap();
        assert!(!f.git(&["cat-file", "blob", id]).contains("PRIVATE KEY"), "not even as a loose object");
    }
}

/// A file nobody can read is left and named; the rest is committed.
#[test]
fn an_unreadable_file_stops_nothing() {
    let f = Fixture::new();
    f.write("locked.txt", "x\n");
    f.write("open.txt", "x\n");
    fs::set_permissions(f.path("locked.txt"), fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(f.path("locked.txt")).is_ok() {
        return; // The superuser reads everything.
    }
    let (plan, _) = commit(&f, &BTreeSet::new(), RALPH, &rules());
    assert_eq!(plan.left[0].why, Why::Unreadable);
    assert_eq!(names(&f, "HEAD"), ["A open.txt"]);
}

/// T23: submodules and filtered paths are left alone.
#[test]
fn submodules_and_filtered_paths_are_untouched() {
    let f = Fixture::new();
    f.write(".gitattributes", "*.bin filter=lfs\n");
    f.write("a.bin", "pointer\n");
    let library = f.beside("library");
    fs::create_dir(&library).unwrap();
    f.git_in(&library, &["init", "-q", "-b", "main"]);
    f.git_in(
        &library,
        &["-c", "user.name=A", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "x"],
    );
    f.git(&["-c", "protocol.file.allow=always", "submodule", "add", "-q", library.to_str().unwrap(), "sub"]);
    f.commit_all("Base");
    f.write("a.bin", "real content\n");
    f.write("sub/new.txt", "x\n");
    f.git_in(
        &f.path("sub"),
        &["-c", "user.name=A", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "y"],
    );
    f.write("work.txt", "w\n");
    let (plan, _) = commit(&f, &BTreeSet::new(), RALPH, &rules());
    assert_eq!(names(&f, "HEAD"), ["A work.txt"]);
    let whys: Vec<_> = plan.left.iter().map(|l| (l.path.to_str().unwrap(), &l.why)).collect();
    assert_eq!(whys, [("a.bin", &Why::Filtered), ("sub", &Why::Submodule)]);
}

/// T23a: a person's documents get a commit of their own.
#[test]
fn steering_is_committed_before_a_claim() {
    let f = Fixture::new();
    f.write("input.md", "Focus: x\n");
    f.write("src/wip.rs", "x\n");
    commit(&f, &BTreeSet::new(), Scope::Steering, &rules());
    assert_eq!(
        f.git(&["log", "-1", "--format=%B"]).trim_end(),
        "RALPH AUTO (iter=00017): steering\n\nFiles:\n - input.md"
    );
    assert_eq!(f.status(), "?? src/\n");
}

/// T22: ignored reports only where asked for, and not those that were there before.
#[test]
fn ignored_reports_are_added_by_force() {
    let f = Fixture::new();
    f.write(".gitignore", "*.log\n/target/\n");
    f.commit_all("Ignore");
    f.write("reports/old.log", "old\n");
    f.write("target/x.log", "x\n");
    let mut rules = rules();
    rules.force_add_reports = true;
    let before = before(&f, &rules);
    f.write("reports/run.log", "r\n");
    f.write("plans/a/reports/run.log", "r\n");
    let (_, made) = commit(&f, &before, RALPH, &rules);
    assert_eq!(made.len(), 1);
    assert_eq!(names(&f, "HEAD"), ["A plans/a/reports/run.log", "A reports/run.log"]);
    assert_eq!(f.status(), "");
}

/// `--commit-dry-run` says what it would do and changes nothing.
#[test]
fn a_dry_run_changes_nothing() {
    let f = Fixture::new();
    f.write("src/a.rs", "x\n");
    let (head, status) = (f.head(), f.status());
    let plan = prepare(&f.repo, &BTreeSet::new(), RALPH, &rules()).unwrap();
    let made = run(&f.repo, &plan, message, true).unwrap();
    assert_eq!(made, [Committed { group: Group::Work, id: None, paths: vec!["src/a.rs".into()] }]);
    assert_eq!((f.head(), f.status()), (head, status));
}

/// A project in a sub-folder, a linked worktree, and a branch without a commit.
#[test]
fn other_places() {
    let f = Fixture::new();
    let other = f.beside("other");
    f.git(&["worktree", "add", "-q", "-b", "side", other.to_str().unwrap()]);
    let repo = crate::sync::worktree::tests::fixture::open(&other);
    fs::write(other.join("input.md"), "x\n").unwrap();
    let plan = prepare(&repo, &BTreeSet::new(), RALPH, &rules()).unwrap();
    assert_eq!(run(&repo, &plan, message, false).unwrap().len(), 1);
    assert_eq!(f.git_in(&other, &["status", "--porcelain"]), "");
    assert_eq!(f.status(), "");
    let f = Fixture::unborn();
    f.write("src/a.rs", "x\n");
    commit(&f, &BTreeSet::new(), RALPH, &rules());
    assert_eq!(names(&f, "HEAD"), ["A src/a.rs"]);
    assert_eq!(f.status(), "");
}

/// A file staged and then set back makes no commit and no noise.
#[test]
fn files_set_back_to_head_make_no_commit() {
    let f = Fixture::new();
    f.write("README.md", "staged\n");
    f.git(&["add", "README.md"]);
    f.write("README.md", "hello\n");
    assert_eq!(commit(&f, &BTreeSet::new(), RALPH, &rules()).1, []);
    assert_eq!(f.status(), "");
}

/// A branch that moved meanwhile keeps what it got.
#[test]
fn a_branch_that_moved_is_not_overwritten() {
    let f = Fixture::new();
    let stale = f.repo.head().unwrap();
    f.write("a.txt", "x\n");
    let theirs = f.commit_all("Theirs");
    f.write("b.txt", "x\n");
    let dirty = f.repo.dirty().unwrap();
    let files: Vec<_> = dirty.iter().collect();
    assert!(f.repo.commit_files(&stale, &files, "Mine").is_err());
    assert_eq!(f.head(), theirs);
}

/// Where the file system has no executable bit, the index's counts.
#[test]
fn the_executable_bit_of_such_a_file_system_is_not_believed() {
    let f = Fixture::new();
    f.git(&["config", "core.filemode", "false"]);
    f.write("README.md", "changed\n");
    fs::set_permissions(f.path("README.md"), fs::Permissions::from_mode(0o755)).unwrap();
    commit(&f, &BTreeSet::new(), RALPH, &rules());
    assert!(f.git(&["ls-tree", "HEAD", "README.md"]).starts_with("100644"));
}

/// A held index lock stops the commit before the branch moves.
#[test]
fn a_locked_index_stops_before_the_branch_moves() {
    let f = Fixture::new();
    f.write("a.txt", "x\n");
    let head = f.head();
    let plan = prepare(&f.repo, &BTreeSet::new(), RALPH, &rules()).unwrap();
    let lock = f.repo.git_dir().join("index.lock");
    fs::write(&lock, "").unwrap();
    assert!(run(&f.repo, &plan, message, false).is_err());
    fs::remove_file(lock).unwrap();
    assert_eq!((f.head(), f.status()), (head, "?? a.txt\n".to_owned()));
}

/// `git rm --cached`: the file goes from the repository and stays in the folder.
#[test]
fn a_file_taken_out_of_the_index_goes_from_the_repository() {
    let f = Fixture::new();
    f.git(&["rm", "-q", "--cached", "README.md"]);
    commit(&f, &BTreeSet::new(), RALPH, &rules());
    assert_eq!(names(&f, "HEAD"), ["D README.md"]);
    assert_eq!(f.status(), "?? README.md\n");
}

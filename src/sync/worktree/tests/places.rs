//! Where a repository can lie.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::fixture::{Fixture, STATE, open};
use crate::clock::SystemClock;
use crate::sync::worktree::{GitError, Head, Repo};

#[test]
fn no_repository_and_a_bare_one_are_errors() {
    let f = Fixture::new();
    let outside = f.beside("empty");
    fs::create_dir(&outside).unwrap();
    let clock = || Arc::new(SystemClock);
    let error = Repo::open(&outside, clock()).err().unwrap();
    assert!(matches!(error, GitError::NoRepository { .. }), "{error}");
    assert!(error.hint().unwrap().contains("--no-git"));
    let bare = f.beside("bare.git");
    f.git(&["clone", "-q", "--bare", ".", bare.to_str().unwrap()]);
    assert!(matches!(Repo::open(&bare, clock()).err(), Some(GitError::Bare { .. })));
}

/// A project in a sub-folder: paths map to the repository's (T26).
#[test]
fn a_project_in_a_sub_folder() {
    let f = Fixture::new();
    let root = f.path("tools/loop");
    fs::create_dir_all(&root).unwrap();
    let repo = open(&root);
    assert_eq!(repo.top(), f.top());
    assert_eq!(repo.prefix(&root).unwrap(), PathBuf::from("tools/loop"));
    assert_eq!(repo.prefix(f.top()).unwrap(), PathBuf::new());
    let state = repo.relative(&root.join("sync/state.json")).unwrap();
    assert_eq!(state, PathBuf::from("tools/loop/sync/state.json"));
    let head = f.head();
    let commit = repo.commit_state(Some(head), &state, b"{}\n", "claim").unwrap();
    repo.advance("main", Some(head), commit, "claim").unwrap();
    assert_eq!(f.git(&["show", "HEAD:tools/loop/sync/state.json"]), "{}\n");
    let out = repo.relative(&f.beside("elsewhere/x")).unwrap_err();
    assert!(matches!(out, GitError::Outside { .. }));
    assert!(repo.relative(&root.join("../../../x")).is_err());
}

/// A path through a link is where the link leads.
#[test]
fn links_in_the_way_are_resolved() {
    let f = Fixture::new();
    let link = f.beside("link");
    std::os::unix::fs::symlink(f.top(), &link).unwrap();
    assert_eq!(f.repo.relative(&link.join("sync/state.json")).unwrap(), PathBuf::from(STATE));
    assert_eq!(open(&link).top(), f.top());
}

#[test]
fn a_linked_worktree_has_its_own_head_and_index() {
    let f = Fixture::new();
    let other = f.beside("other");
    f.git(&["worktree", "add", "-q", "-b", "side", other.to_str().unwrap()]);
    let repo = open(&other);
    let head = repo.head().unwrap();
    assert_eq!(head, Head { branch: Some("side".into()), commit: Some(f.head()), detached: false });
    let commit = repo.commit_state(head.commit, Path::new(STATE), b"1\n", "claim").unwrap();
    repo.advance("side", head.commit, commit, "claim").unwrap();
    fs::write(other.join(STATE), "1\n").unwrap();
    repo.mirror_state(Path::new(STATE), b"1\n").unwrap();
    assert_eq!(f.git_in(&other, &["status", "--porcelain"]), "");
    assert_eq!(f.status(), "");
    assert!(repo.exclude_private().unwrap());
    assert!(!f.repo.exclude_private().unwrap(), "the exclude file is shared");
    f.assert_sound();
}

#[test]
fn detached_and_unborn_heads() {
    let f = Fixture::unborn();
    let unborn = Head { branch: Some("main".into()), commit: None, detached: false };
    assert_eq!(f.repo.head().unwrap(), unborn);
    let f = Fixture::new();
    f.git(&["checkout", "-q", "--detach"]);
    assert_eq!(f.repo.head().unwrap(), Head { branch: None, commit: Some(f.head()), detached: true });
}

/// The program's folder is excluded once, without touching the project's own rules.
#[test]
fn the_private_folder_is_excluded_once() {
    let f = Fixture::new();
    let exclude = f.repo.git_dir().join("info/exclude");
    fs::write(&exclude, "*.bak").unwrap();
    assert!(f.repo.exclude_private().unwrap());
    assert!(!f.repo.exclude_private().unwrap());
    assert_eq!(fs::read_to_string(&exclude).unwrap(), "*.bak\n.orchestrator/\n");
    f.write(".orchestrator/turn.json", "{}");
    f.write("sub/.orchestrator/turn.json", "{}");
    assert_eq!(f.status(), "");
    fs::remove_dir_all(exclude.parent().unwrap()).unwrap();
    assert!(f.repo.exclude_private().unwrap());
}

/// G16: the repository's person commits; a commit asks for no signature.
#[test]
fn commits_carry_the_repositorys_person_and_no_signature() {
    let f = Fixture::new();
    assert_eq!(f.repo.identity().unwrap().name, "Ann");
    f.git(&["config", "commit.gpgSign", "true"]);
    f.git(&["config", "gpg.program", "/nonexistent"]);
    f.put_state("1\n", "claim");
    assert!(!f.git(&["cat-file", "commit", "HEAD"]).contains("gpgsig"));
}

/// G22: no hook, filter or file system monitor of the repository runs.
#[test]
fn nothing_the_repository_configures_is_run() {
    use std::os::unix::fs::PermissionsExt;
    let f = Fixture::new();
    let proof = f.beside("ran");
    let script = f.beside("script");
    fs::write(&script, format!("#!/bin/sh\ntouch '{}'\ncat\n", proof.display())).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let script = script.to_str().unwrap();
    for (key, value) in [
        ("core.fsmonitor", script),
        ("filter.x.clean", script),
        ("filter.x.required", "true"),
        ("core.editor", script),
    ] {
        f.git(&["config", key, value]);
    }
    for hook in [
        "pre-commit",
        "commit-msg",
        "post-commit",
        "reference-transaction",
        "post-index-change",
        "post-checkout",
    ] {
        let hooks = f.repo.git_dir().join("hooks");
        fs::create_dir_all(&hooks).unwrap();
        std::os::unix::fs::symlink(script, hooks.join(hook)).unwrap();
    }
    f.write(".gitattributes", "*.x filter=x\n");
    f.write("a.x", "content\n");
    f.put_state("1\n", "claim");
    f.repo.dirty().unwrap();
    f.repo.snapshot(&[], "files").unwrap();
    assert!(!proof.exists());
}

/// Index formats: what libgit2 knows works, what it does not is an error with a way out.
#[test]
fn index_formats() {
    let f = Fixture::new();
    f.git(&["config", "feature.manyFiles", "true"]);
    f.git(&["update-index", "--index-version", "4", "--untracked-cache", "--force-write-index"]);
    f.put_state("1\n", "claim");
    assert_eq!(f.status(), "");
    f.assert_sound();
    f.git(&["update-index", "--split-index"]);
    let error = f.repo.mirror_state(Path::new(STATE), b"2\n").unwrap_err();
    assert!(error.hint().unwrap().contains("--no-split-index"), "{error}");
    f.git(&["update-index", "--no-split-index"]);
    f.repo.mirror_state(Path::new(STATE), b"2\n").unwrap();
}

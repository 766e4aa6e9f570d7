//! State commits: built beside the tree, swapped in, mirrored.

use std::fs;
use std::path::Path;

use super::fixture::{Fixture, STATE};
use crate::sync::worktree::GitError;

/// G8: one file replaced, nothing staged or dirty swept in.
#[test]
fn a_state_commit_holds_the_state_alone() {
    let f = Fixture::new();
    f.write("README.md", "changed\n");
    f.write("new.txt", "new\n");
    f.git(&["add", "new.txt"]);
    let before = f.head();
    let claim = f.put_state("{\"iteration\": 1}\n", "[SYNC i=1] actor=galph status=running\n");
    assert_eq!(f.head(), claim);
    let names = f.git(&["diff-tree", "--no-commit-id", "--name-only", "-r", "HEAD"]);
    assert_eq!(names, "sync/state.json\n");
    assert_eq!(f.git(&["rev-parse", "HEAD^"]).trim(), before.to_string());
    assert_eq!(f.status(), " M README.md\nA  new.txt\n");
    assert_eq!(
        f.git(&["log", "-1", "--format=%an <%ae> %cI"]),
        "Ann <ann@example.org> 2026-01-20T03:29:29Z\n"
    );
    f.assert_sound();
}

/// G8: an agent's `git commit -a` after a claim does not put the old state back.
#[test]
fn commit_a_after_a_claim_keeps_the_claim() {
    let f = Fixture::new();
    f.put_state("{\"a\": 1}\n", "claim");
    f.write("README.md", "work\n");
    f.git(&["commit", "-qam", "Work"]);
    assert_eq!(f.git(&["show", "HEAD:sync/state.json"]), "{\"a\": 1}\n");
    assert_eq!(f.git(&["show", "--format=", "--name-only"]), "README.md\n");
}

/// The index holds the claimed state even if the working file says something else.
#[test]
fn a_working_file_that_differs_stays_visible() {
    let f = Fixture::new();
    f.put_state("{\"a\": 1}\n", "claim");
    f.write(STATE, "{\"a\": 2}\n");
    f.repo.mirror_state(Path::new(STATE), b"{\"a\": 1}\n").unwrap();
    assert_eq!(f.status(), " M sync/state.json\n");
}

#[test]
fn the_first_commit_of_a_branch() {
    let f = Fixture::unborn();
    assert_eq!(f.repo.head().unwrap().branch.as_deref(), Some("main"));
    f.put_state("{}\n", "[SYNC init] actor=galph status=idle\n");
    assert_eq!(f.status(), "");
    assert_eq!(f.git(&["ls-tree", "-r", "--name-only", "HEAD"]), "sync/state.json\n");
    f.assert_sound();
}

/// The executable bit of a tracked state file is kept.
#[test]
fn the_mode_of_the_file_stays() {
    let f = Fixture::new();
    f.git(&["update-index", "--chmod=+x", STATE]);
    f.git(&["commit", "-qm", "x"]);
    f.put_state("{\"a\": 1}\n", "claim");
    assert!(f.git(&["ls-tree", "HEAD", STATE]).starts_with("100755"));
}

/// The branch moves only from where it was seen.
#[test]
fn a_branch_that_moved_is_left_alone() {
    let f = Fixture::new();
    let old = f.head();
    let mine = f.repo.commit_state(Some(old), Path::new(STATE), b"1\n", "mine").unwrap();
    f.write("README.md", "else\n");
    let theirs = f.commit_all("Else");
    let lost = f.repo.advance("main", Some(old), mine, "claim").unwrap_err();
    assert!(matches!(lost, GitError::Moved { now: Some(now), .. } if now == theirs), "{lost}");
    assert_eq!(f.head(), theirs);
    let create = f.repo.advance("main", None, mine, "claim").unwrap_err();
    assert!(matches!(create, GitError::Moved { expected: None, .. }));
    let gone = f.repo.advance("gone", Some(old), mine, "claim").unwrap_err();
    assert!(matches!(gone, GitError::Moved { now: None, .. }));
    f.repo.advance("fresh", None, mine, "claim").unwrap();
    assert_eq!(f.repo.branch_tip("fresh").unwrap(), Some(mine));
}

/// A packed ref is swapped like a loose one, and the reflog tells why.
#[test]
fn packed_refs_and_the_reflog() {
    let f = Fixture::new();
    f.git(&["pack-refs", "--all"]);
    f.put_state("1\n", "claim");
    assert!(f.git(&["reflog", "-1"]).contains("claim"));
    f.assert_sound();
}

/// A held index lock is an error after a while, and the index is as it was.
#[test]
fn a_locked_index_is_an_error_that_names_the_lock() {
    let f = Fixture::new();
    let lock = f.repo.git_dir().join("index.lock");
    fs::write(&lock, "").unwrap();
    let error = f.repo.mirror_state(Path::new(STATE), b"new\n").unwrap_err();
    assert!(matches!(&error, GitError::Locked { path, .. } if path.ends_with("index.lock")), "{error}");
    fs::remove_file(&lock).unwrap();
    assert_eq!(f.status(), "");
    f.repo.mirror_state(Path::new(STATE), b"new\n").unwrap();
    assert_eq!(f.status(), "MM sync/state.json\n");
}

/// A lock that goes away in time is waited out.
#[test]
fn a_lock_that_goes_away_is_waited_out() {
    let f = Fixture::new();
    let lock = f.repo.git_dir().join("index.lock");
    fs::write(&lock, "").unwrap();
    let holder = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(15));
        fs::remove_file(lock).unwrap();
    });
    f.repo.mirror_state(Path::new(STATE), b"new\n").unwrap();
    holder.join().unwrap();
}

//! G6: what stops a turn, and what is said about it.

use std::fs;
use std::path::Path;

use super::fixture::{Fixture, STATE};
use crate::sync::worktree::{LockOwner, Operation, PreflightError};

fn preflight(f: &Fixture, expected: Option<&str>) -> Result<(), PreflightError> {
    f.repo.preflight(expected, Path::new(STATE)).map(drop)
}

/// Two branches that change README.md differently.
fn forked() -> Fixture {
    let f = Fixture::new();
    f.git(&["switch", "-qc", "side"]);
    f.write("README.md", "side\n");
    f.commit_all("Side");
    f.git(&["switch", "-q", "main"]);
    f.write("README.md", "main\n");
    f.commit_all("Main");
    f
}

#[test]
fn a_clean_branch_passes() {
    let f = Fixture::new();
    let head = f.repo.preflight(Some("main"), Path::new(STATE)).unwrap();
    assert_eq!((head.branch.as_deref(), head.commit), (Some("main"), Some(f.head())));
    preflight(&f, None).unwrap();
    preflight(&Fixture::unborn(), Some("main")).unwrap();
}

/// T21.
#[test]
fn another_branch_or_none_is_refused() {
    let f = Fixture::new();
    let wrong = preflight(&f, Some("work")).unwrap_err();
    assert_eq!(wrong.to_string(), "HEAD is on branch main, not on work");
    assert_eq!(wrong.hint().unwrap(), "git switch work");
    f.git(&["checkout", "-q", "--detach"]);
    let detached = preflight(&f, Some("main")).unwrap_err();
    let short = f.git(&["rev-parse", "--short", "HEAD"]);
    assert_eq!(detached.to_string(), format!("HEAD is detached at {}, not on branch main", short.trim()));
    assert!(matches!(preflight(&f, None), Err(PreflightError::Detached { .. })));
}

/// Every operation is named with the command that leaves it, and that command does leave it.
#[test]
fn operations_in_progress_are_named() {
    let cases: [(&[&str], Operation); 5] = [
        (&["merge", "side"], Operation::Merge),
        (&["rebase", "side"], Operation::Rebase),
        (&["cherry-pick", "side"], Operation::CherryPick),
        (&["revert", "HEAD~1", "--no-commit"], Operation::Revert),
        (&["bisect", "start"], Operation::Bisect),
    ];
    for (command, operation) in cases {
        let f = forked();
        let _ = f.git_ok(command);
        match preflight(&f, Some("main")) {
            Err(error @ PreflightError::Operation { .. }) => {
                assert!(error.to_string().starts_with("a "));
                assert!(error.hint().unwrap().contains(operation.leave()));
            }
            other => panic!("{command:?}: {other:?}"),
        }
        assert_eq!(f.repo.operation(), Some(operation));
        let leave: Vec<&str> = operation.leave().split(' ').skip(1).collect();
        assert!(f.git_ok(&leave), "{leave:?}");
        assert_eq!(f.repo.operation(), None);
    }
}

#[test]
fn a_mailbox_application_is_named() {
    let f = forked();
    let patch = f.git(&["format-patch", "-1", "side", "--stdout"]);
    fs::write(f.beside("p.mbox"), patch).unwrap();
    assert!(!f.git_ok(&["am", f.beside("p.mbox").to_str().unwrap()]));
    assert_eq!(f.repo.operation(), Some(Operation::ApplyMailbox));
}

#[test]
fn conflict_markers_in_the_state_are_refused() {
    let f = Fixture::new();
    f.write(STATE, "{\n<<<<<<< HEAD\n\"a\": 1\n=======\n\"a\": 2\n>>>>>>> x\n}\n");
    match preflight(&f, None) {
        Err(PreflightError::ConflictMarkers { line, .. }) => assert_eq!(line, 2),
        other => panic!("{other:?}"),
    }
    f.write(STATE, "{\"a\": \"<<<<<<<\"}\n");
    preflight(&f, None).unwrap();
}

#[test]
fn a_stale_index_lock_is_reported_with_age_and_owner() {
    let f = Fixture::new();
    let lock = f.repo.git_dir().join("index.lock");
    let held = fs::File::create(&lock).unwrap();
    let made: std::time::SystemTime = jiff::Timestamp::from_second(1_768_879_769 - 3 * 3600).unwrap().into();
    held.set_modified(made).unwrap();
    match preflight(&f, None) {
        Err(PreflightError::IndexLocked { age, owner, .. }) => {
            assert_eq!(age.as_secs(), 3 * 3600);
            if cfg!(target_os = "linux") {
                assert!(
                    matches!(owner, LockOwner::Process { pid, .. } if pid == std::process::id()),
                    "{owner}"
                );
            }
        }
        other => panic!("{other:?}"),
    }
    drop(held);
    let error = preflight(&f, None).unwrap_err();
    if cfg!(target_os = "linux") {
        assert!(error.to_string().ends_with("(3 h old, no process holds it)"), "{error}");
        assert!(error.hint().unwrap().contains("remove"));
    }
    fs::remove_file(lock).unwrap();
    preflight(&f, None).unwrap();
}

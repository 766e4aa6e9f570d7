use std::collections::BTreeSet;
use std::fs;

use super::*;
use crate::ids::{Ids, SystemIds};
use crate::oneshot::error::OneshotError;

fn session(id: &str) -> Session {
    let seat = || Seat { agent: "shell".into(), model: None };
    Session {
        version: VERSION,
        id: id.into(),
        created: "2026-02-03T04:05:06Z".into(),
        updated: "2026-02-03T04:05:06Z".into(),
        state: State::Created,
        task: "do it".into(),
        worker: seat(),
        auditor: seat(),
        iteration: 0,
        max_iterations: 5,
        checks: Vec::new(),
        feedback: None,
        note: None,
        verdict: None,
        run: None,
        trouble: None,
        cost_usd: Some(0.0),
        history: Vec::new(),
    }
}

fn owner(pid: u32) -> Owner {
    Owner { pid, started: "2026-02-03T04:05:06Z".into() }
}

/// O9: what is saved is what is loaded, in private.
#[test]
fn a_record_survives() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::create(dir.path(), "a").unwrap();
    let mut s = session("a");
    s.follow(Event::Start, "2026-02-03T04:05:07Z".into()).unwrap();
    folder.save(&s).unwrap();
    assert_eq!(folder.load().unwrap(), s);
    assert!(s.follow(Event::Done, String::new()).is_err());
    assert_eq!(s.history.len(), 1);
    assert_eq!(fs::metadata(folder.path()).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(matches!(Folder::create(dir.path(), "a"), Err(OneshotError::Io { .. })));
}

/// O9: a crash during a save leaves the old session: the new bytes lie under another name until
/// they are whole.
#[test]
fn a_torn_save_leaves_the_old_record() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::create(dir.path(), "a").unwrap();
    let s = session("a");
    folder.save(&s).unwrap();
    fs::write(folder.path().join(".session.json.tmp"), b"{\"version\": 1, \"id\":").unwrap();
    assert_eq!(folder.load().unwrap(), s);
    assert_eq!(ids(dir.path()), ["a"]);
    folder.save(&s).unwrap();
    assert!(!folder.path().join(".session.json.tmp").exists());
}

/// A save that cannot be done is an error and keeps the old record.
#[test]
fn a_save_that_fails_keeps_the_old_record() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::create(dir.path(), "a").unwrap();
    let mut s = session("a");
    folder.save(&s).unwrap();
    // A folder stands where the temporary file would.
    fs::create_dir(folder.path().join(".session.json.tmp")).unwrap();
    s.iteration = 3;
    assert!(matches!(folder.save(&s), Err(OneshotError::Io { .. })));
    assert_eq!(folder.load().unwrap().iteration, 0);
}

#[test]
fn damaged_and_newer_records_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::create(dir.path(), "a").unwrap();
    let path = folder.path().join("session.json");
    fs::write(&path, "{").unwrap();
    assert!(matches!(folder.load(), Err(OneshotError::Damaged { .. })));
    fs::write(&path, "{\"version\": 9}").unwrap();
    assert!(folder.load().unwrap_err().to_string().contains("newer version"));
}

/// O9: a single writer, named by its pid.
#[test]
fn the_second_owner_is_told_of_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::create(dir.path(), "a").unwrap();
    assert_eq!(folder.holder(), None);
    let lock = folder.lock(&owner(42)).unwrap();
    assert_eq!(folder.holder(), Some(Held(Some(owner(42)))));
    let error = folder.lock(&owner(43)).unwrap_err().to_string();
    assert_eq!(error, "the session is at work: pid 42, since 2026-02-03T04:05:06Z");
    drop(lock);
    folder.lock(&owner(43)).unwrap();
}

#[test]
fn a_session_is_found_by_a_part_of_its_id() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(pick(dir.path(), None), Err(OneshotError::NoSession)));
    for id in ["0190-a", "0191-b", "0191-c"] {
        Folder::create(dir.path(), id).unwrap().save(&session(id)).unwrap();
    }
    let found = |name| pick(dir.path(), name).map_err(|e| e.to_string());
    assert_eq!(found(None), Ok("0191-c".into()));
    assert_eq!(found(Some("0190")), Ok("0190-a".into()));
    assert_eq!(found(Some("-b")), Ok("0191-b".into()));
    assert_eq!(found(Some("0191")), Err("`0191` stands for several sessions: 0191-b, 0191-c".into()));
    assert_eq!(found(Some("")), Err("no session ``".into()));
    assert_eq!(found(Some("../x")), Err("no session `../x`".into()));
}

/// O10: ids are unique within one millisecond, also from several threads.
#[test]
fn fifty_sessions_of_one_millisecond() {
    let dir = tempfile::tempdir().unwrap();
    let made: BTreeSet<String> = std::thread::scope(|scope| {
        let hands: Vec<_> = (0..5)
            .map(|_| {
                scope.spawn(|| {
                    let ids: Vec<String> = (0..10).map(|_| SystemIds.uuid()).collect();
                    for id in &ids {
                        Folder::create(dir.path(), id).unwrap().save(&session(id)).unwrap();
                    }
                    ids
                })
            })
            .collect();
        hands.into_iter().flat_map(|h| h.join().unwrap()).collect()
    });
    assert_eq!(made.len(), 50);
    assert_eq!(ids(dir.path()).len(), 50);
}

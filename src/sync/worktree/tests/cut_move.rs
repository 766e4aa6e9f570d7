//! A kill in the middle of moving the branch.

use std::fs;
use std::path::Path;

use git2::Oid;

use super::fixture::{Fixture, STATE};

/// A branch at a first commit, and a second one to go to.
fn begun() -> (Fixture, Oid, Oid) {
    let f = Fixture::new();
    f.write("kept", "one\n");
    f.write("goes", "one\n");
    let from = f.commit_all("From");
    f.write("kept", "two, and longer\n");
    f.write("comes", "two\n");
    f.git(&["rm", "-q", "goes"]);
    let to = f.commit_all("To");
    f.git(&["reset", "-q", "--hard", &from.to_string()]);
    (f, from, to)
}

fn finish(f: &Fixture) -> bool {
    f.repo.finish_move(Path::new(STATE)).unwrap()
}

/// Whatever was written of it, the next start has all of it.
#[test]
fn a_move_that_was_cut_short_is_finished() {
    let halves: [&dyn Fn(&Fixture); 5] = [
        &|_| (),
        &|f| f.write("kept", "two, and longer\n"),
        &|f| f.write("kept", "two,"),
        &|f| {
            fs::remove_file(f.path("kept")).unwrap();
            fs::remove_file(f.path("goes")).unwrap();
            f.write("comes", "");
        },
        &|f| {
            f.git(&["rm", "-q", "--cached", "goes"]);
            f.write("comes", "two\n");
            f.git(&["add", "comes"]);
        },
    ];
    for half in halves {
        let (f, from, to) = begun();
        drop(f.repo.note_move("main", from, to).unwrap());
        half(&f);
        assert!(finish(&f));
        assert_eq!((f.head(), f.status()), (to, String::new()));
        assert!(!finish(&f), "once");
    }
}

/// What a person wrote meanwhile stays, and so does the branch.
#[test]
fn a_persons_change_is_kept() {
    let (f, from, to) = begun();
    drop(f.repo.note_move("main", from, to).unwrap());
    f.write("kept", "mine\n");
    f.write("comes", "two\n");
    assert!(!finish(&f));
    assert_eq!((f.head(), f.read("kept")), (from, "mine\n".to_owned()));
}

/// A move that came to its end, or a branch that has gone on since: nothing is left to do.
#[test]
fn a_finished_move_is_not_repeated() {
    let (f, from, to) = begun();
    f.repo.follow_branch_to("main", to, Path::new(STATE)).unwrap();
    assert!(!finish(&f));
    drop(f.repo.note_move("main", from, to).unwrap());
    f.write("kept", "mine\n");
    assert!(!finish(&f));
    assert_eq!((f.head(), f.read("kept")), (to, "mine\n".to_owned()));
}

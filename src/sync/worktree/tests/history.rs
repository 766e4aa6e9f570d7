//! What commits tell.

use std::path::Path;

use super::fixture::{Fixture, STATE};
use crate::sync::worktree::DiffStat;

/// T3: a state that a commit removed is not made anew.
#[test]
fn the_commit_that_removed_a_path_is_found() {
    let f = Fixture::new();
    let path = Path::new(STATE);
    assert_eq!(f.repo.removed_by(f.head(), Path::new("never.txt")).unwrap(), None);
    assert_eq!(f.repo.removed_by(f.head(), path).unwrap(), None);
    f.git(&["rm", "-q", STATE]);
    let first = f.commit_all("Remove the state");
    f.write("a.txt", "a\n");
    f.commit_all("Later");
    let by = f.repo.removed_by(f.head(), path).unwrap().unwrap();
    assert_eq!((by.id, by.subject.as_str()), (first, "Remove the state"));
    // Put back and removed again: the newest removal counts.
    f.write(STATE, "{}\n");
    f.commit_all("Back");
    f.git(&["rm", "-q", STATE]);
    let second = f.commit_all("Remove it again");
    assert_eq!(f.repo.removed_by(f.head(), path).unwrap().unwrap().id, second);
}

/// A removal on a merged side branch counts as well.
#[test]
fn a_removal_behind_a_merge_is_found() {
    let f = Fixture::new();
    f.git(&["switch", "-qc", "side"]);
    f.git(&["rm", "-q", STATE]);
    let removal = f.commit_all("Side removal");
    f.git(&["switch", "-q", "main"]);
    f.write("a.txt", "a\n");
    f.commit_all("Main");
    f.git(&["merge", "-q", "--no-edit", "side"]);
    let by = f.repo.removed_by(f.head(), Path::new(STATE)).unwrap().unwrap();
    assert!(by.id == removal || by.id == f.head(), "{}", by.subject);
}

#[test]
fn a_shallow_clone_ends_where_it_ends() {
    let f = Fixture::new();
    f.git(&["rm", "-q", STATE]);
    f.commit_all("Remove");
    f.write("a.txt", "a\n");
    f.commit_all("Later");
    let shallow = f.beside("shallow");
    let url = format!("file://{}", f.top().display());
    f.git(&["clone", "-q", "--depth", "1", &url, shallow.to_str().unwrap()]);
    let repo = super::fixture::open(&shallow);
    let head = repo.head().unwrap().commit.unwrap();
    assert_eq!(repo.removed_by(head, Path::new(STATE)).unwrap(), None);
    assert_eq!(repo.max_epoch(head, None, Path::new(STATE)).unwrap(), None);
}

#[test]
fn tracked_and_ignored() {
    let f = Fixture::new();
    f.write(".gitignore", "*.log\n");
    f.write("a.log", "x");
    f.write("staged.txt", "x");
    f.git(&["add", "staged.txt"]);
    let tracked = |p: &str| f.repo.tracked(Path::new(p)).unwrap();
    assert!(tracked(STATE) && tracked("staged.txt") && !tracked("a.log") && !tracked("nothing"));
    f.git(&["rm", "-q", "--cached", STATE]);
    assert!(tracked(STATE), "HEAD still has it");
    assert!(f.repo.ignored(Path::new("a.log")).unwrap() && !f.repo.ignored(Path::new("README.md")).unwrap());
}

#[test]
fn blobs_stats_and_lines() {
    let f = Fixture::new();
    let from = f.head();
    f.write("README.md", "one\ntwo\n");
    f.write("b\nad.txt", "x\n");
    f.commit_all("First");
    f.put_state("{\"a\": 1}\n", "[SYNC i=1] actor=galph status=running\n");
    let to = f.head();
    let stat = f.repo.diff_stat(Some(from), to, Some(Path::new(STATE))).unwrap();
    let names = vec!["README.md".to_owned(), "\"b\\nad.txt\"".to_owned()];
    assert_eq!(stat, DiffStat { names, insertions: 3, deletions: 1 });
    assert_eq!(f.repo.diff_stat(None, from, None).unwrap().names.len(), 2);
    let lines = f.repo.commits_between(Some(from), to).unwrap();
    let subjects: Vec<_> = lines.iter().map(|l| l.subject.as_str()).collect();
    assert_eq!(subjects, ["First", "[SYNC i=1] actor=galph status=running"]);
    assert_eq!(lines[1].short, f.git(&["rev-parse", "--short", "HEAD"]).trim());
    assert_eq!(f.repo.blob_at(from, Path::new("README.md")).unwrap().unwrap(), b"hello\n");
    assert_eq!(f.repo.blob_at(from, Path::new("sync")).unwrap(), None, "a folder is no file");
    assert_eq!(f.repo.blob_at(from, Path::new("no/such")).unwrap(), None);
    assert_eq!(f.repo.agent_commits(from, to).unwrap().len(), 2);
    assert!(f.repo.descends(to, from).unwrap() && !f.repo.descends(from, to).unwrap());
}

/// G4: the last epoch is found behind commits that tell none, or tell it falsely.
#[test]
fn the_last_epoch_of_the_line() {
    let f = Fixture::new();
    let state = Path::new(STATE);
    let epoch = |known| f.repo.max_epoch(f.head(), known, state).unwrap();
    assert_eq!(epoch(None), None);
    f.put_state("1\n", "[SYNC i=1] actor=galph status=running\n\nEpoch: 6\n");
    let claim =
        f.put_state("2\n", "[SYNC i=1] actor=galph → next=ralph status=ok galph_commit=abc\n\nEpoch: 7\n");
    assert_eq!(epoch(None), Some(7));
    f.put_state("3\n", "[SYNC i=1] actor=ralph status=running\n");
    f.write("README.md", "work\n");
    f.commit_all("[SYNC i=1] actor=ralph status=running\n\nEpoch: 3");
    assert_eq!(epoch(None), Some(7), "an agent's words do not count");
    f.git(&["commit", "-q", "--allow-empty", "-m", "Quote\n\nEpoch: 99"]);
    assert_eq!(epoch(None), Some(7));
    assert_eq!(epoch(Some(claim)), None, "nothing newer than what is known");
}

/// Trailers are in the form that git itself reads.
#[test]
fn git_reads_our_trailers() {
    use crate::ids::RoleId;
    use crate::sync::message::{StateMessage, Step, Trailers};
    let f = Fixture::new();
    let trailers = Trailers { turn_id: Some("0198".into()), epoch: Some(4), ..Trailers::default() };
    let actor = RoleId::parse("galph").unwrap();
    let message = StateMessage { step: Step::Running, actor, iteration: 2, trailers };
    f.put_state("1\n", &message.render(None));
    assert_eq!(f.git(&["log", "-1", "--format=%(trailers:key=Epoch,valueonly)"]).trim(), "4");
    assert_eq!(f.git(&["log", "-1", "--format=%s"]).trim(), "[SYNC i=2] actor=galph status=running");
}

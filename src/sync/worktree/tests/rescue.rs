//! G11: work that cannot be published is kept, and the branch goes back.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::fixture::{Fixture, STATE};
use crate::sync::worktree::{GitError, Oid, merge_command};

const CLAIMED: &str = "{\"status\": \"running-ralph\"}\n";

fn claimed() -> (Fixture, Oid) {
    let f = Fixture::new();
    f.write("src/lib.rs", "one\n");
    f.commit_all("Code");
    let claim = f.put_state(CLAIMED, "[SYNC i=1] actor=ralph status=running\n");
    (f, claim)
}

fn leave(f: &Fixture, claim: Oid) -> Result<(), GitError> {
    f.repo.leave_branch_at("main", claim, Path::new(STATE), &BTreeSet::new())
}

fn rescue(f: &Fixture, claim: Oid) -> Vec<String> {
    let all = f.repo.rescue_all("turn-1", "main", claim, Path::new(STATE)).unwrap();
    all.into_iter().map(|r| r.reference).collect()
}

fn assert_at_claim(f: &Fixture, claim: Oid) {
    let head = f.repo.head().unwrap();
    assert_eq!((head.branch.as_deref(), head.commit), (Some("main"), Some(claim)));
    assert_eq!(f.repo.operation(), None);
    assert_eq!(f.read(STATE), CLAIMED);
    f.assert_sound();
}

#[test]
fn a_second_rescue_of_a_turn_gets_a_number() {
    let (f, claim) = claimed();
    f.write("a", "1");
    let one = f.commit_all("One");
    f.write("a", "2");
    let two = f.commit_all("Two");
    assert_eq!(f.repo.rescue("t", one).unwrap(), "refs/orchestrator/rescue/t");
    assert_eq!(f.repo.rescue("t", two).unwrap(), "refs/orchestrator/rescue/t-2");
    assert_eq!(f.repo.rescue("t", one).unwrap(), "refs/orchestrator/rescue/t");
    assert_eq!(f.repo.rescue("t", claim).unwrap(), "refs/orchestrator/rescue/t-3");
    let names: Vec<_> = f.repo.unmerged_rescues(one).unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["refs/orchestrator/rescue/t-2"]);
    assert_eq!(merge_command(&names[0]), "git merge refs/orchestrator/rescue/t-2");
    assert!(matches!(f.repo.rescue("../x", one), Err(GitError::BadRefName(_))));
}

/// The agent amended the claim.
#[test]
fn a_rewritten_branch_goes_back() {
    let (f, claim) = claimed();
    f.write("src/lib.rs", "two\n");
    f.write("new.rs", "new\n");
    f.git(&["add", "-A"]);
    f.git(&["commit", "-q", "--amend", "--no-edit"]);
    let amended = f.head();
    f.write("README.md", "uncommitted\n");
    f.write("stray.txt", "stray\n");
    f.git(&["add", "stray.txt"]);
    let kept = rescue(&f, claim);
    assert_eq!(kept, ["refs/orchestrator/rescue/turn-1"]);
    assert_eq!(rescue(&f, claim), kept, "again makes no second ref");
    assert_eq!(f.git(&["show", &format!("{}:README.md", kept[0])]), "uncommitted\n");
    assert_eq!(f.git(&["rev-parse", &format!("{}^", kept[0])]).trim(), amended.to_string());
    leave(&f, claim).unwrap();
    assert_at_claim(&f, claim);
    assert_eq!(f.read("src/lib.rs"), "one\n");
    assert!(!f.path("new.rs").exists());
    assert_eq!(f.status(), " M README.md\nA  stray.txt\n", "changed files stay, staged as they were");
}

/// The agent left the branch.
#[test]
fn another_branch_is_left_where_it_is() {
    let (f, claim) = claimed();
    f.git(&["switch", "-qc", "feature"]);
    f.write("src/lib.rs", "two\n");
    let work = f.commit_all("Feature");
    rescue(&f, claim);
    leave(&f, claim).unwrap();
    assert_at_claim(&f, claim);
    assert_eq!(f.repo.branch_tip("feature").unwrap(), Some(work));
    assert_eq!(f.status(), "");
}

/// A file changed since, where the move would overwrite it, stops everything by name.
#[test]
fn a_changed_file_in_the_way_stops() {
    let (f, claim) = claimed();
    f.git(&["checkout", "-q", "--detach", "HEAD~1"]);
    f.write("src/lib.rs", "two\n");
    f.write("more.rs", "m\n");
    let head = f.commit_all("Work");
    f.write("src/lib.rs", "three\n");
    let error = leave(&f, claim).unwrap_err();
    assert!(
        matches!(&error, GitError::InTheWay { paths } if *paths == [PathBuf::from("src/lib.rs")]),
        "{error}"
    );
    assert_eq!(f.head(), head, "nothing was changed");
    assert!(f.path("more.rs").exists());
    assert_eq!(f.read("src/lib.rs"), "three\n");
    // What already is as it is to become is no obstacle: a second try after a crash gets through.
    f.write("src/lib.rs", "one\n");
    leave(&f, claim).unwrap();
    assert_at_claim(&f, claim);
    assert_eq!(f.status(), "");
}

/// An untracked or ignored file where a file of the claim belongs.
#[test]
fn an_untracked_file_in_the_way_stops() {
    let (f, claim) = claimed();
    f.git(&["rm", "-q", "-r", "src"]);
    f.write(".gitignore", "src\n");
    f.git(&["add", "-A"]);
    f.git(&["commit", "-q", "--amend", "-m", "Gone"]);
    f.write("src/lib.rs", "other\n");
    let error = leave(&f, claim).unwrap_err();
    assert!(
        matches!(&error, GitError::InTheWay { paths } if *paths == [PathBuf::from("src/lib.rs")]),
        "{error}"
    );
    fs::remove_file(f.path("src/lib.rs")).unwrap();
    leave(&f, claim).unwrap();
    assert_eq!(f.read("src/lib.rs"), "one\n");
    assert_at_claim(&f, claim);
}

/// Folders and files that changed places go back, unless something uncommitted lies there.
#[test]
fn a_folder_where_a_file_was() {
    let (f, claim) = claimed();
    f.git(&["rm", "-q", "README.md"]);
    f.write("README.md/inner.md", "inner\n");
    f.commit_all("Folder");
    f.write("README.md/stray.md", "stray\n");
    let error = leave(&f, claim).unwrap_err();
    assert!(matches!(error, GitError::InTheWay { .. }), "{error}");
    fs::remove_file(f.path("README.md/stray.md")).unwrap();
    leave(&f, claim).unwrap();
    assert_eq!(f.read("README.md"), "hello\n");
    assert_at_claim(&f, claim);
    assert_eq!(f.status(), "");
}

/// A rebase left open: HEAD, the branch and the stash of the operation are all kept.
#[test]
fn an_open_rebase_is_rescued_and_left() {
    let (f, claim) = claimed();
    f.git(&["switch", "-qc", "side", "HEAD~1"]);
    f.write("src/lib.rs", "side\n");
    f.commit_all("Side");
    f.git(&["switch", "-q", "main"]);
    f.write("src/lib.rs", "main\n");
    let work = f.commit_all("Work");
    f.write("README.md", "stashed\n");
    assert!(!f.git_ok(&["rebase", "--autostash", "side"]));
    assert_eq!(f.repo.head().unwrap().branch, None);
    let refs = rescue(&f, claim);
    assert_eq!(rescue(&f, claim), refs);
    let contains = |commit: &str| refs.iter().any(|r| f.git_ok(&["merge-base", "--is-ancestor", commit, r]));
    assert!(contains(&work.to_string()) && contains("side"));
    let stashed = refs.iter().any(|r| f.git(&["show", &format!("{r}:README.md")]) == "stashed\n");
    assert!(stashed, "{refs:?}");
    let markers = refs.iter().any(|r| f.git(&["show", &format!("{r}:src/lib.rs")]).contains("<<<<<<<"));
    assert!(markers, "the half-resolved file is kept too");
    leave(&f, claim).unwrap();
    assert_at_claim(&f, claim);
    assert_eq!(f.status(), "");
}

/// T7a: files of the turn go back too, those that were dirty before stay.
#[test]
fn discarded_files_go_back() {
    let (f, claim) = claimed();
    f.write("README.md", "before\n");
    f.write("src/lib.rs", "two\n");
    f.commit_all("Work");
    f.write("README.md", "a person's\n");
    f.git(&["checkout", "-q", &claim.to_string(), "--", "README.md"]);
    f.write("notes.txt", "a person's\n");
    f.write("src/lib.rs", "three\n");
    f.write("src/deep/new.rs", "new\n");
    let discard = BTreeSet::from(["src/lib.rs".into(), "src/deep/new.rs".into()]);
    rescue(&f, claim);
    f.repo.leave_branch_at("main", claim, Path::new(STATE), &discard).unwrap();
    assert_at_claim(&f, claim);
    assert_eq!(f.read("src/lib.rs"), "one\n");
    assert!(!f.path("src/deep").exists());
    assert_eq!(f.status(), "?? notes.txt\n");
}

/// Nothing at risk: no ref.
#[test]
fn nothing_to_rescue() {
    let (f, claim) = claimed();
    f.write(STATE, "{\"exit\": true}\n");
    assert_eq!(rescue(&f, claim), [""; 0]);
    leave(&f, claim).unwrap();
    assert_at_claim(&f, claim);
    f.write("stray.txt", "x");
    assert_eq!(rescue(&f, claim).len(), 1, "files alone are kept as well");
}

/// A folder with uncommitted files where a committed file was: the files stay.
#[test]
fn a_folder_in_the_place_of_a_file_that_goes() {
    let (f, claim) = claimed();
    f.write("place", "file\n");
    f.commit_all("File");
    fs::remove_file(f.path("place")).unwrap();
    f.write("place/stray.txt", "stray\n");
    leave(&f, claim).unwrap();
    assert_at_claim(&f, claim);
    assert_eq!(f.read("place/stray.txt"), "stray\n");
    assert_eq!(f.status(), "?? place/\n");
}

/// A state file that is not committed is kept, even if the agent committed it.
#[test]
fn a_state_that_is_not_committed_stays() {
    let f = Fixture::unborn();
    f.write("README.md", "x\n");
    let start = f.commit_all("Begin");
    f.write(STATE, CLAIMED);
    f.git(&["checkout", "-q", "--detach"]);
    f.commit_all("Everything");
    f.repo.leave_branch_at("main", start, Path::new(STATE), &BTreeSet::new()).unwrap();
    assert_at_claim(&f, start);
    assert_eq!(f.status(), "?? sync/\n");
}

/// Nothing but HEAD differs: no file is touched.
#[test]
fn a_detached_head_at_the_claim() {
    let f = Fixture::unborn();
    f.write("README.md", "x\n");
    let start = f.commit_all("Begin");
    f.git(&["checkout", "-q", "--detach"]);
    f.write("README.md", "changed\n");
    f.repo.leave_branch_at("main", start, Path::new(STATE), &BTreeSet::new()).unwrap();
    assert_eq!(f.status(), " M README.md\n");
    assert_eq!(f.repo.head().unwrap().branch.as_deref(), Some("main"));
}

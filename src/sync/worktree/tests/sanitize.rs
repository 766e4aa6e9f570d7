//! G11: an agent's commits without what they did to the state file.

use std::path::Path;

use super::fixture::{Fixture, STATE};
use crate::sync::worktree::{GitError, Oid, Sanitized};

const CLAIMED: &str = "{\"status\": \"running-ralph\"}\n";
const MEDDLED: &str = "{\"exit\": true}\n";

fn claimed() -> (Fixture, Oid) {
    let f = Fixture::new();
    let claim = f.put_state(CLAIMED, "[SYNC i=1] actor=ralph status=running\n");
    (f, claim)
}

fn sanitize(f: &Fixture, claim: Oid) -> Sanitized {
    let head = f.head();
    let done = f.repo.sanitize(claim, head, Path::new(STATE)).unwrap();
    f.repo.advance("main", Some(head), done.head, "sanitize").unwrap();
    // The rule itself: no commit of the first-parent line touches the state.
    let range = format!("{claim}..main");
    assert_eq!(
        f.git(&["log", "--first-parent", "--format=%H", "--diff-merges=first-parent", &range, "--", STATE]),
        ""
    );
    assert_eq!(f.git(&["show", &format!("main:{STATE}")]), CLAIMED);
    f.assert_sound();
    done
}

fn subjects(f: &Fixture, claim: Oid) -> Vec<String> {
    let range = format!("{claim}..main");
    let log = f.git(&["log", "--first-parent", "--reverse", "--format=%s", &range]);
    log.lines().map(str::to_owned).collect()
}

#[test]
fn honest_work_is_left_as_it_is() {
    let (f, claim) = claimed();
    assert!(!sanitize(&f, claim).changed);
    f.write("a.txt", "a\n");
    let head = f.commit_all("Work");
    assert_eq!(sanitize(&f, claim), Sanitized { head, changed: false, agent_state: None });
}

#[test]
fn state_changes_go_and_work_stays() {
    let (f, claim) = claimed();
    f.write("a.txt", "a\n");
    f.write(STATE, MEDDLED);
    f.git(&["add", "-A"]);
    let author = "--author=Zo\u{eb} <z@x>";
    f.git(&["commit", "-qm", "Work\n\nBody", author, "--date=2020-01-02T03:04:05+0200"]);
    f.write("b.txt", "b\n");
    f.commit_all("More");
    let before = f.git(&["log", "-2", "--format=%an %ae %aI %cn %cI %B"]);
    let done = sanitize(&f, claim);
    assert!(done.changed);
    assert_eq!(done.agent_state.as_deref(), Some(MEDDLED.as_bytes()));
    assert_eq!(f.git(&["log", "-2", "--format=%an %ae %aI %cn %cI %B"]), before);
    assert_eq!(f.git(&["show", "main:a.txt", "main:b.txt"]), "a\nb\n");
    assert_eq!(f.git(&["rev-parse", "main~2"]).trim(), claim.to_string());
}

/// A commit that holds nothing else is dropped; a `[SYNC` subject makes no state commit.
#[test]
fn a_commit_of_the_state_alone_is_dropped() {
    let (f, claim) = claimed();
    f.write("a.txt", "a\n");
    f.commit_all("Work");
    f.write(STATE, MEDDLED);
    f.commit_all("[SYNC i=9] actor=ralph status=running");
    f.git(&["commit", "-q", "--allow-empty", "-m", "Empty on purpose"]);
    f.git(&["rm", "-q", STATE]);
    f.commit_all("Remove the state");
    let done = sanitize(&f, claim);
    assert_eq!(subjects(&f, claim), ["Work", "Empty on purpose"]);
    assert_eq!(done.agent_state.as_deref(), Some(MEDDLED.as_bytes()), "a removal takes nothing back");
}

/// What a later commit set right again is no wish of the agent.
#[test]
fn a_change_that_was_taken_back() {
    let (f, claim) = claimed();
    f.write(STATE, MEDDLED);
    f.commit_all("Exit");
    f.write("a.txt", "a\n");
    f.write(STATE, CLAIMED);
    f.commit_all("Not yet, and work");
    let done = sanitize(&f, claim);
    assert_eq!(subjects(&f, claim), ["Not yet, and work"]);
    assert_eq!(done.agent_state, None);
}

/// `git commit -a` on a tree whose state file is still the one before the claim.
#[test]
fn a_reverted_claim_is_restored() {
    let (f, claim) = claimed();
    f.write("a.txt", "a\n");
    f.write(STATE, "{}\n");
    f.commit_all("Work that reverts the claim");
    sanitize(&f, claim);
    assert_eq!(subjects(&f, claim), ["Work that reverts the claim"]);
}

#[test]
fn merges_keep_their_other_parents() {
    let (f, claim) = claimed();
    f.git(&["switch", "-qc", "side"]);
    f.write("side.txt", "s\n");
    f.write(STATE, MEDDLED);
    let side = f.commit_all("Side");
    f.git(&["switch", "-q", "main"]);
    f.write("a.txt", "a\n");
    f.commit_all("Work");
    f.git(&["merge", "-q", "--no-edit", "side"]);
    let done = sanitize(&f, claim);
    assert!(done.changed);
    assert_eq!(f.git(&["rev-parse", "main^2"]).trim(), side.to_string());
    assert_eq!(f.git(&["show", "main:side.txt", "main:a.txt"]), "s\na\n");
    assert_eq!(subjects(&f, claim), ["Work", "Merge branch 'side'"]);
}

/// The agent merged the branch into its own: the claim gets back to the branch's line.
#[test]
fn a_claim_off_the_first_parent_line() {
    let (f, claim) = claimed();
    f.git(&["switch", "-qc", "own", "HEAD~1"]);
    f.write("own.txt", "o\n");
    f.commit_all("Own");
    f.git(&["merge", "-q", "--no-edit", "main"]);
    let theirs = f.head();
    f.git(&["branch", "-f", "main", "own"]);
    f.git(&["switch", "-q", "main"]);
    sanitize(&f, claim);
    assert_eq!(f.git(&["rev-parse", "main^1"]).trim(), claim.to_string());
    assert_eq!(f.git(&["rev-parse", "main^2"]).trim(), theirs.to_string());
    assert_eq!(f.git(&["show", "main:own.txt"]), "o\n");
    let again = f.repo.sanitize(claim, f.head(), Path::new(STATE)).unwrap();
    assert!(!again.changed, "once is enough");
}

/// An amended claim is not a descendant: that work is to be rescued.
#[test]
fn an_amended_claim_does_not_descend() {
    let (f, claim) = claimed();
    f.write("a.txt", "a\n");
    f.git(&["add", "-A"]);
    f.git(&["commit", "-q", "--amend", "--no-edit"]);
    let error = f.repo.sanitize(claim, f.head(), Path::new(STATE)).unwrap_err();
    assert!(matches!(error, GitError::NotDescendant { .. }), "{error}");
}

/// Neither the working tree nor the index is looked at or changed.
#[test]
fn tree_and_index_are_not_touched() {
    let (f, claim) = claimed();
    f.write(STATE, MEDDLED);
    f.commit_all("Exit");
    f.write("staged.txt", "s\n");
    f.git(&["add", "staged.txt"]);
    // Of another length: a change of the same length within one tick of the clock is git's own
    // "racy" case, and none of this test's.
    f.write("README.md", "dirty, and longer than before\n");
    sanitize(&f, claim);
    assert_eq!(f.read(STATE), MEDDLED);
    f.write(STATE, CLAIMED);
    f.repo.mirror_state(Path::new(STATE), CLAIMED.as_bytes()).unwrap();
    assert_eq!(f.status(), " M README.md\nA  staged.txt\n");
}

/// A signature over what was rewritten no longer holds and goes; other headers stay.
#[test]
fn a_state_that_is_not_committed_stays_out() {
    let f = Fixture::unborn();
    f.write("README.md", "x\n");
    let claim = f.commit_all("Begin");
    f.write(STATE, MEDDLED);
    f.write("a.txt", "a\n");
    f.commit_all("Everything");
    let done = f.repo.sanitize(claim, f.head(), Path::new(STATE)).unwrap();
    assert_eq!(f.git(&["ls-tree", "-r", "--name-only", &done.head.to_string()]), "README.md\na.txt\n");
}

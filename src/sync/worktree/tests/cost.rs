//! G20: what a turn's own git work costs.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::fixture::{Fixture, STATE};

/// No walk of the tree on the claim path: a state commit does not even need the other folders'
/// objects.
#[test]
fn a_state_commit_reads_no_other_folder() {
    let f = Fixture::new();
    f.write("src/deep/file.rs", "x\n");
    let head = f.commit_all("Code");
    let tree = f.git(&["rev-parse", "HEAD:src"]);
    let (folder, file) = tree.trim().split_at(2);
    fs::remove_file(f.repo.git_dir().join("objects").join(folder).join(file)).unwrap();
    fs::remove_dir_all(f.path("src")).unwrap();
    let claim = f.repo.commit_state(Some(head), Path::new(STATE), b"1\n", "claim").unwrap();
    f.repo.advance("main", Some(head), claim, "claim").unwrap();
    f.repo.mirror_state(Path::new(STATE), b"1\n").unwrap();
    assert_eq!(
        f.git(&["diff-tree", "-r", "--name-only", "--no-commit-id", "HEAD^:sync", "HEAD:sync"]),
        "state.json\n"
    );
}

/// Claim, stamp and two looks at the tree against the same steps done by the git program, in one
/// run: the ratio holds on a slow machine too.
#[test]
fn a_turn_costs_half_of_what_git_takes() {
    let f = Fixture::new();
    for n in 0..50 {
        f.write(&format!("src/{n}.rs"), "x\n");
    }
    f.commit_all("Code");
    let timed = |work: &dyn Fn(&str)| {
        let start = Instant::now();
        work("running");
        work("ok");
        start.elapsed()
    };
    let ours = |step: &str| {
        f.put_state(&format!("{{\"ours\": \"{step}\"}}\n"), "[SYNC i=1] actor=galph status=running\n");
        assert!(f.repo.dirty().unwrap().is_empty());
    };
    let gits = |step: &str| {
        f.write(STATE, &format!("{{\"git\": \"{step}\"}}\n"));
        f.git(&["commit", "-qm", "x", "--", STATE]);
        assert_eq!(f.status(), "");
    };
    let rounds: Vec<(Duration, Duration)> = (0..5).map(|_| (timed(&ours), timed(&gits))).collect();
    let best = |pick: fn(&(Duration, Duration)) -> Duration| rounds.iter().map(pick).min().unwrap();
    let (ours, gits) = (best(|r| r.0), best(|r| r.1));
    println!("{ours:?} against {gits:?}");
    assert!(ours * 2 < gits, "{ours:?} against {gits:?}");
}

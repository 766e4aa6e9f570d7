//! G20: what a turn's own git work costs.

use std::fs;
use std::path::Path;

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

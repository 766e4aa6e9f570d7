//! Which file counts and what the root is (T32).

use std::path::Path;

use super::*;

#[test]
fn the_file_is_searched_upward_to_the_repository() {
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("a/b");
    fs::create_dir_all(&inner).unwrap();
    fs::write(dir.path().join(FILE_NAME), "tmp_dir: x\n").unwrap();
    assert_eq!(load(&inner, None, &[], &[]).unwrap().root, dir.path());
    fs::create_dir(dir.path().join("a/.git")).unwrap();
    let loaded = load(&inner, None, &[], &[]).unwrap();
    assert_eq!((loaded.root, loaded.file), (dir.path().join("a"), None));
}

#[test]
fn a_named_file_must_be_there_and_makes_its_folder_the_root() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("sub")).unwrap();
    fs::write(dir.path().join("sub/other.yaml"), "tmp_dir: x\n").unwrap();
    let loaded = load(dir.path(), Some("sub/other.yaml".as_ref()), &[], &[]).unwrap();
    assert_eq!(loaded.root, dir.path().join("sub"));
    assert_eq!(loaded.config.tmp_dir, "x");
    let missing = load(dir.path(), Some("none.yaml".as_ref()), &[], &[]).unwrap_err();
    assert!(matches!(missing, ConfigError::NotFound { .. }));
    assert!(missing.to_string().ends_with("none.yaml: no such file"));
}

/// What stands under the name but cannot be read is an error, not a reason to run with defaults.
#[test]
fn an_unreadable_file_is_not_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE_NAME);
    let error = |dir: &Path| load(dir, None, &[], &[]).unwrap_err();
    std::os::unix::fs::symlink("nowhere", &path).unwrap();
    assert!(matches!(error(dir.path()), ConfigError::NotFound { .. }));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(matches!(error(dir.path()), ConfigError::Io { .. }));
    fs::remove_dir(&path).unwrap();
    fs::write(&path, b"tmp_dir: \xff\n").unwrap();
    assert_eq!(error(dir.path()).lines(), ["orchestration.yaml: not UTF-8 text"]);
}

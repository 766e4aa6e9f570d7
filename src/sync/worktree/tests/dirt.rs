//! What counts as dirty, compared with git's own status.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::fixture::Fixture;
use crate::sync::worktree::{Dirty, Kind};

fn kinds(f: &Fixture) -> Vec<(String, Kind)> {
    f.repo.dirty().unwrap().into_iter().map(|d| (d.text(), d.kind)).collect()
}

fn one(f: &Fixture, path: &str) -> Dirty {
    let all = f.repo.dirty().unwrap();
    all.iter().find(|d| d.path == Path::new(path)).unwrap_or_else(|| panic!("{path} not in {all:?}")).clone()
}

#[test]
fn every_kind_of_change() {
    let f = Fixture::new();
    for name in ["mod.txt", "gone.txt", "link.txt", "exec.txt", "cached.txt", "moved.txt"] {
        f.write(name, &format!("content of {name}\n"));
    }
    f.commit_all("Files");
    f.write("mod.txt", "changed\n");
    fs::remove_file(f.path("gone.txt")).unwrap();
    fs::remove_file(f.path("link.txt")).unwrap();
    symlink("mod.txt", f.path("link.txt")).unwrap();
    fs::set_permissions(f.path("exec.txt"), fs::Permissions::from_mode(0o755)).unwrap();
    f.git(&["rm", "-q", "--cached", "cached.txt"]);
    f.git(&["mv", "moved.txt", "new name.txt"]);
    f.write("deep/er/untracked.txt", "1234567");
    f.write("added.txt", "x");
    f.git(&["add", "added.txt"]);
    f.write("-dash", "x");
    f.write("new\nline", "x");
    let expected = [
        ("-dash", Kind::Untracked),
        ("added.txt", Kind::Added),
        ("cached.txt", Kind::Deleted),
        ("deep/er/untracked.txt", Kind::Untracked),
        ("exec.txt", Kind::Modified),
        ("gone.txt", Kind::Deleted),
        ("link.txt", Kind::TypeChange),
        ("mod.txt", Kind::Modified),
        ("moved.txt", Kind::Deleted),
        ("new name.txt", Kind::Added),
        ("\"new\\nline\"", Kind::Untracked),
    ];
    let mut expected: Vec<_> = expected.iter().map(|(p, k)| ((*p).to_owned(), *k)).collect();
    let mut found = kinds(&f);
    expected.sort_by(|a, b| a.0.cmp(&b.0));
    found.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(found, expected);
    assert_eq!(one(&f, "deep/er/untracked.txt").size, 7);
    assert!(one(&f, "added.txt").staged && !one(&f, "mod.txt").staged);
}

#[test]
fn a_clean_tree_an_unborn_branch_and_ignored_files() {
    let f = Fixture::new();
    assert_eq!(kinds(&f), []);
    f.write(".gitignore", "*.log\nbuild/\n");
    f.commit_all("Ignore");
    f.write("a.log", "x");
    f.write("build/out", "x");
    f.write("plans/reports/r.log", "x");
    f.write("plans/new.md", "x");
    assert_eq!(kinds(&f), [("plans/new.md".to_owned(), Kind::Untracked)]);
    let ignored = |folders: &[&str]| -> Vec<String> {
        let folders: Vec<PathBuf> = folders.iter().map(PathBuf::from).collect();
        f.repo.ignored_files(&folders).unwrap().iter().map(Dirty::text).collect()
    };
    assert_eq!(ignored(&["plans"]), ["plans/reports/r.log"]);
    assert_eq!(ignored(&["build", "nothing"]), ["build/out"]);
    assert_eq!(ignored(&[]), [""; 0]);
    let f = Fixture::unborn();
    f.write("a", "x");
    assert_eq!(kinds(&f), [("a".to_owned(), Kind::Untracked)]);
}

/// T23: submodules and repositories inside this one are flagged and not entered.
#[test]
fn submodules_and_nested_repositories_are_flagged() {
    let f = Fixture::new();
    let library = f.beside("library");
    fs::create_dir(&library).unwrap();
    f.git_in(&library, &["init", "-q", "-b", "main"]);
    f.git_in(
        &library,
        &["-c", "user.name=A", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "x"],
    );
    let url = library.to_str().unwrap();
    f.git(&["-c", "protocol.file.allow=always", "submodule", "add", "-q", url, "sub"]);
    f.git(&["commit", "-qam", "Submodule"]);
    assert_eq!(kinds(&f), []);
    f.write("sub/inside.txt", "x");
    f.git(&["clone", "-q", url, "nested"]);
    f.write("nested/file.txt", "x");
    f.git(&["init", "-q", "young"]);
    f.write("young/file.txt", "x");
    for path in ["sub", "nested", "young"] {
        assert!(one(&f, path).submodule, "{path}");
    }
    assert_eq!(kinds(&f).len(), 3);
    fs::remove_dir_all(f.path("sub")).unwrap();
    assert!(one(&f, "sub").submodule, "also when its folder is gone");
}

/// T23: what only the git program can convert is flagged.
#[test]
fn filtered_paths_are_flagged() {
    let f = Fixture::new();
    f.write(
        ".gitattributes",
        "*.bin filter=lfs diff=lfs merge=lfs -text\n*.utf16 working-tree-encoding=UTF-16\n*.t text\n",
    );
    f.commit_all("Attributes");
    for name in ["a.bin", "b.utf16", "c.t"] {
        f.write(name, "x");
    }
    assert!(one(&f, "a.bin").filtered && one(&f, "b.utf16").filtered && !one(&f, "c.t").filtered);
}

/// What the index is told not to look at is not dirty: a sparse checkout would otherwise be
/// committed as a deletion of everything outside of it.
#[test]
fn sparse_and_assumed_files_are_not_dirty() {
    let f = Fixture::new();
    for name in ["in/a", "out/b", "assumed"] {
        f.write(name, "x\n");
    }
    f.commit_all("Files");
    f.git(&["sparse-checkout", "set", "--no-cone", "/in/", "/assumed", "/sync/", "/README.md"]);
    assert!(!f.path("out/b").exists());
    f.git(&["update-index", "--assume-unchanged", "assumed"]);
    fs::remove_file(f.path("assumed")).unwrap();
    assert_eq!(f.status(), "");
    assert_eq!(kinds(&f), []);
}

/// The index's file times are refreshed; a held lock is no reason to fail.
#[test]
fn a_look_refreshes_the_index_and_survives_its_lock() {
    let f = Fixture::new();
    fs::write(f.path("README.md"), "hello\n").unwrap();
    let lock = f.repo.git_dir().join("index.lock");
    fs::write(&lock, "").unwrap();
    assert_eq!(kinds(&f), []);
    fs::remove_file(lock).unwrap();
    assert_eq!(kinds(&f), []);
    assert_eq!(f.git(&["diff-files", "--name-only"]), "", "the new file times are in the index");
}

#[test]
fn names_that_are_not_text() {
    let f = Fixture::new();
    let name = std::ffi::OsStr::from_bytes(b"bad\xff.txt");
    if fs::write(f.top().join(name), "x").is_err() {
        return; // A file system that takes only UTF-8.
    }
    assert_eq!(kinds(&f), [("\"bad\\377.txt\"".to_owned(), Kind::Untracked)]);
    assert_eq!(f.repo.dirty().unwrap()[0].path, Path::new(name));
}

#[test]
fn a_file_that_is_a_pipe_is_passed_over() {
    let f = Fixture::new();
    rustix::fs::mknodat(rustix::fs::CWD, f.path("pipe"), rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .unwrap();
    assert_eq!(kinds(&f), []);
    f.repo.snapshot(&[], "files").unwrap();
}

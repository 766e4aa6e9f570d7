//! Linked worktrees: a folder and a branch of its own for each of several agents (workstreams.md W4).

use std::fs;
use std::path::{Path, PathBuf};

use git2::WorktreeAddOptions;

use super::dirty::{Dirty, Kind};
use super::error::{Doing, GitError};
use super::open::Repo;
use super::path::path_text;
use super::secrets;

/// What was committed of a linked worktree, and what stayed behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// The branch has commits that its beginning does not have.
    pub committed: bool,
    /// Files that stayed uncommitted, with the reason.
    pub left: Vec<(PathBuf, &'static str)>,
}

impl Repo {
    /// Makes a worktree at `path`, on a new branch at HEAD. `name` is the worktree's own, without a slash.
    ///
    /// # Errors
    /// No commit to begin from; the branch, the name or the folder exists.
    pub fn add_linked(&self, name: &str, branch: &str, path: &Path) -> Result<(), GitError> {
        let make = || -> Result<(), git2::Error> {
            let start = self.git.head()?.peel_to_commit()?;
            let branch = self.git.branch(branch, &start, false)?.into_reference();
            let mut options = WorktreeAddOptions::new();
            options.reference(Some(&branch));
            self.git.worktree(name, path, Some(&options)).map(drop)
        };
        let parent = path.parent().unwrap_or(path);
        fs::create_dir_all(parent).map_err(|source| GitError::Io { path: parent.into(), source })?;
        make().doing("make a worktree")
    }

    /// Commits what an agent left uncommitted here, but for what looks secret or only git itself can commit.
    pub fn commit_leftovers(&self, message: &str) -> Result<Kept, GitError> {
        let dirty = self.dirty()?;
        let mut kept = Kept::default();
        let mut files: Vec<&Dirty> = Vec::new();
        for file in &dirty {
            match self.objection(file) {
                None => files.push(file),
                Some(why) => kept.left.push((file.path.clone(), why)),
            }
        }
        if !files.is_empty() {
            kept.committed = self.commit_files(&self.head()?, &files, message)?.is_some();
        }
        Ok(kept)
    }

    fn objection(&self, file: &Dirty) -> Option<&'static str> {
        if file.submodule {
            return Some("another repository");
        }
        if file.filtered {
            return Some("needs a filter that only git runs");
        }
        if file.kind == Kind::Deleted {
            return None;
        }
        let content = || secrets::in_file(&self.top().join(&file.path)).unwrap_or(Some("cannot be read"));
        secrets::in_name(&file.path).or_else(content)
    }
}

impl Kept {
    /// The files that stayed, in words.
    pub fn left_words(&self) -> String {
        let words = self.left.iter().map(|(path, why)| format!("{} ({why})", path_text(path)));
        words.collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::tests::fixture::Fixture;
    use super::*;
    use crate::clock::SystemClock;

    /// W4: each has its own branch; a secret stays where it is.
    #[test]
    fn leftovers_become_commits_of_a_branch() {
        let f = Fixture::new();
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("deep/one");
        f.repo.add_linked("one", "orchestrator/r/one", &path).unwrap();
        assert!(f.repo.add_linked("one", "orchestrator/r/one", &path).is_err(), "twice");
        fs::write(path.join("new.txt"), "work\n").unwrap();
        fs::write(path.join(".env"), "A=b\n").unwrap();
        let linked = Repo::open(&path, Arc::new(SystemClock)).unwrap();
        let kept = linked.commit_leftovers("Work of one").unwrap();
        assert!(kept.committed);
        assert_eq!(kept.left_words(), ".env (environment file)");
        assert_eq!(f.git(&["show", "orchestrator/r/one:new.txt"]), "work\n");
        assert!(!linked.commit_leftovers("again").unwrap().committed);
        assert!(path.join(".env").exists());
    }
}

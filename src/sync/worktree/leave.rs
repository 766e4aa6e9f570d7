//! The branch goes back to its claim, and the working tree with it as far as nothing is lost.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use git2::Oid;
use git2::build::CheckoutBuilder;

use super::dirty::Kind;
use super::error::{Doing, GitError, found};
use super::head::branch_ref;
use super::open::Repo;
use super::tree::{self, Entry};

impl Repo {
    /// Puts HEAD on `branch` and the branch at `commit`, after what was there is rescued (G11).
    ///
    /// An operation git has not ended is forgotten. Files that differ between HEAD and `commit`
    /// become those of `commit`; files changed in the working tree are kept, but for those of
    /// `discard`, which go back too (T7a), and those in conflict, which [`Repo::rescue_all`] has
    /// kept. `state` is always taken from `commit`. Repeating it after a crash in the middle is
    /// safe.
    ///
    /// # Errors
    /// [`GitError::InTheWay`] if a changed file would have to be overwritten; nothing is changed.
    pub fn leave_branch_at(
        &self,
        branch: &str,
        commit: Oid,
        state: &Path,
        discard: &BTreeSet<PathBuf>,
    ) -> Result<(), GitError> {
        let head = self.head()?;
        let changed = self.differing(head.commit, commit)?;
        let (mut given_up, kept): (Vec<_>, Vec<_>) = self
            .dirty()?
            .into_iter()
            .partition(|d| d.path == state || d.kind == Kind::Conflicted || discard.contains(&d.path));
        given_up.retain(|d| !d.submodule);
        let kept: BTreeSet<&Path> = kept.iter().map(|d| d.path.as_path()).collect();
        let given_up: BTreeSet<&Path> = given_up.iter().map(|d| d.path.as_path()).chain([state]).collect();
        let in_the_way = self.in_the_way(&changed, &kept, &given_up)?;
        if !in_the_way.is_empty() {
            return Err(GitError::InTheWay { paths: in_the_way });
        }
        self.git.cleanup_state().doing("leave the operation in progress")?;
        let tree = self.tree_of(commit)?;
        for path in &given_up {
            // A forced checkout leaves what git does not know.
            if tree::entry(&tree, path)?.is_none() {
                self.remove_file(path)?;
            }
        }
        let paths = given_up.into_iter().chain(changed.iter().map(|c| c.path.as_path())).collect();
        self.checkout(commit, &paths)?;
        let reference = branch_ref(branch);
        let from = found(self.git.refname_to_id(&reference)).doing("read the branch")?;
        self.swap_ref(&reference, from, commit, "back to the claim")?;
        self.git.set_head(&reference).doing("put HEAD on the branch")
    }

    /// Files and index entries of exactly these paths become those of `commit`.
    pub(super) fn checkout(&self, commit: Oid, paths: &BTreeSet<&Path>) -> Result<(), GitError> {
        let mut options = CheckoutBuilder::new();
        options.force().disable_pathspec_match(true);
        for path in paths {
            options.path(*path);
        }
        let object = self.git.find_object(commit, None).doing("read a commit")?;
        self.unlocked(&self.git.path().join("index.lock"), || {
            self.git.checkout_tree(&object, Some(&mut options)).doing("check out files")
        })
    }

    fn differing(&self, from: Option<Oid>, to: Oid) -> Result<Vec<Change>, GitError> {
        let old = from.map(|id| self.tree_of(id)).transpose()?;
        let new = self.tree_of(to)?;
        let mut options = git2::DiffOptions::new();
        options.include_typechange(true);
        let diff = self.git.diff_tree_to_tree(old.as_ref(), Some(&new), Some(&mut options));
        let diff = diff.doing("compare two commits")?;
        let mut changes = Vec::new();
        for delta in diff.deltas() {
            let path = delta.new_file().path().or_else(|| delta.old_file().path());
            let Some(path) = path else { continue };
            changes.push(Change { path: path.to_owned(), new: tree::entry(&new, path)? });
        }
        Ok(changes)
    }

    /// Paths whose working file is neither HEAD's nor already what it is to become.
    fn in_the_way(
        &self,
        changes: &[Change],
        kept: &BTreeSet<&Path>,
        given_up: &BTreeSet<&Path>,
    ) -> Result<Vec<PathBuf>, GitError> {
        let moving: BTreeSet<&Path> = changes.iter().map(|c| c.path.as_path()).collect();
        let goes = |path: &Path| given_up.contains(path) || moving.contains(path) && !kept.contains(path);
        let mut blocked = BTreeSet::new();
        for change in changes.iter().filter(|c| !given_up.contains(c.path.as_path())) {
            let file = self.top().join(&change.path);
            let meta = fs::symlink_metadata(&file).ok();
            if meta.as_ref().is_some_and(fs::Metadata::is_dir) {
                // A submodule keeps its folder; a file takes the place of one whose files all go.
                let file_comes = change.new.is_some_and(|e| e.mode & 0o170_000 != 0o160_000);
                if file_comes && !folder_goes(&file, &change.path, &goes) {
                    blocked.insert(change.path.clone());
                }
            } else if kept.contains(change.path.as_path()) || meta.is_some() && !self.known(&change.path)? {
                let now = if meta.is_some() { self.store_file(&change.path)?.map(|s| s.entry) } else { None };
                if now != change.new {
                    blocked.insert(change.path.clone());
                }
            }
        }
        Ok(blocked.into_iter().collect())
    }

    fn remove_file(&self, path: &Path) -> Result<(), GitError> {
        let file = self.top().join(path);
        match fs::remove_file(&file) {
            Err(e) if !matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Err(GitError::Io { path: file, source: e });
            }
            _ => {}
        }
        // git keeps no empty folders either; the first that is not empty ends this.
        for folder in path.ancestors().skip(1).filter(|f| !f.as_os_str().is_empty()) {
            if fs::remove_dir(self.top().join(folder)).is_err() {
                break;
            }
        }
        Ok(())
    }

    /// The path is in the index: an ignored file is not, and no status lists it.
    fn known(&self, path: &Path) -> Result<bool, GitError> {
        let index = self.git.index().doing("open the index")?;
        Ok(index.get_path(path, 0).is_some())
    }
}

/// A path that a move of HEAD changes, and what it becomes.
struct Change {
    path: PathBuf,
    new: Option<Entry>,
}

/// Every file in the folder is one that goes.
fn folder_goes(folder: &Path, relative: &Path, goes: &impl Fn(&Path) -> bool) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    entries.flatten().all(|entry| {
        let relative = relative.join(entry.file_name());
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => folder_goes(&entry.path(), &relative, goes),
            _ => goes(&relative),
        }
    })
}

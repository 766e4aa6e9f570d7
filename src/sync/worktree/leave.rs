//! The branch goes back to its claim, and the working tree with it as far as nothing is lost.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use git2::build::CheckoutBuilder;
use git2::{Oid, Tree};

use super::dirty::Kind;
use super::error::{Doing, GitError, found};
use super::file::index_entry;
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
        self.go_to(branch, commit, state, discard, true)
    }

    /// As [`Repo::leave_branch_at`] where no operation is in progress and nothing is given up: only
    /// the files that the two commits tell apart are looked at, however many there are (G20).
    pub fn follow_branch_to(&self, branch: &str, commit: Oid, state: &Path) -> Result<(), GitError> {
        self.go_to(branch, commit, state, &BTreeSet::new(), false)
    }

    /// What a move between two commits changes.
    pub(super) fn moving_paths(&self, from: Oid, to: Oid) -> Result<Vec<PathBuf>, GitError> {
        Ok(self.differing(Some(from), to)?.into_iter().map(|c| c.path).collect())
    }

    pub(super) fn go_to(
        &self,
        branch: &str,
        commit: Oid,
        state: &Path,
        discard: &BTreeSet<PathBuf>,
        whole: bool,
    ) -> Result<(), GitError> {
        let tree = self.tree_of(commit)?;
        // A state that is not committed is nothing a commit could give back.
        let own_state = tree::entry(&tree, state)?.is_none();
        let now = self.head()?;
        let head = now.commit;
        let mut changed = self.differing(head, commit)?;
        changed.retain(|c| !(own_state && c.path == state));
        let differing = || changed.iter().map(|c| c.path.as_path()).chain([state]);
        let mut dirty = if whole { self.dirty()? } else { self.dirty_among(differing())? };
        dirty.retain(|d| !(d.submodule || own_state && d.path == state));
        let (given_up, kept): (Vec<_>, Vec<_>) = dirty
            .into_iter()
            .partition(|d| d.path == state || d.kind == Kind::Conflicted || discard.contains(&d.path));
        let kept: BTreeSet<&Path> = kept.iter().map(|d| d.path.as_path()).collect();
        let mut given_up: BTreeSet<&Path> = given_up.iter().map(|d| d.path.as_path()).collect();
        if !own_state {
            given_up.insert(state);
        }
        let in_the_way = self.in_the_way(&changed, &kept, &given_up)?;
        if !in_the_way.is_empty() {
            return Err(GitError::InTheWay { paths: in_the_way });
        }
        // A whole one is begun again by whoever ordered it, and the state is never a person's.
        let noted = match head {
            Some(head) if !whole && changed.iter().any(|c| c.path != state) => {
                Some(self.note_move(branch, head, commit)?)
            }
            _ => None,
        };
        self.git.cleanup_state().doing("leave the operation in progress")?;
        self.take_files(commit, &tree, &changed, &given_up)?;
        if own_state {
            self.forget(state)?;
        }
        let reference = branch_ref(branch);
        let from = found(self.git.refname_to_id(&reference)).doing("read the branch")?;
        self.swap_ref(&reference, from, commit, "back to the claim")?;
        if let Some(noted) = noted {
            noted.over();
        }
        if now.branch.as_deref() == Some(branch) {
            return Ok(());
        }
        let lock = self.git.path().join("HEAD.lock");
        self.unlocked(&lock, || self.git.set_head(&reference).doing("put HEAD on the branch"))
    }

    /// Files and index entries of exactly these paths become those of `commit`.
    fn take_files(
        &self,
        commit: Oid,
        tree: &Tree<'_>,
        changed: &[Change],
        given_up: &BTreeSet<&Path>,
    ) -> Result<(), GitError> {
        let mut options = CheckoutBuilder::new();
        options.force().disable_pathspec_match(true);
        let mut wanted = Vec::new();
        for path in changed.iter().map(|c| c.path.as_path()).chain(given_up.iter().copied()) {
            let file = self.top().join(path);
            if let Some(entry) = tree::entry(tree, path)? {
                options.path(path);
                wanted.push((path, entry));
            } else {
                // A folder that took the place of a file which goes is kept; the checkout would
                // take it along, and would leave a file that git does not know.
                if !fs::symlink_metadata(&file).is_ok_and(|m| m.is_dir()) {
                    self.remove_file(path)?;
                }
                self.forget(path)?;
            }
        }
        if wanted.is_empty() {
            // Without a path libgit2 would check out everything.
            return Ok(());
        }
        let object = self.git.find_object(commit, None).doing("read a commit")?;
        self.unlocked(&self.git.path().join("index.lock"), || {
            self.git.checkout_tree(&object, Some(&mut options)).doing("check out files")
        })?;
        wanted.iter().try_for_each(|(path, entry)| self.restore_missing(path, *entry))
    }

    /// libgit2 forgets a file that takes the place of a folder which is gone already.
    fn restore_missing(&self, path: &Path, entry: Entry) -> Result<(), GitError> {
        let file = self.top().join(path);
        let io = |source| GitError::Io { path: file.clone(), source };
        if fs::symlink_metadata(&file).is_ok() || entry.mode == tree::SUBMODULE {
            return Ok(());
        }
        let blob = self.git.find_blob(entry.id).doing("read a file of a commit")?;
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).map_err(io)?;
        }
        if entry.mode == tree::LINK {
            symlink(OsStr::from_bytes(blob.content()), &file).map_err(io)?;
        } else {
            let bits = if entry.mode == tree::EXECUTABLE { 0o777 } else { 0o666 };
            let mut options = OpenOptions::new();
            let made = options.write(true).create_new(true).mode(bits).open(&file);
            made.and_then(|mut f| f.write_all(blob.content())).map_err(io)?;
        }
        self.edit_index(|index| index.add(&index_entry(path, entry, None)).doing("stage a file"))
    }

    /// Takes a path out of the index, conflict entries included; the file is not touched.
    fn forget(&self, path: &Path) -> Result<(), GitError> {
        self.edit_index(|index| {
            for stage in 0..=3 {
                if index.get_path(path, stage).is_some() {
                    index.remove(path, stage).doing("take a file out of the index")?;
                }
            }
            Ok(())
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
            // A file where a folder is to come.
            let above = change.path.ancestors().skip(1).filter(|a| !a.as_os_str().is_empty());
            let file_above = |a: &&Path| fs::symlink_metadata(self.top().join(a)).is_ok_and(|m| !m.is_dir());
            blocked.extend(above.filter(file_above).filter(|a| !goes(a)).map(Path::to_path_buf));
            if meta.as_ref().is_some_and(fs::Metadata::is_dir) {
                // A submodule keeps its folder; a file takes the place of one whose files all go.
                let file_comes = change.new.is_some_and(|e| e.mode != tree::SUBMODULE);
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

//! What differs between HEAD, index and working tree.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use git2::{AttrCheckFlags, AttrValue, ErrorCode, FileMode, Index, Status, StatusOptions, Statuses};

use super::error::{Doing, GitError};
use super::open::Repo;
use super::path::path_text;

/// `assume-unchanged` and `skip-worktree` (sparse checkouts): the index says not to look.
const ASSUME_UNCHANGED: u16 = 0x8000;
const SKIP_WORKTREE: u16 = 0x4000;

/// A path that differs from HEAD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dirty {
    /// Relative to the top of the repository.
    pub path: PathBuf,
    pub kind: Kind,
    /// Something of it is in the index already.
    pub staged: bool,
    /// A submodule or another repository inside this one: never ours to commit (T23).
    pub submodule: bool,
    /// An attribute wants a filter (LFS) or a recoding that only the git program can do (T23).
    pub filtered: bool,
    /// Size of the working file in bytes; 0 if it is gone.
    pub size: u64,
}

/// How a path differs from HEAD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Modified,
    /// In the index, not in HEAD.
    Added,
    Untracked,
    Deleted,
    /// A file became a link, or the other way round.
    TypeChange,
    Conflicted,
    /// Covered by an ignore rule; only where asked for.
    Ignored,
}

impl Dirty {
    /// The path as one line of text.
    pub fn text(&self) -> String {
        path_text(&self.path)
    }
}

impl Repo {
    /// Everything that differs from HEAD, ignored files apart, sorted by path. The index's file
    /// times are refreshed on the way, so that the next look is cheap.
    pub fn dirty(&self) -> Result<Vec<Dirty>, GitError> {
        let mut options = StatusOptions::new();
        options.include_untracked(true).recurse_untracked_dirs(true);
        self.scan(&mut options)
    }

    /// The same without refreshing: nothing at all is written.
    pub fn dirty_at_a_glance(&self) -> Result<Vec<Dirty>, GitError> {
        let mut options = StatusOptions::new();
        options.include_untracked(true).recurse_untracked_dirs(true);
        self.scan_with(&mut options, false)
    }

    /// Those of `paths` that differ from HEAD; nothing else is looked at.
    pub fn dirty_among<'a>(&self, paths: impl Iterator<Item = &'a Path>) -> Result<Vec<Dirty>, GitError> {
        let mut options = StatusOptions::new();
        options.include_untracked(true).recurse_untracked_dirs(true).disable_pathspec_match(true);
        let mut any = false;
        for path in paths {
            options.pathspec(path);
            any = true;
        }
        // Without a path libgit2 would look at everything.
        if any { self.scan_with(&mut options, false) } else { Ok(Vec::new()) }
    }

    /// Ignored files under any of `folders` (relative to the top); the rest of the tree is not
    /// walked.
    pub fn ignored_files(&self, folders: &[PathBuf]) -> Result<Vec<Dirty>, GitError> {
        if folders.is_empty() {
            return Ok(Vec::new());
        }
        let mut options = StatusOptions::new();
        options.include_ignored(true).recurse_ignored_dirs(true).include_untracked(true);
        options.recurse_untracked_dirs(true).disable_pathspec_match(true);
        // An empty folder is the top: then all of the tree has to be walked.
        if folders.iter().all(|f| !f.as_os_str().is_empty()) {
            for folder in folders {
                options.pathspec(folder);
            }
        }
        let mut all = self.scan(&mut options)?;
        all.retain(|d| d.kind == Kind::Ignored);
        Ok(all)
    }

    fn scan(&self, options: &mut StatusOptions) -> Result<Vec<Dirty>, GitError> {
        self.scan_with(options, true)
    }

    fn scan_with(&self, options: &mut StatusOptions, refresh: bool) -> Result<Vec<Dirty>, GitError> {
        options.renames_head_to_index(false).renames_index_to_workdir(false);
        let mut index = self.git.index().doing("open the index")?;
        index.read(false).doing("read the index")?;
        // Refreshing writes the index.
        let _busy = refresh.then(|| self.busy()).transpose()?;
        let statuses = match self.git.statuses(Some(options.update_index(refresh))) {
            // Refreshing is a convenience; another git that holds the lock must not stop a look.
            Err(e) if e.code() == ErrorCode::Locked => self.git.statuses(Some(options.update_index(false))),
            other => other,
        };
        let statuses = statuses.doing("compare the working tree with HEAD")?;
        let mut found = self.read(&index, &statuses)?;
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    fn read(&self, index: &Index, statuses: &Statuses<'_>) -> Result<Vec<Dirty>, GitError> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        for entry in statuses.iter() {
            let status = entry.status();
            let bytes = entry.path_bytes();
            let Some(kind) = kind(status) else { continue };
            // A folder is listed only where it is a repository of its own.
            let nested = bytes.ends_with(b"/");
            let path = Path::new(std::ffi::OsStr::from_bytes(bytes.strip_suffix(b"/").unwrap_or(bytes)));
            let modes = [entry.head_to_index(), entry.index_to_workdir()];
            let mut sides = modes.iter().flatten().flat_map(|d| [d.old_file().mode(), d.new_file().mode()]);
            let submodule = nested || sides.any(|m| m == FileMode::Commit);
            if hidden(index, path, status) || !seen.insert(path.to_owned()) {
                continue;
            }
            found.push(Dirty {
                path: path.to_owned(),
                kind,
                staged: status.intersects(STAGED),
                submodule,
                filtered: !submodule && self.filtered(path)?,
                size: fs::symlink_metadata(self.top().join(path)).map_or(0, |m| m.len()),
            });
        }
        Ok(found)
    }

    /// An attribute names a filter program, or an encoding libgit2 does not know: what lies in
    /// the working tree is not what belongs into a commit, and only the git program can tell.
    pub(super) fn filtered(&self, path: &Path) -> Result<bool, GitError> {
        for name in ["filter", "working-tree-encoding"] {
            let value = self.git.get_attr_bytes(path, name, AttrCheckFlags::FILE_THEN_INDEX);
            let value = value.doing("read the attributes")?;
            if matches!(AttrValue::from_bytes(value), AttrValue::String(_) | AttrValue::Bytes(_)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

const STAGED: Status = Status::INDEX_NEW
    .union(Status::INDEX_MODIFIED)
    .union(Status::INDEX_DELETED)
    .union(Status::INDEX_RENAMED)
    .union(Status::INDEX_TYPECHANGE);

fn kind(status: Status) -> Option<Kind> {
    let has = |bits| status.intersects(bits);
    if has(Status::CONFLICTED) {
        Some(Kind::Conflicted)
    } else if has(Status::INDEX_DELETED | Status::WT_DELETED) {
        // Also where the file is still there (`git rm --cached`): it is to leave the repository.
        // Added to the index and gone again is no difference from HEAD.
        (!has(Status::INDEX_NEW)).then_some(Kind::Deleted)
    } else if has(Status::INDEX_TYPECHANGE | Status::WT_TYPECHANGE) {
        Some(Kind::TypeChange)
    } else if has(Status::INDEX_NEW) {
        Some(Kind::Added)
    } else if has(Status::INDEX_MODIFIED | Status::WT_MODIFIED | Status::INDEX_RENAMED | Status::WT_RENAMED) {
        Some(Kind::Modified)
    } else if has(Status::WT_NEW) {
        Some(Kind::Untracked)
    } else if has(Status::IGNORED) {
        Some(Kind::Ignored)
    } else {
        // Current; or unreadable, which an attempt to commit it would report.
        None
    }
}

/// The index says that the working file does not count; what is staged does.
fn hidden(index: &Index, path: &Path, status: Status) -> bool {
    let entry = index.get_path(path, 0);
    let told =
        entry.is_some_and(|e| e.flags & ASSUME_UNCHANGED != 0 || e.flags_extended & SKIP_WORKTREE != 0);
    told && !status.intersects(STAGED)
}

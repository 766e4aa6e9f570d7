//! What is uncommitted in the working tree.

use git2::{AttrCheckFlags, Status, StatusOptions};

use super::error::{GitError, doing};
use super::repo::Repo;

/// An uncommitted path, relative to the repository's top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dirty {
    pub path: String,
    pub kind: DirtyKind,
    /// A submodule, a nested repository, or something inside one.
    pub submodule: bool,
    /// A filter attribute (LFS): only git itself can store it rightly.
    pub filtered: bool,
    /// Bytes; 0 for a deleted file.
    pub size: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirtyKind {
    Untracked,
    Modified,
    Deleted,
}

impl Repo {
    /// Every uncommitted path, ignored ones excepted. Refreshes the index's own cache, so that the
    /// next look is cheap.
    pub fn dirty(&self) -> Result<Vec<Dirty>, GitError> {
        let mut options = StatusOptions::new();
        options.include_untracked(true).recurse_untracked_dirs(true).include_ignored(false);
        options.renames_head_to_index(false).renames_index_to_workdir(false).update_index(true);
        // Refreshing writes the index.
        let _busy = self.busy()?;
        let statuses = self.git.statuses(Some(&mut options)).map_err(doing("look for changes"))?;
        let mut found = Vec::new();
        for entry in statuses.iter() {
            let Some(kind) = kind_of(entry.status()) else { continue };
            // A name that is no text cannot be matched by a glob; it is left alone, named lossily.
            let path = String::from_utf8_lossy(entry.path_bytes()).into_owned();
            found.push(self.describe(path, kind));
        }
        Ok(found)
    }

    fn describe(&self, path: String, kind: DirtyKind) -> Dirty {
        let file = self.top.join(&path);
        let meta = std::fs::symlink_metadata(&file).ok();
        let submodule = path.ends_with('/') || meta.as_ref().is_some_and(std::fs::Metadata::is_dir);
        let attribute =
            self.git.get_attr(std::path::Path::new(&path), "filter", AttrCheckFlags::FILE_THEN_INDEX);
        let filtered = attribute.ok().flatten().is_some_and(|v| v != "false");
        let size = meta.map_or(0, |m| m.len());
        Dirty { path, kind, submodule, filtered, size }
    }

    /// Ignored files below the given folders, for reports that are added by force.
    pub fn ignored_files(&self) -> Result<Vec<Dirty>, GitError> {
        let mut options = StatusOptions::new();
        options.include_ignored(true).recurse_ignored_dirs(true).include_untracked(false);
        let statuses = self.git.statuses(Some(&mut options)).map_err(doing("look for ignored files"))?;
        let names = statuses.iter().filter(|e| e.status().is_ignored());
        Ok(names
            .map(|e| {
                self.describe(String::from_utf8_lossy(e.path_bytes()).into_owned(), DirtyKind::Untracked)
            })
            .collect())
    }
}

fn kind_of(status: Status) -> Option<DirtyKind> {
    if status.is_ignored() || status == Status::CURRENT {
        return None;
    }
    if status.is_wt_deleted() || (status.is_index_deleted() && !status.is_wt_new()) {
        Some(DirtyKind::Deleted)
    } else if status.is_wt_new() || status.is_index_new() {
        Some(DirtyKind::Untracked)
    } else {
        Some(DirtyKind::Modified)
    }
}

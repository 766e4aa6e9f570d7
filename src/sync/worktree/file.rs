//! Working files as git would store them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::error::{Doing, GitError};
use super::open::Repo;
use super::tree::{self, Entry};

impl Repo {
    /// What the working file would be in a tree; `None` if it is gone or no file.
    pub(super) fn file_entry(&self, path: &Path) -> Result<Option<Entry>, GitError> {
        let Ok(meta) = fs::symlink_metadata(self.top().join(path)) else { return Ok(None) };
        // Reading a pipe would never end.
        if !meta.is_file() && !meta.is_symlink() {
            return Ok(None);
        }
        // libgit2 knows a file of the working tree (and its line-end rules) by its own prefix.
        let workdir = self.git.workdir().unwrap_or(self.top());
        let id = self.git.blob_path(&workdir.join(path)).doing("store a file")?;
        Ok(Some(Entry { id, mode: self.file_mode(path, &meta) }))
    }

    /// The executable bit counts only where the repository says that the file system has one.
    fn file_mode(&self, path: &Path, meta: &fs::Metadata) -> i32 {
        let executable = if self.git.config().and_then(|c| c.get_bool("core.filemode")).unwrap_or(true) {
            meta.permissions().mode() & 0o100 != 0
        } else {
            let index = self.git.index().ok();
            index.and_then(|i| i.get_path(path, 0)).is_some_and(|e| e.mode & 0o111 != 0)
        };
        match (meta.is_symlink(), executable) {
            (true, _) => 0o120_000,
            (false, true) => 0o100_755,
            (false, false) => tree::PLAIN,
        }
    }
}

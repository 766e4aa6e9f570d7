//! Working files as git stores them: blob, mode, and the file times of an index entry.

use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use git2::{IndexEntry, IndexTime};

use super::error::GitError;
use super::open::Repo;
use super::tree::{EXECUTABLE, Entry, LINK, PLAIN};

/// A working file that was stored.
pub(super) struct Stored {
    pub entry: Entry,
    /// Its file times, if it did not change while it was read.
    times: Option<Metadata>,
}

impl Repo {
    /// Stores the working file at `path` as a blob, line ends converted as the attributes say;
    /// `None` if there is no file or link. Nothing refers to the blob yet.
    pub(super) fn store_file(&self, path: &Path) -> Result<Option<Stored>, GitError> {
        // libgit2 knows a file of the working tree (and its attributes) by its own prefix.
        let file = self.git.workdir().unwrap_or(self.top()).join(path);
        let Ok(before) = fs::symlink_metadata(&file) else { return Ok(None) };
        // Reading a pipe would never end.
        if !before.is_file() && !before.is_symlink() {
            return Ok(None);
        }
        // libgit2 would store what a link leads to.
        let id = if before.is_symlink() {
            let io = |source| GitError::Io { path: file.clone(), source };
            self.git.blob(fs::read_link(&file).map_err(io)?.as_os_str().as_bytes())
        } else {
            self.git.blob_path(&file)
        };
        let id = id.map_err(|source| GitError::Store { path: path.into(), source })?;
        let after = fs::symlink_metadata(&file).ok();
        let same = |m: &Metadata| {
            (m.mtime(), m.mtime_nsec(), m.size()) == (before.mtime(), before.mtime_nsec(), before.size())
        };
        let entry = Entry { id, mode: self.file_mode(path, &before) };
        Ok(Some(Stored { entry, times: after.filter(same) }))
    }

    /// The executable bit counts only where the repository says that the file system has one.
    fn file_mode(&self, path: &Path, meta: &Metadata) -> i32 {
        let executable = if self.git.config().and_then(|c| c.get_bool("core.filemode")).unwrap_or(true) {
            meta.permissions().mode() & 0o100 != 0
        } else {
            let index = self.git.index().ok();
            index.and_then(|i| i.get_path(path, 0)).is_some_and(|e| e.mode & 0o111 != 0)
        };
        match (meta.is_symlink(), executable) {
            (true, _) => LINK,
            (false, true) => EXECUTABLE,
            (false, false) => PLAIN,
        }
    }
}

impl Stored {
    /// The file as an index entry.
    pub(super) fn index_entry(&self, path: &Path) -> IndexEntry {
        index_entry(path, self.entry, self.times.as_ref())
    }
}

/// A stage-0 index entry. Without file times git compares contents at its next look; with them
/// it trusts the entry unread, so they must be those of a file with this very content.
pub(super) fn index_entry(path: &Path, entry: Entry, times: Option<&Metadata>) -> IndexEntry {
    let mut made = IndexEntry {
        ctime: IndexTime::new(0, 0),
        mtime: IndexTime::new(0, 0),
        dev: 0,
        ino: 0,
        // File modes are six octal digits, never negative.
        mode: entry.mode.unsigned_abs(),
        uid: 0,
        gid: 0,
        file_size: 0,
        id: entry.id,
        flags: 0,
        flags_extended: 0,
        path: path.as_os_str().as_bytes().to_vec(),
    };
    if let Some(meta) = times {
        // The index holds the low 32 bits of each number; that is its format, not a mistake.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "index format")]
        {
            made.ctime = IndexTime::new(meta.ctime() as i32, meta.ctime_nsec() as u32);
            made.mtime = IndexTime::new(meta.mtime() as i32, meta.mtime_nsec() as u32);
            made.dev = meta.dev() as u32;
            made.ino = meta.ino() as u32;
            made.file_size = meta.size() as u32;
        }
        made.uid = meta.uid();
        made.gid = meta.gid();
    }
    made
}

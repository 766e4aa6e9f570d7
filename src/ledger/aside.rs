//! A damaged file is moved aside, not mended and not deleted: a person may want it, the loop wants to go on.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::schema::inode;
use crate::clock::file_stamp;

/// Moves the ledger at `path` aside, if it is still the file `opened`. Two programs that find the damage at once move
/// it once: the second is given `None` and opens what the first put there.
pub(super) fn move_aside(path: &Path, opened: Option<u64>, now: Timestamp) -> io::Result<Option<PathBuf>> {
    let lock = path.with_extension("lock");
    let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(lock)?;
    lock.lock()?;
    let there = inode(path);
    if there.is_none() || there != opened {
        return Ok(None);
    }
    let target = free_name(path, &file_stamp(now));
    // The write-ahead log first: left beside a new file, it would be played into it.
    for suffix in ["-wal", "-shm", ""] {
        match fs::rename(with_suffix(path, suffix), with_suffix(&target, suffix)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    Ok(Some(target))
}

fn free_name(path: &Path, stamp: &str) -> PathBuf {
    let mut name = with_suffix(path, &format!(".damaged-{stamp}"));
    while name.exists() {
        name = with_suffix(&name, "-2");
    }
    name
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

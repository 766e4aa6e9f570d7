//! One loop per working tree (turns.md T20a).

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The private folder of a project, below its root.
pub const PRIVATE: &str = ".orchestrator";

/// Creates the private folder (0700) if it is missing.
pub fn private_folder(root: &Path) -> io::Result<PathBuf> {
    let folder = root.join(PRIVATE);
    match fs::DirBuilder::new().mode(0o700).create(&folder) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(e),
        _ => Ok(folder),
    }
}

/// Who holds the lock, as written by the holder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    pub pid: u32,
    /// UTC.
    pub started: String,
    pub mode: String,
}

/// The held lock; dropping it lets the next loop in. The kernel drops it with the process, so a
/// crash leaves nothing to clean up.
#[derive(Debug)]
pub struct LoopLock {
    _file: File,
}

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("another loop runs in this working tree{}", .0.as_ref().map_or_else(String::new, |o| format!(": pid {}, {} mode, since {}", o.pid, o.mode, o.started)))]
    Busy(Option<Owner>),
    #[error("{path}: {source}", path = .path.display())]
    Io { path: PathBuf, source: io::Error },
}

impl LoopLock {
    /// Takes the lock of the working tree at `root`, or names its owner.
    pub fn take(root: &Path, owner: &Owner) -> Result<Self, LockError> {
        let path = root.join(PRIVATE).join("loop.lock");
        let io = |source| LockError::Io { path: path.clone(), source };
        private_folder(root).map_err(io)?;
        let mut file = open(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LockError::Busy(read(&mut file))),
            Err(TryLockError::Error(e)) => return Err(io(e)),
        }
        let text = serde_json::to_string(owner).map_err(|e| io(e.into()))?;
        file.set_len(0).and_then(|()| file.rewind()).map_err(io)?;
        file.write_all(text.as_bytes()).map_err(io)?;
        Ok(Self { _file: file })
    }

    /// The owner of a live loop of this working tree; `None` if no loop is live.
    pub fn live_owner(root: &Path) -> Option<Option<Owner>> {
        let path = root.join(PRIVATE).join("loop.lock");
        let mut file = File::open(path).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(read(&mut file)),
            _ => None,
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

fn read(file: &mut File) -> Option<Owner> {
    let mut text = String::new();
    file.take(4096).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T20a: the second start names the first one's pid; the lock ends with its holder.
    #[test]
    fn the_second_loop_is_told_of_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let owner = Owner { pid: 42, started: "2026-02-03T04:05:06Z".into(), mode: "combined".into() };
        assert_eq!(LoopLock::live_owner(dir.path()), None);
        let lock = LoopLock::take(dir.path(), &owner).unwrap();
        assert_eq!(LoopLock::live_owner(dir.path()), Some(Some(owner.clone())));
        let second = LoopLock::take(dir.path(), &owner).unwrap_err().to_string();
        assert!(second.contains("pid 42, combined mode"), "{second}");
        drop(lock);
        assert_eq!(LoopLock::live_owner(dir.path()), None);
        LoopLock::take(dir.path(), &owner).unwrap();
    }
}

//! Whoever changes a state that several programs change holds `<state_file>.lock` (turns.md T20a).
//!
//! From the look at the state to the write that follows from it: so no two programs write what follows from the same
//! look. Readers need no lock, since the file is replaced whole.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A write takes milliseconds; who needs longer than this is stopped or hangs on a dead disk.
const MOST: u32 = 3000;
const BETWEEN: Duration = Duration::from_millis(10);

/// The held lock; the kernel drops it with the process.
#[derive(Debug)]
pub struct StateLock {
    _file: File,
}

/// Why the state may not be changed now.
#[derive(Debug, thiserror::Error)]
pub enum StateLockError {
    #[error("another program has held {} for 30 s", .0.display())]
    Held(PathBuf),
    #[error("{path}: {source}", path = .path.display())]
    Io { path: PathBuf, source: io::Error },
}

/// The lock's file.
pub fn lock_of(state: &Path) -> PathBuf {
    let mut name = state.file_name().unwrap_or_default().to_os_string();
    name.push(".lock");
    state.with_file_name(name)
}

impl StateLock {
    /// Waits for whoever holds it.
    pub fn take(state: &Path) -> Result<Self, StateLockError> {
        let path = lock_of(state);
        let io = |source| StateLockError::Io { path: path.clone(), source };
        // Never through a link, which may have come with the repository.
        let no_link = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0);
        let open = || {
            OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .custom_flags(no_link)
                .open(&path)
        };
        let file = match open() {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                std::fs::create_dir_all(state.parent().unwrap_or(Path::new("."))).map_err(io)?;
                open().map_err(io)?
            }
            other => other.map_err(io)?,
        };
        for _ in 0..MOST {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) => std::thread::sleep(BETWEEN),
                Err(TryLockError::Error(e)) => return Err(io(e)),
            }
        }
        Err(StateLockError::Held(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_writer_waits_for_the_other() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("sync/state.json");
        let count = dir.path().join("count");
        std::fs::write(&count, "0").unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..25 {
                        let _held = StateLock::take(&state).unwrap();
                        let n: u32 = std::fs::read_to_string(&count).unwrap().parse().unwrap();
                        std::fs::write(&count, (n + 1).to_string()).unwrap();
                    }
                });
            }
        });
        assert_eq!(std::fs::read_to_string(&count).unwrap(), "100");
        assert!(dir.path().join("sync/state.json.lock").exists());
    }
}

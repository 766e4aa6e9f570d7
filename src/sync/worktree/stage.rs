//! The index: single entries changed, everything else as it was.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use git2::Index;

use super::error::{Doing, GitError};
use super::open::Repo;

impl Repo {
    /// Changes the index by `edit` and writes it in one rename.
    ///
    /// The index is read anew first, so that what others staged stays. While another git process
    /// holds its lock the whole step is repeated, for a bounded time: no event tells when a lock
    /// file goes away.
    pub(super) fn edit_index(
        &self,
        mut edit: impl FnMut(&mut Index) -> Result<(), GitError>,
    ) -> Result<(), GitError> {
        self.unlocked(&self.git.path().join("index.lock"), || {
            let mut index = self.git.index().doing("open the index")?;
            index.read(true).doing("read the index")?;
            edit(&mut index)?;
            let written = index.write().doing("write the index");
            if written.is_err() {
                // The edit must not linger in memory: libgit2 shares one index per repository.
                index.read(true).doing("read the index")?;
            }
            written
        })
    }

    /// Repeats `step` while a lock is held by someone else.
    pub(super) fn unlocked<T>(
        &self,
        lock: &Path,
        mut step: impl FnMut() -> Result<T, GitError>,
    ) -> Result<T, GitError> {
        // Whatever takes a lock of git's passes here, so a kill can be told from a living git.
        let _busy = self.busy()?;
        let start = Instant::now();
        let mut pause = Duration::from_millis(2);
        loop {
            match step() {
                Err(GitError::Git { source, .. }) if GitError::is_locked(&source) => {
                    let waited = start.elapsed();
                    if waited >= self.lock_wait {
                        return Err(GitError::Locked { path: lock.into(), waited });
                    }
                    thread::sleep(pause.min(self.lock_wait));
                    pause = (pause * 2).min(Duration::from_millis(100));
                }
                other => return other,
            }
        }
    }
}

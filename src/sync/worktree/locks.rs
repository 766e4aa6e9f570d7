//! Lock files that a killed run of this program left behind.
//!
//! A `*.lock` alone does not say whose it is, and removing a living git's would ruin its work. So
//! every change this program makes to the repository stands between two writes to a marker: `busy`
//! and nothing. A marker that is found busy at start, by whoever holds the loop's lock, was left by
//! a dead run; a lock that is not older than it and that no process holds open is that run's.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::error::GitError;
use super::open::Repo;
use super::owner::{LockOwner, lock_owner};

/// Stands in the repository's own folder. It stays there when it is idle: several changes a turn would
/// make and remove it, and some file systems are slow to make a file soon after they removed one.
const MARKER: &str = "orchestrator-busy";
const BUSY: &[u8] = b"busy\n";
const IDLE: &[u8] = b"    \n";

/// The marker, idle again when the change is done.
pub(super) struct Busy(File);

impl Drop for Busy {
    fn drop(&mut self) {
        // If it stays busy, the next start looks for locks once more: harmless.
        let _ = self.0.write_all_at(IDLE, 0);
    }
}

impl Repo {
    /// Says that a change begins.
    pub(super) fn busy(&self) -> Result<Busy, GitError> {
        let path = self.git.path().join(MARKER);
        let open = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let mark = |file: File| file.write_all_at(BUSY, 0).map(|()| file);
        open.and_then(mark).map(Busy).map_err(|source| GitError::Io { path, source })
    }

    /// Removes the locks of a run that was killed during a change, and returns their names. The
    /// caller holds the loop's lock, so that run is dead.
    pub fn clear_own_locks(&self, branch: &str) -> Result<Vec<PathBuf>, GitError> {
        let Some(locks) = self.busy_locks(branch) else { return Ok(Vec::new()) };
        for lock in &locks {
            fs::remove_file(lock).map_err(|source| GitError::Io { path: lock.clone(), source })?;
        }
        // Idle from here on.
        drop(self.busy()?);
        Ok(locks)
    }

    /// The same locks, left alone. While a loop is live they may be its own.
    pub fn own_locks(&self, branch: &str) -> Vec<PathBuf> {
        self.busy_locks(branch).unwrap_or_default()
    }

    /// What a run that was killed during a change left; `None` if none was.
    fn busy_locks(&self, branch: &str) -> Option<Vec<PathBuf>> {
        let marker = self.git.path().join(MARKER);
        if fs::read(&marker).is_ok_and(|text| text != BUSY) {
            return None;
        }
        let since = modified(&marker)?;
        let ours = |lock: &PathBuf| modified(lock).is_some_and(|made| made >= since) && !held_open(lock);
        Some(self.lock_files(branch).into_iter().filter(ours).collect())
    }

    /// Removes the locks that an ended agent's git left behind, and returns their names.
    ///
    /// The caller knows that a turn of this clone was claimed and that its agent with all it started is dead. The
    /// claim needed these files free, so a lock is newer than it: the agent's, or that of somebody who works
    /// beside it. The latter's process is seen; where the system does not tell, nothing is removed.
    pub fn clear_dead_locks(&self, branch: &str) -> Result<Vec<PathBuf>, GitError> {
        let mut removed = Vec::new();
        for lock in self.lock_files(branch) {
            if fs::symlink_metadata(&lock).is_ok() && lock_owner(&lock, self.top()) == LockOwner::NoneSeen {
                match fs::remove_file(&lock) {
                    Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                    Err(source) => return Err(GitError::Io { path: lock, source }),
                    Ok(()) => removed.push(lock),
                }
            }
        }
        Ok(removed)
    }

    /// The locks that changes of this program need.
    fn lock_files(&self, branch: &str) -> [PathBuf; 4] {
        let (own, common) = (self.git.path(), self.git.commondir());
        [
            own.join("index.lock"),
            own.join("HEAD.lock"),
            common.join("packed-refs.lock"),
            common.join(format!("refs/heads/{branch}.lock")),
        ]
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::symlink_metadata(path).and_then(|m| m.modified()).ok()
}

/// Whether some process of this machine has the file open. Where the system does not tell, it is
/// taken to be open: a lock too many is mended by hand, a lock too few ruins an index.
fn held_open(path: &Path) -> bool {
    let Ok(processes) = fs::read_dir("/proc") else { return true };
    processes.flatten().any(|process| {
        let Ok(open) = fs::read_dir(process.path().join("fd")) else { return false };
        open.flatten().any(|fd| fs::read_link(fd.path()).is_ok_and(|target| target == path))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::SystemClock;

    fn repository() -> (tempfile::TempDir, Repo) {
        let dir = tempfile::tempdir().unwrap();
        git2::Repository::init(dir.path()).unwrap();
        let repo = Repo::open(dir.path(), Arc::new(SystemClock)).unwrap();
        (dir, repo)
    }

    /// A dead agent's locks go; one that a process holds, or may hold, stays.
    #[test]
    fn locks_of_a_dead_agent_are_removed() {
        let (_dir, repo) = repository();
        let [index, head, ..] = repo.lock_files("work");
        let held = File::create(&index).unwrap();
        drop(File::create(&head).unwrap());
        assert_eq!(repo.clear_dead_locks("work").unwrap(), [head]);
        drop(held);
        assert_eq!(repo.clear_dead_locks("work").unwrap(), [index]);
        assert!(repo.clear_dead_locks("work").unwrap().is_empty());
    }

    /// A lock without our marker, one older than it, and one that is held are somebody else's.
    #[test]
    fn only_a_dead_runs_own_locks_are_removed() {
        let (_dir, repo) = repository();
        let lock = repo.git.path().join("index.lock");
        drop(File::create(&lock).unwrap());
        assert!(repo.clear_own_locks("work").unwrap().is_empty(), "no marker");
        let marker = repo.busy().unwrap();
        let later = modified(&lock).unwrap() + std::time::Duration::from_secs(1);
        marker.0.set_modified(later).unwrap();
        std::mem::forget(marker);
        assert!(repo.clear_own_locks("work").unwrap().is_empty(), "older than the marker");
        assert!(lock.exists());
        std::mem::forget(repo.busy().unwrap());
        let held = File::create(&lock).unwrap();
        held.set_modified(later + std::time::Duration::from_secs(9)).unwrap();
        assert!(repo.clear_own_locks("work").unwrap().is_empty(), "held open");
        drop(held);
        std::mem::forget(repo.busy().unwrap());
        assert_eq!(repo.clear_own_locks("work").unwrap(), [lock]);
        assert!(repo.clear_own_locks("work").unwrap().is_empty());
    }
}

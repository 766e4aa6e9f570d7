//! A lock of a ref that a killed pusher left in a local remote (G21).

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::sync::worktree::{LockOwner, holder_of};

/// What tells one lock file from the next one of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

fn mark(lock: &Path) -> Option<Mark> {
    let meta = fs::symlink_metadata(lock).ok()?;
    Some(Mark { inode: meta.ino(), size: meta.len(), modified: (meta.mtime(), meta.mtime_nsec()) })
}

/// What became of a lock that was waited for.
pub(super) enum Waited {
    /// It is gone, or was removed: `removed` says so.
    Free { removed: bool },
    /// It stays, and why it was not removed.
    Stays { age: Duration, why: String },
}

/// Waits until `lock` is gone, at most `patience`, with the pauses `jitter` (0 to 1) spreads. A lock
/// that was the same file all the time, that lies on a local file system, and that no process of
/// this machine has open, is removed: whoever made it is dead.
pub(super) fn wait(lock: &Path, patience: Duration, mut jitter: impl FnMut() -> f64) -> Waited {
    let Some(first) = mark(lock) else { return Waited::Free { removed: false } };
    let start = Instant::now();
    while start.elapsed() < patience {
        thread::sleep(Duration::from_millis(5).mul_f64(1.0 + 9.0 * jitter()).min(patience));
        match mark(lock) {
            // Somebody else's turn: the ref moves, and whoever wants it looks again.
            None => return Waited::Free { removed: false },
            Some(now) if now != first => return Waited::Free { removed: false },
            Some(_) => {}
        }
    }
    let age = age_of(lock);
    let stays = |why: &str| Waited::Stays { age, why: why.to_owned() };
    if !on_local_disk(lock) {
        return stays("it lies on a network file system, where its owner cannot be looked for");
    }
    match holder_of(lock) {
        LockOwner::NoneSeen => {}
        owner => return stays(&owner.to_string()),
    }
    if mark(lock) != Some(first) {
        return Waited::Free { removed: false };
    }
    match fs::remove_file(lock) {
        Ok(()) => Waited::Free { removed: true },
        Err(e) => stays(&e.to_string()),
    }
}

/// Where libgit2 and git lock a ref of this repository.
pub(super) fn lock_of(common_dir: &Path, reference: &str) -> PathBuf {
    common_dir.join(format!("{reference}.lock"))
}

pub(super) fn age_of(lock: &Path) -> Duration {
    let modified = fs::symlink_metadata(lock).and_then(|m| m.modified());
    modified.ok().and_then(|m| SystemTime::now().duration_since(m).ok()).unwrap_or_default()
}

/// Whether only programs of this machine can see this file system.
#[cfg(target_os = "linux")]
pub fn on_local_disk(path: &Path) -> bool {
    /// NFS, SMB (three), 9P, FUSE, AFS, Ceph, Lustre, GFS2, OCFS2.
    const SHARED: &[u64] = &[
        0x6969,
        0x517B,
        0xFF53_4D42,
        0xFE53_4D42,
        0x0102_1997,
        0x6573_5546,
        0x5346_414F,
        0x00C3_6400,
        0x0BD0_0BD0,
        0x0116_1970,
        0x7461_636F,
    ];
    let Ok(found) = rustix::fs::statfs(path) else { return false };
    let kind = u64::try_from(found.f_type & 0xFFFF_FFFF).unwrap_or(0);
    !SHARED.contains(&kind)
}

/// Whether only programs of this machine can see this file system: not known here.
#[cfg(not(target_os = "linux"))]
pub fn on_local_disk(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(40);

    /// G21: a dead pusher's lock goes, a living one's stays.
    #[test]
    fn only_a_lock_that_nobody_holds_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let lock = lock_of(folder.path(), "main");
        assert!(matches!(wait(&lock, SHORT, || 0.0), Waited::Free { removed: false }));
        let held = fs::File::create(&lock).unwrap();
        let Waited::Stays { why, .. } = wait(&lock, SHORT, || 0.0) else { panic!("removed a held lock") };
        assert!(why.contains("held by process"), "{why}");
        drop(held);
        assert!(matches!(wait(&lock, SHORT, || 0.0), Waited::Free { removed: true }));
        assert!(!lock.exists());
    }
}

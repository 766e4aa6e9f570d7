//! Which process a lock file belongs to, as far as this machine can tell.

use std::fmt;
use std::fs;
use std::path::Path;

/// Evidence about the owner of a lock file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockOwner {
    /// This process has the file open, or is a git that works in this repository.
    Process { pid: u32, command: String },
    /// The processes of this machine were looked through; none has to do with it.
    NoneSeen,
    /// This system does not tell.
    Unknown,
}

impl fmt::Display for LockOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process { pid, command } => write!(f, "held by process {pid}: {command}"),
            Self::NoneSeen => f.write_str("no process holds it"),
            Self::Unknown => f.write_str("owner unknown"),
        }
    }
}

/// Who has the file itself open, wherever that process works.
pub(in crate::sync) fn holder_of(lock: &Path) -> LockOwner {
    lock_owner(lock, Path::new("/nowhere"))
}

/// Looks through `/proc`. A git that waits for an editor has closed the file but still owns it, so
/// a git process inside the working tree counts too.
pub(super) fn lock_owner(lock: &Path, top: &Path) -> LockOwner {
    let Ok(processes) = fs::read_dir("/proc") else { return LockOwner::Unknown };
    let lock = fs::canonicalize(lock).unwrap_or_else(|_| lock.to_owned());
    for process in processes.flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|n| n.parse::<u32>().ok()) else { continue };
        let folder = process.path();
        let opened = || {
            let files = fs::read_dir(folder.join("fd")).into_iter().flatten().flatten();
            files.into_iter().any(|fd| fs::read_link(fd.path()).is_ok_and(|target| target == lock))
        };
        let git_here = || {
            let name = fs::read_to_string(folder.join("comm")).unwrap_or_default();
            let inside = fs::read_link(folder.join("cwd")).is_ok_and(|cwd| cwd.starts_with(top));
            inside && name.trim_end().starts_with("git")
        };
        if opened() || git_here() {
            let line = fs::read(folder.join("cmdline")).unwrap_or_default();
            let words = line.split(|b| *b == 0).map(|w| String::from_utf8_lossy(w).into_owned());
            let command = words.collect::<Vec<_>>().join(" ").trim().chars().take(80).collect();
            return LockOwner::Process { pid, command };
        }
    }
    LockOwner::NoneSeen
}

//! One loop per working tree (turns.md T20a).
//!
//! A loop holds `loop.lock` alone. Role mode without git holds `loop-<role>.lock` alone and `loop.lock` shared: one
//! loop for each role, and none beside a loop that needs the whole folder.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::RoleId;
use crate::sync::hold;

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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    pub pid: u32,
    /// UTC.
    pub started: String,
    pub mode: String,
    /// The one role whose turns are taken in this folder; none: the whole folder is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The machine of `pid`, where the folder may be on the disk of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {}", self.pid)?;
        if let Some(host) = &self.host {
            write!(f, " on host {host}")?;
        }
        write!(f, ", {} mode", self.mode)?;
        if let Some(role) = &self.role {
            write!(f, " ({role})")?;
        }
        write!(f, ", since {}", self.started)
    }
}

/// The held locks; dropping them lets the next loop in. The kernel drops them with the process, so a
/// crash leaves nothing to clean up.
#[derive(Debug)]
pub struct LoopLock {
    #[expect(dead_code, reason = "held, not read")]
    whole: File,
    #[expect(dead_code, reason = "held, not read")]
    role: Option<File>,
}

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("another loop runs in this working tree{}", .0.as_ref().map_or_else(String::new, |o| format!(": {o}")))]
    Busy(Option<Owner>),
    #[error("{path}: {source}", path = .path.display())]
    Io { path: PathBuf, source: io::Error },
}

/// Who looks whether a lock is held holds it for a moment; this is long enough to see past them.
const LOOKING: Duration = Duration::from_millis(50);

impl LoopLock {
    /// Takes the working tree at `root` for one loop alone, or names who has it.
    pub fn take(root: &Path, owner: &Owner) -> Result<Self, LockError> {
        let mut whole = Held::open(whole(root))?;
        let holder = |_: &mut File| Self::live(root).into_iter().find_map(Live::owner);
        whole.hold(true, holder)?;
        whole.sign(owner)?;
        Ok(Self { whole: whole.file, role: None })
    }

    /// Takes the turns of one role in the folder at `root`, beside loops of other roles (T20a, without git).
    pub fn take_role(root: &Path, role: &RoleId, owner: &Owner) -> Result<Self, LockError> {
        let beside = Self::beside(root)?;
        let mut own = Held::open(of_role(root, role))?;
        own.hold(true, read)?;
        own.sign(owner)?;
        Ok(Self { role: Some(own.file), ..beside })
    }

    /// Lets roles' loops work on, and keeps a loop that needs the whole folder out.
    pub fn beside(root: &Path) -> Result<Self, LockError> {
        let mut whole = Held::open(whole(root))?;
        whole.hold(false, read)?;
        Ok(Self { whole: whole.file, role: None })
    }

    /// The live loops of this working tree.
    pub fn live(root: &Path) -> Vec<Live> {
        if let Some(alone) = who_holds(&whole(root)) {
            return vec![alone];
        }
        let folder = fs::read_dir(root.join(PRIVATE)).into_iter().flatten().flatten();
        let ours =
            |name: &str| name.strip_prefix("loop-").is_some_and(|rest| rest.strip_suffix(".lock").is_some());
        let mut locks: Vec<PathBuf> =
            folder.filter(|e| e.file_name().to_str().is_some_and(ours)).map(|e| e.path()).collect();
        locks.sort();
        locks.iter().filter_map(|path| who_holds(path)).collect()
    }

    /// Whether a loop takes the turns of this role here.
    pub fn lives(root: &Path, role: &RoleId) -> bool {
        who_holds(&of_role(root, role)).is_some() || who_holds(&whole(root)).is_some()
    }
}

/// A live loop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Live {
    /// One that left no name.
    Nameless,
    By(Owner),
}

impl Live {
    pub fn owner(self) -> Option<Owner> {
        match self {
            Self::Nameless => None,
            Self::By(owner) => Some(owner),
        }
    }

    /// Whether turns of this role can be taken by it.
    pub fn covers(&self, role: &str) -> bool {
        match self {
            Self::Nameless => true,
            Self::By(owner) => owner.role.as_deref().is_none_or(|own| own == role),
        }
    }

    /// Whether it leaves the turns of other roles to others.
    pub fn of_a_role(&self) -> bool {
        matches!(self, Self::By(owner) if owner.role.is_some())
    }
}

fn whole(root: &Path) -> PathBuf {
    root.join(PRIVATE).join("loop.lock")
}

fn of_role(root: &Path, role: &RoleId) -> PathBuf {
    root.join(PRIVATE).join(format!("loop-{role}.lock"))
}

/// A file that is, or is about to be, locked.
struct Held {
    path: PathBuf,
    file: File,
}

impl Held {
    fn open(path: PathBuf) -> Result<Self, LockError> {
        let io = |source| LockError::Io { path: path.clone(), source };
        if let Some(root) = path.parent().and_then(Path::parent) {
            private_folder(root).map_err(io)?;
        }
        let file = open(&path).map_err(io)?;
        Ok(Self { path, file })
    }

    fn io(&self, source: io::Error) -> LockError {
        LockError::Io { path: self.path.clone(), source }
    }

    /// Locks the file, or names who has it.
    fn hold(
        &mut self,
        alone: bool,
        holder: impl FnOnce(&mut File) -> Option<Owner>,
    ) -> Result<(), LockError> {
        let taken = hold::take(&mut self.file, alone, LOOKING, holder, |owner| owner.pid);
        taken.map_err(|e| self.io(e))?.map_err(LockError::Busy)
    }

    fn sign(&mut self, owner: &Owner) -> Result<(), LockError> {
        let text = serde_json::to_string(owner).map_err(|e| self.io(e.into()))?;
        self.file.set_len(0).and_then(|()| self.file.rewind()).map_err(|e| self.io(e))?;
        self.file.write_all(text.as_bytes()).map_err(|e| self.io(e))
    }
}

/// Who holds this file alone.
fn who_holds(path: &Path) -> Option<Live> {
    let found = hold::look(&mut File::open(path).ok()?, read, |owner| owner.pid).err()?;
    Some(found.map_or(Live::Nameless, Live::By))
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

    fn owner(pid: u32, role: Option<&str>) -> Owner {
        let (started, mode) = ("2026-02-03T04:05:06Z".into(), "role".into());
        let host = role.map(|_| "box".into());
        Owner { pid, started, mode, role: role.map(str::to_owned), host }
    }

    fn role(name: &str) -> RoleId {
        RoleId::parse(name).unwrap()
    }

    /// T20a: the second start names the first one's pid; the lock ends with its holder.
    #[test]
    fn the_second_loop_is_told_of_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let pid = std::process::id();
        let owner = Owner { mode: "combined".into(), ..owner(pid, None) };
        assert_eq!(LoopLock::live(dir.path()), []);
        let lock = LoopLock::take(dir.path(), &owner).unwrap();
        assert_eq!(LoopLock::live(dir.path()), [Live::By(owner.clone())]);
        let second = LoopLock::take(dir.path(), &owner).unwrap_err().to_string();
        assert!(second.contains(&format!("pid {pid}, combined mode")), "{second}");
        drop(lock);
        assert_eq!(LoopLock::live(dir.path()), []);
        LoopLock::take(dir.path(), &owner).unwrap();
    }

    /// What a dead owner's last child still holds is waited for.
    #[test]
    fn the_lock_of_a_dead_loop_is_soon_free() {
        let dir = tempfile::tempdir().unwrap();
        let lock = LoopLock::take(dir.path(), &owner(u32::MAX, None)).unwrap();
        std::thread::scope(|scope| {
            let next = scope.spawn(|| LoopLock::take(dir.path(), &owner(1, None)).is_ok());
            std::thread::sleep(2 * LOOKING);
            drop(lock);
            assert!(next.join().unwrap());
        });
    }

    /// T20a, without git: one loop for each role, none beside another mode.
    #[test]
    fn roles_work_side_by_side() {
        // Processes that are there: nobody waits for the locks of others.
        let (own, parent) = (std::process::id(), std::os::unix::process::parent_id());
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let (galph, ralph) = (role("galph"), role("ralph"));
        let first = LoopLock::take_role(root, &galph, &owner(1, Some("galph"))).unwrap();
        assert!(LoopLock::lives(root, &galph) && !LoopLock::lives(root, &ralph));
        let again = LoopLock::take_role(root, &galph, &owner(own, Some("galph"))).unwrap_err().to_string();
        assert!(again.contains("pid 1 on host box, role mode (galph)"), "{again}");
        let second = LoopLock::take_role(root, &ralph, &owner(own, Some("ralph"))).unwrap();
        let visitor = LoopLock::beside(root).unwrap();
        let whole = LoopLock::take(root, &owner(parent, None)).unwrap_err().to_string();
        assert!(whole.contains("pid 1"), "{whole}");
        let pids: Vec<u32> =
            LoopLock::live(root).into_iter().filter_map(Live::owner).map(|o| o.pid).collect();
        assert_eq!(pids, [1, own]);
        drop((first, second, visitor));
        let whole = LoopLock::take(root, &owner(parent, None)).unwrap();
        for busy in [LoopLock::take_role(root, &ralph, &owner(own, Some("ralph"))), LoopLock::beside(root)] {
            assert!(busy.unwrap_err().to_string().contains(&format!("pid {parent},")));
        }
        assert!(LoopLock::lives(root, &ralph));
        drop(whole);
        assert!(!LoopLock::lives(root, &ralph));
    }
}

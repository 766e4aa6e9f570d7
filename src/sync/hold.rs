//! Locks that the kernel drops with the process that holds them.
//!
//! A program that is killed while it starts a child leaves the child with copies of its descriptors, and so of its
//! locks, until that has seen that it is an orphan and ends itself: on a busy machine some tenths of a second. Whoever
//! comes at once after the kill waits for that instead of taking it for a live holder.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a killed program may still seem to hold something.
const DYING: Duration = Duration::from_secs(2);
/// The same for those who only look.
const LOOK: Duration = Duration::from_millis(300);
const BETWEEN: Duration = Duration::from_millis(10);

/// Holds an existing file for as long as the handle lives, against others who hold it so; `None`: somebody does.
pub(crate) fn hold(path: &Path) -> io::Result<Option<File>> {
    let file = File::open(path)?;
    Ok(try_hold(&file, true, DYING)?.then_some(file))
}

/// Locks `file`, alone or shared with others, for whoever can wait `patience` for a live holder. Who holds it against
/// that, as `name` reads it, if he lives or does not let go in the time that a killed one may need.
pub(crate) fn take<T>(
    file: &mut File,
    alone: bool,
    patience: Duration,
    name: impl FnOnce(&mut File) -> Option<T>,
    pid: impl FnOnce(&T) -> u32,
) -> io::Result<Result<(), Option<T>>> {
    if try_hold(file, alone, patience)? {
        return Ok(Ok(()));
    }
    let holder = name(file);
    let lives = holder.as_ref().map(pid).is_some_and(is_there);
    Ok(if !lives && try_hold(file, alone, DYING)? { Ok(()) } else { Err(holder) })
}

/// Looks whether nobody holds `file` alone; else who, as `name` reads it. A name whose process is gone is held by what is
/// about to go, or by somebody whose processes cannot be seen here.
pub(crate) fn look<T>(
    file: &mut File,
    name: impl FnOnce(&mut File) -> Option<T>,
    pid: impl FnOnce(&T) -> u32,
) -> Result<(), Option<T>> {
    let free = |file: &File, patience| try_hold(file, false, patience).unwrap_or(true);
    if free(file, Duration::ZERO) {
        return Ok(());
    }
    let found = name(file);
    let gone = found.as_ref().map(pid).is_some_and(|pid| !is_there(pid));
    if gone && free(file, LOOK) { Ok(()) } else { Err(found) }
}

/// Locks `file`; false: after `patience` somebody still holds it against that.
fn try_hold(file: &File, alone: bool, patience: Duration) -> io::Result<bool> {
    let until = Instant::now() + patience;
    loop {
        let tried = if alone { file.try_lock() } else { file.try_lock_shared() };
        match tried {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(BETWEEN),
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(e)) => return Err(e),
        }
    }
}

/// Whether a process with this number is there; where it belongs to another machine, this says nothing.
fn is_there(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| !matches!(rustix::process::test_kill_process(pid), Err(rustix::io::Errno::SRCH)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_let_go_soon_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("held");
        std::fs::write(&path, "").unwrap();
        let first = hold(&path).unwrap().unwrap();
        let second = File::open(&path).unwrap();
        assert!(!try_hold(&second, true, Duration::ZERO).unwrap());
        assert!(!try_hold(&second, false, Duration::from_millis(20)).unwrap());
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| hold(&path).unwrap().is_some());
            drop(first);
            assert!(waits.join().unwrap());
        });
        assert!(try_hold(&second, true, Duration::ZERO).unwrap());
    }

    #[test]
    fn who_is_there() {
        assert!(is_there(std::process::id()) && is_there(1));
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        assert!(!is_there(child.id()) && !is_there(0) && !is_there(u32::MAX));
    }

    #[test]
    fn a_dead_holder_is_not_seen_for_long() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let seen = |name: Option<u32>| look(&mut File::open(file.path()).unwrap(), |_| name, |pid| *pid);
        assert_eq!(seen(Some(1)), Ok(()));
        let held = hold(file.path()).unwrap().unwrap();
        assert_eq!((seen(Some(1)), seen(None)), (Err(Some(1)), Err(None)));
        // One that another machine or container has.
        let stranger = Some(u32::MAX);
        assert_eq!(seen(stranger), Err(stranger));
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| seen(stranger));
            drop(held);
            assert_eq!(waits.join().unwrap(), Ok(()));
        });
    }
}

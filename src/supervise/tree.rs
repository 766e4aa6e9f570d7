//! Processes as the operating system has them: spawning, signalling, finding and reaping.
//!
//! The only unsafe code of the program is here (the hook between fork and exec, descriptors for the runtime), and every call that
//! only Linux has, each with what happens elsewhere (macOS is written for, not tested):
//!
//! | Linux | elsewhere |
//! | --- | --- |
//! | parent-death signal | none: a killed program leaves its children to the next start's user |
//! | child subreaper, process table in `/proc` | only the process group is signalled; children that left it are not found |
//! | pidfd to signal and to await | `kill` by pid; the end of a child by `SIGCHLD` |
//! | CPU time of a tree | not known: only output counts as activity |
//! | pipe size | the system's |
#![expect(unsafe_code, reason = "a pre-exec hook and a watched descriptor cannot be had without it")]

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::outcome::Exit;
pub(super) use os::{
    Handle, children, cpu_ticks, environ, holds, ignored_signals, own_identity, pids, stat, ticks_per_second,
    words_of,
};

/// Our own children. A re-parented orphan is told from them by not being in here; reaping one of them elsewhere
/// would steal its exit status. The lock is held from fork to registration, so no child exists outside of it.
static OWN: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

fn own() -> MutexGuard<'static, BTreeSet<i32>> {
    OWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A child of ours that leads its own session and process group.
#[derive(Debug)]
pub(super) struct Leader {
    child: Child,
    pid: Pid,
    reaped: bool,
}

/// Starts `command` in its own session, with a parent-death signal, and with `terminal` (if any) as its
/// controlling terminal. Must be called on a thread that lives as long as the child should.
pub(super) fn spawn(mut command: Command, terminal: Option<OwnedFd>) -> io::Result<(Leader, Pipes)> {
    os::become_subreaper();
    let parent = rustix::process::getpid();
    // SAFETY: the hook runs in the forked child before exec. It only makes system calls: it allocates nothing,
    // takes no lock and touches no memory but its own captures.
    unsafe {
        command.pre_exec(move || {
            rustix::process::setsid()?;
            os::die_with_parent(parent)?;
            if let Some(terminal) = &terminal {
                rustix::process::ioctl_tiocsctty(terminal)?;
            }
            Ok(())
        });
    }
    let mut own = own();
    let mut child = command.spawn()?;
    let pid = Pid::from_child(&child);
    own.insert(pid.as_raw_nonzero().get());
    drop(own);
    let pipes = Pipes {
        stdin: child.stdin.take().map(OwnedFd::from),
        stdout: child.stdout.take().map(OwnedFd::from),
        stderr: child.stderr.take().map(OwnedFd::from),
    };
    Ok((Leader { child, pid, reaped: false }, pipes))
}

/// Our ends of a child's pipes.
#[derive(Debug)]
pub(super) struct Pipes {
    pub stdin: Option<OwnedFd>,
    pub stdout: Option<OwnedFd>,
    pub stderr: Option<OwnedFd>,
}

impl Leader {
    pub(super) fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// How the child ended, without reaping it: as long as it is not reaped, its group's number stays its own.
    pub(super) fn peek(&self) -> Option<Exit> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        match retry(|| rustix::process::waitid(WaitId::Pid(self.pid), options)) {
            Ok(Some(status)) => Some(match (status.exit_status(), status.terminating_signal()) {
                (Some(code), _) => Exit::Code(code),
                (None, Some(signal)) => Exit::Signal(signal),
                (None, None) => Exit::None,
            }),
            Ok(None) => None,
            Err(_) => Some(Exit::None),
        }
    }

    /// The child has ended or is about to, whatever is done to it now.
    pub(super) fn on_its_way_out(&self) -> bool {
        stat(self.pid()).map_or_else(|| self.peek().is_some(), |stat| stat.exiting || stat.state == b'Z')
    }

    /// Signals the child's whole group.
    pub(super) fn signal_group(&self, signal: Signal) {
        if !self.reaped {
            // The group may be empty but for the unreaped child; nothing is lost then.
            let _ = rustix::process::kill_process_group(self.pid, signal);
        }
    }

    /// Takes the child out of the process table once it has ended.
    pub(super) fn reap(&mut self) {
        if !self.reaped && matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
            self.reaped = true;
            own().remove(&self.pid());
        }
    }
}

impl Drop for Leader {
    /// Whoever drops a running child (a cancelled future, a panic) does not leave it behind.
    fn drop(&mut self) {
        self.signal_group(Signal::KILL);
        self.reap();
        own().remove(&self.pid());
    }
}

/// Orphans that were re-parented to this program: children that are not its own.
pub(super) fn adopted() -> Vec<i32> {
    let own = own();
    let mut found = os::own_children();
    found.retain(|pid| !own.contains(pid));
    found
}

/// Reaps an adopted orphan that has ended, by its pid. Children of other parts of the program share its session
/// and are left alone, as is everything of our own.
pub(super) fn reap_orphan(pid: i32) {
    let own = own();
    let Some(raw) = Pid::from_raw(pid) else { return };
    let ours = rustix::process::getsid(None).map(|sid| sid.as_raw_nonzero().get());
    if own.contains(&pid) || stat(pid).is_none_or(|s| s.state != b'Z' || Ok(s.session) == ours) {
        return;
    }
    let _ = retry(|| rustix::process::waitpid(Some(raw), rustix::process::WaitOptions::NOHANG));
}

/// Lets the runtime watch a descriptor.
pub(super) fn watched(fd: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` names the same open descriptor until it is dropped, and the `AsyncFd` owns it.
    unsafe { AsyncFd::register_with_interest(fd, interest) }.map_err(io::Error::from)
}

/// Asks for a larger pipe, so that a chatty child and we switch less often.
pub(super) fn widen(pipe: impl AsFd) {
    os::widen(pipe.as_fd());
}

fn retry<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> rustix::io::Result<T> {
    loop {
        match call() {
            Err(rustix::io::Errno::INTR) => {}
            other => return other,
        }
    }
}

#[cfg(target_os = "linux")]
mod os {
    use std::fs;
    use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
    use std::sync::Once;

    use rustix::process::{Pid, PidfdFlags, Signal};

    use super::super::procfs::{self, Stat};

    pub fn become_subreaper() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            // Refused only by kernels older than this program's libc supports; then orphans go to init.
            let _ = rustix::process::set_child_subreaper(Pid::from_raw(1));
        });
    }

    /// Runs between fork and exec.
    pub fn die_with_parent(parent: Pid) -> rustix::io::Result<()> {
        rustix::process::set_parent_process_death_signal(Some(Signal::TERM))?;
        // The parent may have died before the call above took hold.
        if rustix::process::getppid() == Some(parent) { Ok(()) } else { Err(rustix::io::Errno::SRCH) }
    }

    pub fn stat(pid: i32) -> Option<Stat> {
        procfs::parse_stat(&fs::read(format!("/proc/{pid}/stat")).ok()?)
    }

    pub fn environ(pid: i32) -> Option<Vec<u8>> {
        fs::read(format!("/proc/{pid}/environ")).ok()
    }

    pub fn words_of(pid: i32) -> Vec<String> {
        procfs::words(&fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default())
    }

    /// Whether a process has one of these open; never said of a copy of this program before its exec.
    pub fn holds(pid: i32, links: &[String]) -> bool {
        let Ok(fds) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
        let held = fds
            .flatten()
            .filter_map(|fd| fs::read_link(fd.path()).ok())
            .any(|target| links.iter().any(|link| target.as_os_str() == link.as_str()));
        held && !(stat(pid).is_some_and(|s| s.ppid == own_pid())
            && fs::read_link(format!("/proc/{pid}/exe")).ok() == fs::read_link("/proc/self/exe").ok())
    }

    fn own_pid() -> i32 {
        rustix::process::getpid().as_raw_nonzero().get()
    }

    pub fn pids() -> Vec<i32> {
        let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
        entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
    }

    pub fn own_children() -> Vec<i32> {
        children(own_pid())
    }

    /// Children of all threads of a process. A kernel without the `children` file costs a walk of the table.
    pub fn children(pid: i32) -> Vec<i32> {
        let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
        let mut found = Vec::new();
        for task in tasks.flatten() {
            match fs::read(task.path().join("children")) {
                Ok(text) => found.extend(procfs::parse_pids(&text)),
                Err(_) if task.path().exists() => {
                    return pids()
                        .into_iter()
                        .filter(|other| stat(*other).is_some_and(|s| s.ppid == pid))
                        .collect();
                }
                Err(_) => {}
            }
        }
        found
    }

    /// CPU time of a process and its reaped children.
    pub fn cpu_ticks(pid: i32) -> Option<u64> {
        stat(pid).map(|s| s.ticks)
    }

    pub fn ticks_per_second() -> u64 {
        rustix::param::clock_ticks_per_second()
    }

    pub fn ignored_signals() -> Vec<i32> {
        fs::read_to_string("/proc/self/status").map(|text| procfs::ignored(&text)).unwrap_or_default()
    }

    /// Pid and start time of this program, by which a later one recognises whether it still lives.
    pub fn own_identity() -> String {
        format!("{}:{}", own_pid(), stat(own_pid()).map_or(0, |s| s.start))
    }

    pub fn widen(pipe: BorrowedFd<'_>) {
        // Refused beyond the user's quota for pipes; the old size works too.
        let _ = rustix::pipe::fcntl_setpipe_size(pipe, 1 << 20);
    }

    /// A process named for good: its number cannot come to mean another one.
    #[derive(Debug)]
    pub struct Handle {
        fd: OwnedFd,
    }

    impl Handle {
        /// None when the process with this start time is gone.
        pub fn open(pid: i32, start: u64) -> Option<Self> {
            let fd = rustix::process::pidfd_open(Pid::from_raw(pid)?, PidfdFlags::NONBLOCK).ok()?;
            (stat(pid)?.start == start).then_some(Self { fd })
        }

        pub fn signal(&self, signal: Signal) {
            // It may have ended meanwhile, which is what is wanted.
            let _ = rustix::process::pidfd_send_signal(&self.fd, signal);
        }
    }

    impl From<Handle> for OwnedFd {
        fn from(handle: Handle) -> Self {
            handle.fd
        }
    }

    impl AsFd for Handle {
        /// Readable once the process has ended.
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.fd.as_fd()
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod os {
    use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

    use rustix::process::{Pid, Signal};

    use super::super::procfs::Stat;

    pub fn become_subreaper() {}

    #[expect(clippy::unnecessary_wraps, reason = "same shape as on Linux")]
    pub fn die_with_parent(_parent: Pid) -> rustix::io::Result<()> {
        Ok(())
    }

    pub fn stat(_pid: i32) -> Option<Stat> {
        None
    }

    pub fn environ(_pid: i32) -> Option<Vec<u8>> {
        None
    }

    pub fn words_of(_pid: i32) -> Vec<String> {
        Vec::new()
    }

    pub fn holds(_pid: i32, _links: &[String]) -> bool {
        false
    }

    pub fn pids() -> Vec<i32> {
        Vec::new()
    }

    pub fn own_children() -> Vec<i32> {
        Vec::new()
    }

    pub fn children(_pid: i32) -> Vec<i32> {
        Vec::new()
    }

    pub fn cpu_ticks(_pid: i32) -> Option<u64> {
        None
    }

    pub fn ticks_per_second() -> u64 {
        100
    }

    pub fn ignored_signals() -> Vec<i32> {
        Vec::new()
    }

    pub fn own_identity() -> String {
        format!("{}:0", rustix::process::getpid().as_raw_nonzero())
    }

    pub fn widen(_pipe: BorrowedFd<'_>) {}

    /// Never made: without a process table no process is found by mark.
    #[derive(Debug)]
    pub struct Handle {
        fd: OwnedFd,
    }

    impl Handle {
        pub fn open(_pid: i32, _start: u64) -> Option<Self> {
            None
        }

        pub fn signal(&self, _signal: Signal) {}
    }

    impl From<Handle> for OwnedFd {
        fn from(handle: Handle) -> Self {
            handle.fd
        }
    }

    impl AsFd for Handle {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.fd.as_fd()
        }
    }
}

//! Processes as the operating system has them: spawning, signalling, adopting and reaping.
//!
//! The only unsafe code of the program is here, and every call that only Linux has, each with what happens
//! elsewhere (macOS is written for, not tested):
//!
//! | Linux | elsewhere |
//! | --- | --- |
//! | a child that shares memory until its exec, so that spawning costs the same whatever is resident | fork |
//! | parent-death signal | none: a killed program leaves its children alive |
//! | child subreaper (with the process table, `table.rs`) | only the process group is ended |
//! | pidfd to signal and to await | the end of a child by `SIGCHLD`, nobody else's |
//! | pipe size | the system's |
#![expect(
    unsafe_code,
    reason = "spawning into a new session and watching a descriptor cannot be had without it"
)]

use std::collections::BTreeSet;
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::io::retry_on_intr;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, WaitOptions};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

pub(super) use self::os::Handle;
use super::outcome::Exit;
use super::table;

/// Our own children. A re-parented orphan is told from them by not being in here; reaping one of them elsewhere
/// would steal its exit status. The lock is held from birth to registration, so no child exists outside of it.
static OWN: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

fn own() -> MutexGuard<'static, BTreeSet<i32>> {
    OWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Everything a child starts with; nothing else is inherited.
#[derive(Debug)]
pub(super) struct Birth {
    /// An absolute path.
    pub program: CString,
    pub argv: Vec<CString>,
    /// `NAME=value`.
    pub environment: Vec<CString>,
    pub cwd: CString,
    /// What become descriptors 0, 1 and 2. Their numbers are above those: the standard library fills gaps there
    /// before `main`.
    pub stdio: [OwnedFd; 3],
    /// Descriptor 1 is a terminal that the child shall control.
    pub terminal: bool,
}

/// A child of ours that leads its own session and process group.
#[derive(Debug)]
pub(super) struct Leader {
    pid: Pid,
    reaped: bool,
}

/// Starts a child in its own session, with a parent-death signal: it gets SIGTERM when the *thread* that calls this
/// ends, so that thread must live as long as the child should.
pub(super) fn spawn(birth: &Birth) -> io::Result<Leader> {
    os::become_subreaper();
    let mut own = own();
    let pid = os::spawn(birth)?;
    own.insert(pid.as_raw_nonzero().get());
    Ok(Leader { pid, reaped: false })
}

impl Leader {
    pub(super) fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// How the child ended, without reaping it: as long as it is not reaped, its group's number stays its own.
    pub(super) fn peek(&self) -> Option<Exit> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        match retry_on_intr(|| rustix::process::waitid(WaitId::Pid(self.pid), options)) {
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
        let stat = table::stat(self.pid());
        stat.map_or_else(|| self.peek().is_some(), |stat| stat.exiting || stat.state == b'Z')
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
        let reap = || rustix::process::waitpid(Some(self.pid), WaitOptions::NOHANG);
        if !self.reaped && matches!(retry_on_intr(reap), Ok(Some(_)) | Err(_)) {
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
    let mut found = table::children(table::own_pid());
    found.retain(|pid| !own.contains(pid));
    found
}

/// Reaps an adopted orphan that has ended, by its pid. Children of other parts of the program share its session
/// and are left alone, as is everything of our own.
pub(super) fn reap_orphan(pid: i32) {
    let own = own();
    let Some(raw) = Pid::from_raw(pid) else { return };
    let ours = table::own_stat().map(|stat| stat.session);
    if own.contains(&pid) || table::stat(pid).is_none_or(|s| s.state != b'Z' || Some(s.session) == ours) {
        return;
    }
    let _ = retry_on_intr(|| rustix::process::waitpid(Some(raw), WaitOptions::NOHANG));
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

#[cfg(target_os = "linux")]
mod os {
    use std::ffi::{CString, c_char, c_int, c_void};
    use std::io;
    use std::mem::MaybeUninit;
    use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
    use std::ptr;
    use std::sync::Once;
    use std::sync::atomic::{AtomicI32, Ordering};

    use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};

    use super::super::table;
    use super::Birth;

    /// The child's stack until its exec; a few calls deep.
    const STACK: usize = 64 * 1024;

    pub fn become_subreaper() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            // Refused only by kernels older than this program's libc supports; then orphans go to init.
            let _ = rustix::process::set_child_subreaper(Pid::from_raw(1));
        });
    }

    /// What the child needs between its birth and its exec. It points into memory of the parent, which waits.
    struct Plan {
        program: *const c_char,
        argv: *const *const c_char,
        environment: *const *const c_char,
        cwd: *const c_char,
        stdio: [c_int; 3],
        terminal: bool,
        parent: c_int,
        /// Why there was no exec.
        error: AtomicI32,
    }

    /// Like `posix_spawn` (which cannot set a parent-death signal): the child shares our memory and we stand still
    /// until it has called exec, so nothing is copied.
    pub fn spawn(birth: &Birth) -> io::Result<Pid> {
        let list = |words: &[CString]| -> Vec<*const c_char> {
            words.iter().map(|word| word.as_ptr()).chain([ptr::null()]).collect()
        };
        let (argv, environment) = (list(&birth.argv), list(&birth.environment));
        let mut plan = Plan {
            program: birth.program.as_ptr(),
            argv: argv.as_ptr(),
            environment: environment.as_ptr(),
            cwd: birth.cwd.as_ptr(),
            stdio: [&birth.stdio[0], &birth.stdio[1], &birth.stdio[2]].map(AsRawFd::as_raw_fd),
            terminal: birth.terminal,
            parent: table::own_pid(),
            error: AtomicI32::new(0),
        };
        let mut stack = vec![MaybeUninit::<u128>::uninit(); STACK / size_of::<u128>()];
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
        let mut every = MaybeUninit::uninit();
        let mut before = MaybeUninit::uninit();
        // SAFETY: `CLONE_VFORK` holds this thread until the child has called exec or is gone, so `plan`, what it
        // points to and `stack` outlive the child's use of them, and the child, which runs on a stack of its own,
        // is the only one that uses this thread's thread-local memory (`errno`) meanwhile. All signals are blocked
        // around it, so that no handler of ours runs in the child and sees the shared memory. `child` makes system
        // calls only. The stack's end is aligned to 16 bytes, as that of a vector of `u128` is.
        let (pid, failed) = unsafe {
            libc::sigfillset(every.as_mut_ptr());
            libc::pthread_sigmask(libc::SIG_SETMASK, every.as_ptr(), before.as_mut_ptr());
            let end = stack.as_mut_ptr().add(stack.len());
            let pid = libc::clone(child, end.cast(), flags, ptr::from_mut(&mut plan).cast());
            let failed = io::Error::last_os_error();
            libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut());
            (pid, failed)
        };
        drop((argv, environment, stack));
        let Some(pid) = Pid::from_raw(pid).filter(|_| pid > 0) else { return Err(failed) };
        match plan.error.load(Ordering::Acquire) {
            0 => Ok(pid),
            error => {
                let _ =
                    rustix::io::retry_on_intr(|| rustix::process::waitpid(Some(pid), WaitOptions::empty()));
                Err(io::Error::from_raw_os_error(error))
            }
        }
    }

    /// The child until its exec. It must not allocate, lock, panic or return into our frames.
    extern "C" fn child(plan: *mut c_void) -> c_int {
        // SAFETY: the parent passes a `Plan` and waits; see `spawn`.
        let plan = unsafe { &*plan.cast::<Plan>() };
        // SAFETY: system calls on values of the plan, which are valid as long as the parent waits.
        unsafe {
            prepare(plan);
            // Only failures come here.
            plan.error.store(*libc::__errno_location(), Ordering::Release);
            libc::_exit(127)
        }
    }

    /// Returns when a step failed.
    ///
    /// # Safety
    ///
    /// Only in a child that `spawn` made, with its plan.
    unsafe fn prepare(plan: &Plan) {
        // SAFETY: as above; every pointer is the plan's or a local's.
        unsafe {
            forget_handlers();
            if libc::setsid() < 0 || libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) < 0 {
                return;
            }
            // The parent may have died before the call above took hold.
            if libc::getppid() != plan.parent {
                *libc::__errno_location() = libc::ESRCH;
                return;
            }
            for (target, source) in (0..).zip(plan.stdio) {
                if libc::dup2(source, target) < 0 {
                    return;
                }
            }
            if plan.terminal && libc::ioctl(1, libc::TIOCSCTTY, 0) < 0 {
                return;
            }
            if libc::chdir(plan.cwd) < 0 {
                return;
            }
            let mut none = MaybeUninit::uninit();
            libc::sigemptyset(none.as_mut_ptr());
            libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), ptr::null_mut());
            libc::execve(plan.program, plan.argv, plan.environment);
        }
    }

    /// Handlers would run on our memory as soon as signals are let through. What is ignored stays ignored, but for
    /// SIGPIPE, which only Rust programs ignore.
    ///
    /// # Safety
    ///
    /// Only in a child that does not share its table of handlers with the parent.
    unsafe fn forget_handlers() {
        // SAFETY: plain data that the call fills in; numbers that are no signals are refused by it.
        unsafe {
            for signal in 1..=libc::SIGRTMAX() {
                let mut action = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
                if libc::sigaction(signal, ptr::null(), &raw mut action) < 0 {
                    continue;
                }
                let ignored = action.sa_sigaction == libc::SIG_IGN && signal != libc::SIGPIPE;
                if action.sa_sigaction != libc::SIG_DFL && !ignored {
                    action = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
                    action.sa_sigaction = libc::SIG_DFL;
                    libc::sigaction(signal, &raw const action, ptr::null_mut());
                }
            }
        }
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
            let handle = Self::of(pid)?;
            (table::stat(pid)?.start == start).then_some(handle)
        }

        /// For a child of our own that is not reaped: it cannot lose its number.
        pub fn of(pid: i32) -> Option<Self> {
            let fd = rustix::process::pidfd_open(Pid::from_raw(pid)?, PidfdFlags::NONBLOCK).ok()?;
            Some(Self { fd })
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
    use std::ffi::{CString, OsStr, OsString};
    use std::io;
    use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use rustix::process::{Pid, Signal};

    use super::Birth;

    pub fn become_subreaper() {}

    pub fn spawn(birth: &Birth) -> io::Result<Pid> {
        let terminal = birth.terminal;
        let word = |word: &CString| OsString::from_vec(word.as_bytes().to_vec());
        let Birth { program, argv, environment, cwd, stdio: [stdin, stdout, stderr], .. } = birth;
        let mut command = Command::new(word(program));
        command.args(argv.iter().skip(1).map(word)).current_dir(word(cwd)).env_clear();
        for entry in environment {
            let bytes = entry.as_bytes();
            let cut = bytes.iter().position(|b| *b == b'=').unwrap_or(bytes.len());
            let value = bytes.get(cut + 1..).unwrap_or_default();
            command.env(OsStr::from_bytes(&bytes[..cut]), OsStr::from_bytes(value));
        }
        command.stdin(stdin.try_clone()?).stdout(stdout.try_clone()?).stderr(stderr.try_clone()?);
        // SAFETY: the hook runs in the forked child before exec and only makes system calls: it allocates nothing,
        // takes no lock and touches no memory but its own capture.
        unsafe {
            command.pre_exec(move || {
                rustix::process::setsid()?;
                if terminal {
                    rustix::process::ioctl_tiocsctty(rustix::stdio::stdout())?;
                }
                Ok(())
            });
        }
        // Dropping the handle neither ends nor reaps the child.
        Ok(Pid::from_child(&command.spawn()?))
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

        pub fn of(_pid: i32) -> Option<Self> {
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

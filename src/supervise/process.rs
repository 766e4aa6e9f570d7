//! From a request to a running child and its streams.

use std::collections::BTreeMap;
use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::task::{Context, Poll, ready};

use rustix::io::Errno;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::activity::Stream;
use super::kin::{self, ANCESTRY_VAR, ATTEMPT_VAR, KEEP_VAR, OWNER_VAR, PROJECT_VAR};
use super::outcome::{ErrorKind, Exit};
use super::request::{Request, Stdin};
use super::tree::{self, Birth, Handle, Leader};
use super::{pty, stop, table};

/// Variables that make an agent refuse to start within another one.
const NEVER_INHERITED: &[&str] = &["CLAUDECODE"];

/// Why there is no child.
#[derive(Debug, thiserror::Error)]
pub(super) enum SpawnError {
    #[error("start a process from an empty command")]
    Empty,
    #[error("start `{program}`: the working directory `{}` does not exist", cwd.display())]
    NoCwd { program: String, cwd: PathBuf },
    #[error("find the program `{0}`")]
    NotFound(String),
    #[error("start `{program}`: its interpreter does not exist")]
    NoInterpreter { program: String },
    #[error("start `{program}`: {source}")]
    Os { program: String, source: io::Error },
}

impl SpawnError {
    pub(super) fn kind(&self) -> ErrorKind {
        match self {
            Self::Empty | Self::NoCwd { .. } => ErrorKind::InvalidRequest,
            Self::NotFound(_) => ErrorKind::NotFound,
            Self::Os { source, .. } if source.kind() == io::ErrorKind::InvalidInput => {
                ErrorKind::InvalidRequest
            }
            Self::Os { .. } | Self::NoInterpreter { .. } => ErrorKind::Os,
        }
    }
}

/// A child and everything that can be heard of it.
pub(super) struct Running {
    pub leader: Leader,
    pub end: EndWatch,
    pub sources: [Option<Source>; 2],
    pub feeder: Option<Feeder>,
}

/// Starts the child.
pub(super) fn start(request: &mut Request) -> Result<Running, SpawnError> {
    let Some(name) = request.argv.first().cloned() else { return Err(SpawnError::Empty) };
    let shown = name.to_string_lossy().into_owned();
    if !request.cwd.is_dir() {
        return Err(SpawnError::NoCwd { program: shown, cwd: request.cwd.clone() });
    }
    let program = resolve(&name, request).ok_or_else(|| SpawnError::NotFound(shown.clone()))?;
    give_birth(&program, request).map_err(|source| {
        if source.kind() == io::ErrorKind::NotFound {
            SpawnError::NoInterpreter { program: shown }
        } else {
            SpawnError::Os { program: shown, source }
        }
    })
}

fn give_birth(program: &Path, request: &mut Request) -> io::Result<Running> {
    let (stdin, prompt) = match std::mem::take(&mut request.stdin) {
        Stdin::Null => (File::open("/dev/null")?.into(), None),
        Stdin::Bytes(bytes) => {
            let (reader, writer) = io::pipe()?;
            (reader.into(), Some((writer.into(), bytes)))
        }
    };
    let (stdout, stderr, ours) = if request.pty {
        let pair = pty::open()?;
        (pair.slave.try_clone()?, pair.slave, [Some(pair.master), None])
    } else {
        let ((out, stdout), (err, stderr)) = (io::pipe()?, io::pipe()?);
        (stdout.into(), stderr.into(), [Some(out.into()), Some(err.into())])
    };
    let birth = Birth {
        program: c_string(program.as_os_str())?,
        argv: request.argv.iter().map(|word| c_string(word)).collect::<io::Result<_>>()?,
        environment: environment(request)?,
        cwd: c_string(request.cwd.as_os_str())?,
        stdio: [stdin, stdout, stderr],
        terminal: request.pty,
    };
    let leader = tree::spawn(&birth)?;
    // Our copies of the child's ends: as long as they are open, its streams have no end.
    drop(birth);
    let end = EndWatch::new(&leader)?;
    let [out, err] = ours;
    let source = |fd: Option<OwnedFd>, stream| fd.map(|fd| Source::new(fd, stream, request.pty)).transpose();
    let sources = [source(out, Stream::Stdout)?, source(err, Stream::Stderr)?];
    let feeder = prompt.map(|(fd, bytes)| Feeder::begin(fd, bytes)).transpose()?.flatten();
    Ok(Running { leader, end, sources, feeder })
}

/// What is inherited, changed by what was asked for, and the marks.
fn environment(request: &Request) -> io::Result<Vec<CString>> {
    let mut vars: BTreeMap<OsString, OsString> = std::env::vars_os().collect();
    let mut ancestry = vars.remove(OsStr::new(ANCESTRY_VAR)).unwrap_or_default();
    if !ancestry.is_empty() {
        ancestry.push(":");
    }
    ancestry.push(&request.attempt);
    for name in
        NEVER_INHERITED.iter().map(OsStr::new).chain(request.env_remove.iter().map(OsString::as_os_str))
    {
        vars.remove(name);
    }
    if request.pty {
        vars.extend(pty::ENVIRONMENT.iter().map(|(name, value)| (name.into(), value.into())));
    }
    vars.extend(request.env.iter().cloned());
    vars.insert(ATTEMPT_VAR.into(), request.attempt.clone().into());
    vars.insert(ANCESTRY_VAR.into(), ancestry);
    vars.insert(PROJECT_VAR.into(), kin::project_mark(&request.marker_root).into());
    vars.insert(OWNER_VAR.into(), table::own_identity().into());
    vars.remove(OsStr::new(KEEP_VAR));
    if request.leave_running {
        vars.insert(KEEP_VAR.into(), "1".into());
    }
    vars.into_iter()
        .map(|(mut name, value)| {
            name.push("=");
            name.push(value);
            c_string(&name)
        })
        .collect()
}

fn c_string(word: &OsStr) -> io::Result<CString> {
    Ok(CString::new(word.as_bytes())?)
}

/// The absolute path of a program: as given, relative to the working directory, or from the child's PATH.
fn resolve(name: &OsStr, request: &Request) -> Option<PathBuf> {
    let runs =
        |path: &PathBuf| path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok();
    if Path::new(name).components().count() > 1 || Path::new(name).is_absolute() {
        // One that exists but cannot be executed is for the system to explain.
        return Some(request.cwd.join(name)).filter(|path| path.exists());
    }
    let given = request.env.iter().rev().find(|(var, _)| var == "PATH").map(|(_, value)| value.clone());
    let path: OsString = given.or_else(|| std::env::var_os("PATH"))?;
    std::env::split_paths(&path).map(|folder| request.cwd.join(folder).join(name)).find(runs)
}

/// Tells that the child has ended, without reaping it.
pub(super) enum EndWatch {
    Handle(AsyncFd<OwnedFd>),
    /// Where processes have no descriptors.
    Signal(Signal),
}

impl EndWatch {
    fn new(leader: &Leader) -> io::Result<Self> {
        match Handle::of(leader.pid()) {
            Some(handle) => Ok(Self::Handle(tree::watched(handle.into(), Interest::READABLE)?)),
            None => Ok(Self::Signal(signal(SignalKind::from_raw(stop::SIGCHLD))?)),
        }
    }

    pub(super) fn poll(&mut self, leader: &Leader, cx: &mut Context<'_>) -> Poll<Exit> {
        loop {
            match self {
                Self::Handle(fd) => match ready!(fd.poll_read_ready(cx)) {
                    Ok(mut guard) => match leader.peek() {
                        Some(exit) => return Poll::Ready(exit),
                        None => guard.clear_ready(),
                    },
                    // Only a runtime that shuts down says so; the child is ended by its owner's drop.
                    Err(_) => return Poll::Pending,
                },
                Self::Signal(signal) => {
                    if let Some(exit) = leader.peek() {
                        return Poll::Ready(exit);
                    }
                    let _ = ready!(signal.poll_recv(cx));
                }
            }
        }
    }
}

/// One stream of the child.
pub(super) struct Source {
    fd: AsyncFd<OwnedFd>,
    pub stream: Stream,
    terminal: bool,
    widened: bool,
}

impl Source {
    fn new(fd: OwnedFd, stream: Stream, terminal: bool) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&fd, true)?;
        Ok(Self { fd: tree::watched(fd, Interest::READABLE)?, stream, terminal, widened: terminal })
    }

    /// Bytes lie ready that nobody has told about yet.
    pub(super) fn has_bytes(&self) -> bool {
        rustix::io::ioctl_fionread(self.fd.get_ref()).is_ok_and(|count| count > 0)
    }

    /// What lies ready, without waiting; none at the end or when there is nothing.
    pub(super) fn read_ready(&self, buffer: &mut [u8]) -> Option<usize> {
        rustix::io::read(self.fd.get_ref(), buffer).ok().filter(|count| *count > 0)
    }

    /// The name under which other processes' descriptors show the other end.
    pub(super) fn link(&self) -> Option<String> {
        if self.terminal {
            return rustix::pty::ptsname(self.fd.get_ref(), Vec::new()).ok()?.into_string().ok();
        }
        rustix::fs::fstat(self.fd.get_ref()).ok().map(|stat| format!("pipe:[{}]", stat.st_ino))
    }

    /// The next bytes; zero at the end.
    pub(super) fn poll_read(&mut self, buffer: &mut [u8], cx: &mut Context<'_>) -> Poll<usize> {
        loop {
            let Ok(mut guard) = ready!(self.fd.poll_read_ready(cx)) else { return Poll::Ready(0) };
            match rustix::io::read(guard.get_inner(), &mut *buffer) {
                Ok(count) => {
                    if count == buffer.len() && !self.widened {
                        tree::widen(guard.get_inner());
                        self.widened = true;
                    } else if count > 0 && count < buffer.len() && !self.terminal {
                        // A pipe that gave less than asked for is empty: this spares the read that says so.
                        guard.clear_ready();
                    }
                    return Poll::Ready(count);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => guard.clear_ready(),
                // A terminal whose last user is gone says EIO.
                Err(_) => return Poll::Ready(0),
            }
        }
    }
}

/// Hands the prompt over and ends stdin.
pub(super) struct Feeder {
    fd: AsyncFd<OwnedFd>,
    bytes: Vec<u8>,
    at: usize,
}

impl Feeder {
    /// Writes what the pipe takes at once; none when that was all.
    fn begin(fd: OwnedFd, bytes: Vec<u8>) -> io::Result<Option<Self>> {
        rustix::io::ioctl_fionbio(&fd, true)?;
        let mut at = 0;
        while at < bytes.len() {
            match rustix::io::write(&fd, &bytes[at..]) {
                Ok(count) => at += count,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    let fd = tree::watched(fd, Interest::WRITABLE)?;
                    return Ok(Some(Self { fd, bytes, at }));
                }
                // The child does not want to read.
                Err(_) => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Ready once everything is written or the child has closed its stdin.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.at < self.bytes.len() {
            let Ok(mut guard) = ready!(self.fd.poll_write_ready(cx)) else { return Poll::Ready(()) };
            match rustix::io::write(guard.get_inner(), &self.bytes[self.at..]) {
                Ok(count) => self.at += count,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => guard.clear_ready(),
                Err(_) => return Poll::Ready(()),
            }
        }
        Poll::Ready(())
    }
}

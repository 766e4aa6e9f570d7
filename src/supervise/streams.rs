//! What can be heard of a child and said to it, without waiting: its end, its output, its input.

use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll, ready};

use rustix::io::Errno;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::activity::Stream;
use super::outcome::Exit;
use super::stop;
use super::tree::{self, Handle, Leader};

/// Tells that the child has ended, without reaping it.
pub(super) enum EndWatch {
    Handle(AsyncFd<OwnedFd>),
    /// Where processes have no descriptors.
    Signal(Signal),
}

impl EndWatch {
    pub(super) fn new(leader: &Leader) -> io::Result<Self> {
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
    pub(super) fn new(fd: OwnedFd, stream: Stream, terminal: bool) -> io::Result<Self> {
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
    pub(super) fn begin(fd: OwnedFd, bytes: Vec<u8>) -> io::Result<Option<Self>> {
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

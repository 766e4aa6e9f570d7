//! A pseudo-terminal for agents that insist on one.

use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{
    LocalModes, OptionalActions, OutputModes, Winsize, tcgetattr, tcsetattr, tcsetwinsize,
};

/// What a program under the terminal is told about it: nothing to draw with.
pub(super) const ENVIRONMENT: &[(&str, &str)] = &[("TERM", "dumb"), ("COLUMNS", "120"), ("LINES", "40")];

pub(super) struct Pair {
    pub master: OwnedFd,
    pub slave: OwnedFd,
}

/// Opens a terminal of 120×40 that passes output on byte for byte and echoes nothing.
pub(super) fn open() -> io::Result<Pair> {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | close_on_exec())?;
    rustix::io::fcntl_setfd(&master, rustix::io::FdFlags::CLOEXEC)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let name = ptsname(&master, Vec::new())?;
    let slave =
        rustix::fs::open(name.as_c_str(), OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?;
    let mut modes = tcgetattr(&slave)?;
    modes.output_modes.remove(OutputModes::OPOST);
    modes.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&slave, OptionalActions::Now, &modes)?;
    tcsetwinsize(&slave, Winsize { ws_row: 40, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 })?;
    Ok(Pair { master, slave })
}

/// On Linux without a gap in which another thread's child could inherit the descriptor.
fn close_on_exec() -> OpenptFlags {
    #[cfg(target_os = "linux")]
    return OpenptFlags::CLOEXEC;
    #[cfg(not(target_os = "linux"))]
    return OpenptFlags::empty();
}

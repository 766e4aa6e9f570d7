//! Leaves the user's terminal as it was found, whatever an agent did to it.

use std::io::{stderr, stdin, stdout};
use std::os::fd::{AsFd, BorrowedFd};

use rustix::process::Pid;
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetpgrp, tcsetattr};

use super::table;

/// The modes of the terminal this program runs on, restored when dropped.
pub(super) struct Saved(Option<Termios>);

impl Saved {
    pub(super) fn take() -> Self {
        Self(with_terminal(|terminal| tcgetattr(terminal).ok()))
    }
}

impl Drop for Saved {
    fn drop(&mut self) {
        let Some(saved) = self.0.take() else { return };
        with_terminal(|terminal| {
            let now = tcgetattr(terminal).ok()?;
            // Setting modes from the background would stop this program.
            let foreground = tcgetpgrp(terminal).ok()? == own_group()?;
            if foreground && differ(&now, &saved) {
                tcsetattr(terminal, OptionalActions::Now, &saved).ok()?;
            }
            Some(())
        });
    }
}

/// Nothing where this program's group lies outside of its container: it cannot be in the foreground then.
fn own_group() -> Option<Pid> {
    match table::own_stat() {
        Some(stat) => Pid::from_raw(stat.pgrp),
        None => Some(rustix::process::getpgrp()),
    }
}

fn differ(a: &Termios, b: &Termios) -> bool {
    (a.input_modes, a.output_modes, a.control_modes, a.local_modes)
        != (b.input_modes, b.output_modes, b.control_modes, b.local_modes)
}

fn with_terminal<T>(action: impl FnOnce(BorrowedFd<'_>) -> Option<T>) -> Option<T> {
    let (input, output, errors) = (stdin(), stdout(), stderr());
    let terminal = [input.as_fd(), output.as_fd(), errors.as_fd()].into_iter().find(|fd| isatty(fd))?;
    action(terminal)
}

//! The terminal view on a real terminal, beside real runs (interface.md I6).

mod leaving;
mod outputs;
mod runs;
mod vt;

use std::io::{Read, Write};
use std::process::Child;
use std::sync::{Arc, Mutex};

use rustix::process::Pid;
use rustix::termios::{Winsize, tcgetpgrp, tcsetwinsize};

use crate::cli::project::{Project, wait_until};
use crate::supervise::Terminal;
use vt::Vt;

/// A person at a terminal on which a program runs.
pub struct Seat {
    terminal: Terminal,
    child: Child,
    screen: Arc<Mutex<Vt>>,
    /// Modes before the program had it.
    modes: String,
}

impl Seat {
    /// At `orchestrator watch` of a project.
    pub fn watch(p: &Project, args: &[&str]) -> Self {
        let mut command = p.command(&[&["watch", "--utc"], args].concat());
        command.env("TERM", "xterm-256color");
        Self::at(&command)
    }

    pub fn at(command: &std::process::Command) -> Self {
        let terminal = Terminal::open();
        let screen = Arc::new(Mutex::new(Vt::new(100, 30)));
        tcsetwinsize(&terminal.keyboard, size(100, 30)).unwrap();
        let modes = terminal.all_modes();
        let child = terminal.start(command);
        let (mut master, seen) = (terminal.keyboard.try_clone().unwrap(), Arc::clone(&screen));
        // Ends when nobody has the terminal open any more.
        std::thread::spawn(move || {
            let mut part = vec![0; 1 << 16];
            while let Ok(count) = master.read(&mut part) {
                if count == 0 {
                    return;
                }
                seen.lock().unwrap().write(&part[..count]);
            }
        });
        Self { terminal, child, screen, modes }
    }

    pub fn press(&mut self, keys: &str) {
        self.terminal.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    pub fn screen(&self) -> String {
        self.screen.lock().unwrap().text()
    }

    pub fn written(&self) -> Vec<u8> {
        self.screen.lock().unwrap().written.clone()
    }

    #[track_caller]
    pub fn wait_for(&self, words: &str) {
        wait_until(&format!("{words} on the screen"), || self.screen().contains(words));
    }

    pub fn resize(&self, wide: u16, high: u16) {
        self.screen.lock().unwrap().resize(wide.into(), high.into());
        tcsetwinsize(&self.terminal.keyboard, size(wide, high)).unwrap();
    }

    /// The program itself: it leads the group that has the terminal.
    pub fn pid(&self) -> Pid {
        tcgetpgrp(&self.terminal.keyboard).unwrap()
    }

    /// Waits for the end; the exit code. The terminal is as it was.
    #[track_caller]
    pub fn left(mut self) -> i32 {
        let code = self.child.wait().unwrap().code().unwrap();
        assert_eq!(self.terminal.all_modes(), self.modes);
        wait_until("the screen of before", || {
            let written = self.written();
            let last = |words: &[u8]| written.windows(words.len()).rposition(|at| at == words);
            last(b"\x1b[?1049l") > last(b"\x1b[?1049h") && last(b"\x1b[?25h") > last(b"\x1b[?25l")
        });
        let strange = self.screen.lock().unwrap().strange.clone();
        assert_eq!(strange, Vec::<String>::new());
        code
    }
}

impl Drop for Seat {
    /// A failed test leaves nobody behind.
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            if let Ok(group) = tcgetpgrp(&self.terminal.keyboard) {
                let _ = rustix::process::kill_process(group, rustix::process::Signal::KILL);
            }
            let _ = self.child.wait();
        }
    }
}

fn size(wide: u16, high: u16) -> Winsize {
    Winsize { ws_row: high, ws_col: wide, ws_xpixel: 0, ws_ypixel: 0 }
}

//! The line that tells a person who watches that an agent lives and is silent (supervision.md P15).

use std::io::Write;
use std::time::Duration;

use crate::clock::duration;

/// One line at the bottom of a terminal. It is wiped with blanks, which every terminal understands.
#[derive(Debug, Default)]
pub(super) struct Progress {
    on: bool,
    /// Characters of the line that stands there.
    width: usize,
}

impl Progress {
    pub(super) fn new(on: bool) -> Self {
        Self { on, width: 0 }
    }

    pub(super) fn on(&self) -> bool {
        self.on
    }

    pub(super) fn show(&mut self, out: &mut impl Write, role: &str, silent_ms: u64, running_ms: u64) {
        self.clear(out);
        let words = |ms| duration(Duration::from_millis(ms));
        let text = format!("{role}: silent for {}, running {}", words(silent_ms), words(running_ms));
        self.width = text.chars().count();
        // A terminal that is gone is no reason to end the run.
        let _ = write!(out, "{text}").and_then(|()| out.flush());
    }

    /// Before anything else is said.
    pub(super) fn clear(&mut self, out: &mut impl Write) {
        let width = std::mem::take(&mut self.width);
        if width > 0 {
            let _ = write!(out, "\r{}\r", " ".repeat(width)).and_then(|()| out.flush());
        }
    }
}

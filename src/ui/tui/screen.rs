//! The terminal: its modes, and that it is left as it was found, however this ends.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ratatui::backend::CrosstermBackend;
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcsetattr};

/// The other screen, no cursor, no wrapping at the edge.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[2J";
/// Colours, cursor and the screen before.
const LEAVE: &[u8] = b"\x1b[0m\x1b[?2026l\x1b[?25h\x1b[?1049l";

/// A terminal that is ours for a while. Dropped, or in a panic, it is given back.
pub struct Screen {
    back: Arc<Back>,
}

/// What gives it back, once, from wherever.
struct Back {
    terminal: File,
    modes: Termios,
    done: AtomicBool,
}

/// Screens that a panic gives back.
static OPEN: Mutex<Vec<Arc<Back>>> = Mutex::new(Vec::new());
static HOOKED: AtomicBool = AtomicBool::new(false);

/// Whether a person sits at both ends.
pub fn is_terminal() -> bool {
    isatty(io::stdin()) && isatty(io::stdout())
}

impl Screen {
    /// Takes the terminal on standard output.
    pub fn enter() -> io::Result<Self> {
        let terminal = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let modes = tcgetattr(&terminal)?;
        let back = Arc::new(Back { terminal, modes: modes.clone(), done: AtomicBool::new(false) });
        hook();
        open().push(Arc::clone(&back));
        let screen = Self { back };
        let mut raw = modes;
        raw.make_raw();
        tcsetattr(&screen.back.terminal, OptionalActions::Now, &raw)?;
        (&screen.back.terminal).write_all(ENTER)?;
        Ok(screen)
    }

    /// Where frames go: in one write each.
    pub fn backend(&self) -> io::Result<CrosstermBackend<io::BufWriter<File>>> {
        Ok(CrosstermBackend::new(io::BufWriter::with_capacity(1 << 16, self.back.terminal.try_clone()?)))
    }

    /// Somebody gave it back, as a panic does: nothing may be drawn any more.
    pub fn is_left(&self) -> bool {
        self.back.done.load(Ordering::SeqCst)
    }

    /// Takes it again after a stop of the program: a shell had it meanwhile.
    pub fn enter_again(&self) -> io::Result<()> {
        let mut raw = self.back.modes.clone();
        raw.make_raw();
        tcsetattr(&self.back.terminal, OptionalActions::Now, &raw)?;
        (&self.back.terminal).write_all(ENTER)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.back.give();
        open().retain(|other| !Arc::ptr_eq(other, &self.back));
    }
}

impl Back {
    /// A terminal that is gone needs nothing.
    fn give(&self) {
        if !self.done.swap(true, Ordering::SeqCst) {
            let _ = (&self.terminal).write_all(LEAVE);
            let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.modes);
        }
    }
}

fn open() -> std::sync::MutexGuard<'static, Vec<Arc<Back>>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The words of a panic belong on the screen of before.
fn hook() {
    if !HOOKED.swap(true, Ordering::SeqCst) {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            // Never waits: a panic while the list is held would wait for itself.
            if let Ok(screens) = OPEN.try_lock() {
                screens.iter().for_each(|screen| screen.give());
            }
            before(panic);
        }));
    }
}

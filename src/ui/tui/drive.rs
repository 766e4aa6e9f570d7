//! The loop around the pure parts: threads that read, one channel, frames on change and not more often than an eye
//! sees.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::Backend;
use ratatui::crossterm::event::{self as keys, KeyCode, KeyEventKind, KeyModifiers};

use super::app::{App, Focus, Wish};
use super::render::render;
use super::screen::Screen;
use super::sight::Tone;
use super::source::{Mask, Places, Source};
use super::theme::Theme;
use super::update::{Input, Key, update};
use crate::clock::{Clock, SystemClock};
use crate::control::client::ask;
use crate::control::{AskError, Reply, Request};
use crate::ledger::Wake;

/// Between two frames.
const FRAME: Duration = Duration::from_millis(50);
/// Something that runs shows its seconds; what rests is only looked at.
const BEAT: Duration = Duration::from_secs(1);
/// A look takes at most this part of the time.
const SHARE: u32 = 10;

/// Ends a live loop after its turn; the words for the person, or why not.
pub type Stopper = Box<dyn Fn(&Path, &str) -> Result<String, String> + Send>;

/// What the view has to know.
pub struct Watch {
    pub places: Places,
    pub zone: TimeZone,
    pub colour: bool,
    pub mask: Mask,
    pub stop: Stopper,
}

/// How it ended.
#[derive(Debug, thiserror::Error)]
pub enum Leave {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("a part of the view ended")]
    Broken,
}

/// Shows the view until somebody leaves it; the exit code. `inputs` come from outside, as signals do.
pub fn watch(wiring: Watch, inputs: (Sender<Input>, Receiver<Input>)) -> Result<u8, Leave> {
    let (send, receive) = inputs;
    let screen = Screen::enter()?;
    ratatui::crossterm::style::force_color_output(wiring.colour);
    let mut app = App::new(Theme { colour: wiring.colour }, wiring.zone);
    let (asks, asked) = channel();
    let source = Source::new(wiring.places, Box::new(SystemClock), wiring.mask);
    wake_up(source.private().to_owned(), asks.clone())?;
    // A look that was not taken yet: while the terminal stands still, none are piled up.
    let waiting = Arc::new(AtomicBool::new(false));
    spawn("look", {
        let (send, waiting) = (send.clone(), Arc::clone(&waiting));
        move || look(source, &asked, &send, &waiting)
    })?;
    spawn("keys", {
        let send = send.clone();
        move || read_keys(&send)
    })?;
    let (wishes, wished) = channel();
    spawn("wishes", move || grant(&wished, &wiring.stop, &send))?;
    let mut terminal = Terminal::new(screen.backend()?)?;
    let size = terminal.size()?;
    app = update(Input::Resized(size.width, size.height), app);
    let mut focus = Focus::default();
    let mut drawn: Option<Instant> = None;
    let mut dirty = false;
    loop {
        let pause = match drawn {
            Some(at) if dirty => FRAME.saturating_sub(at.elapsed()),
            // The first frame is one with something in it, where that comes at once.
            None if !dirty => FRAME,
            _ => BEAT,
        };
        match receive.recv_timeout(pause) {
            Ok(Input::Redraw) => {
                screen.enter_again()?;
                terminal.clear()?;
                dirty = true;
            }
            Ok(input) => {
                if matches!(input, Input::Seen(_)) {
                    waiting.store(false, Ordering::SeqCst);
                }
                dirty |= !matches!(&input, Input::Seen(sight) if sight.shows_the_same(&app.sight));
                app = update(input, app);
            }
            Err(RecvTimeoutError::Timeout) => {
                let beat = !dirty;
                app = update(Input::Tick(SystemClock.now().as_millisecond()), app);
                // A screen at rest is drawn too: ages grow. Nothing is written where nothing differs.
                dirty |= beat;
            }
            Err(RecvTimeoutError::Disconnected) => return Err(Leave::Broken),
        }
        if screen.is_left() {
            return Err(Leave::Broken);
        }
        if let Some(code) = app.quit {
            return Ok(code);
        }
        for wish in std::mem::take(&mut app.wishes) {
            let _ = wishes.send(wish);
        }
        if app.focus() != focus {
            focus = app.focus();
            let _ = asks.send(Ask::Focus(focus.clone()));
        }
        if dirty && drawn.is_none_or(|at| at.elapsed() >= FRAME) {
            draw(&mut terminal, &app)?;
            (drawn, dirty) = (Some(Instant::now()), false);
        }
    }
}

fn draw<B: Backend<Error = io::Error>>(terminal: &mut Terminal<B>, app: &App) -> io::Result<()> {
    terminal.draw(|frame| {
        let area = frame.area();
        render(app, area, frame.buffer_mut());
    })?;
    Ok(())
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.into()).spawn(work).map(|_| ())
}

/// What the source is asked.
enum Ask {
    Look,
    Focus(Focus),
}

/// Tells when the ledger was written to.
fn wake_up(folder: PathBuf, asks: Sender<Ask>) -> io::Result<()> {
    spawn("wake", move || {
        let mut watched = folder.exists();
        let mut wake = Wake::new(&folder);
        loop {
            wake.wait(BEAT);
            if !watched && folder.exists() {
                (wake, watched) = (Wake::new(&folder), true);
            }
            // What is written meanwhile is seen by the next look.
            if asks.send(Ask::Look).is_err() {
                return;
            }
            thread::sleep(FRAME);
        }
    })
}

/// Looks when there is something to see, and rests ten times as long as a look took.
fn look(mut source: Source, asked: &Receiver<Ask>, send: &Sender<Input>, waiting: &AtomicBool) {
    let mut focus = Focus::default();
    loop {
        let began = Instant::now();
        if !waiting.swap(true, Ordering::SeqCst) {
            let sight = source.look(&focus).clone();
            if send.send(Input::Seen(Box::new(sight))).is_err() {
                return;
            }
        }
        let rest = Instant::now() + (began.elapsed() * SHARE).min(BEAT);
        let mut due = false;
        loop {
            // Something to see, but not yet; or nothing, then as long as it takes.
            let limit = if due { rest.saturating_duration_since(Instant::now()) } else { BEAT };
            match asked.recv_timeout(limit) {
                Ok(Ask::Look) => due = true,
                Ok(Ask::Focus(new)) => {
                    focus = new;
                    break;
                }
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if due && Instant::now() >= rest {
                break;
            }
        }
    }
}

fn read_keys(send: &Sender<Input>) {
    loop {
        let input = match keys::read() {
            Ok(keys::Event::Key(key)) if key.kind != KeyEventKind::Release => {
                match meaning(key.code, key.modifiers) {
                    Some(key) => Input::Key(key),
                    None => continue,
                }
            }
            Ok(keys::Event::Resize(wide, high)) => Input::Resized(wide, high),
            Ok(_) => continue,
            // The terminal is gone.
            Err(_) => Input::Quit(143),
        };
        let over = matches!(input, Input::Quit(_));
        if send.send(input).is_err() || over {
            return;
        }
    }
}

fn meaning(code: KeyCode, modifiers: KeyModifiers) -> Option<Key> {
    let control = modifiers.contains(KeyModifiers::CONTROL);
    Some(match code {
        KeyCode::Char('c') if control => Key::CtrlC,
        KeyCode::Char('d') if control => Key::PageDown,
        KeyCode::Char('u') if control => Key::PageUp,
        KeyCode::Char(c) if !control && !modifiers.contains(KeyModifiers::ALT) => Key::Char(c),
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Escape,
        KeyCode::Backspace => Key::Backspace,
        _ => return None,
    })
}

/// Does what was wished, beside the view: a run may take its time to answer.
fn grant(wished: &Receiver<Wish>, stop: &Stopper, send: &Sender<Input>) {
    while let Ok(wish) = wished.recv() {
        let (text, tone) = match wish {
            Wish::Stop { socket, kind } => match stop(&socket, &kind) {
                Ok(text) => (text, Tone::Good),
                Err(why) => (format!("not stopped: {why}"), Tone::Bad),
            },
            Wish::Interrupt { socket, attempt, whom } => {
                match ask(&socket, &Request::Interrupt { attempt }) {
                    Ok(Reply { ok: true, already: false, .. }) => {
                        (format!("{whom} is being interrupted"), Tone::Warning)
                    }
                    Ok(Reply { ok: true, .. }) => {
                        (format!("{whom} is being interrupted already"), Tone::Warning)
                    }
                    Ok(Reply { error, .. }) => (error.unwrap_or_else(|| "it was refused".into()), Tone::Bad),
                    Err(AskError::Over) => (format!("{whom} has ended meanwhile"), Tone::Plain),
                    Err(e) => (format!("{whom} is not interrupted: {e}"), Tone::Bad),
                }
            }
        };
        if send.send(Input::Told(text, tone)).is_err() {
            return;
        }
    }
}

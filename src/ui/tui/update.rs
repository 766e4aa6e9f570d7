//! What an input makes of the view. Pure.

use super::app::{App, Note, Page, Question, Wish};
use super::choose;
use super::render::log_rows;
use super::sight::{Sight, State, Tone};

/// How long a note stays.
const NOTE_MS: i64 = 6000;
/// What is left of two screens when one is turned over.
const OVERLAP: usize = 2;

/// What happens to the view.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    Key(Key),
    /// A look at the project.
    Seen(Box<Sight>),
    /// The time, ms.
    Tick(i64),
    Resized(u16, u16),
    /// The terminal was somebody else's meanwhile.
    Redraw,
    /// What came of a wish.
    Told(String, Tone),
    /// The end, with its exit code.
    Quit(u8),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
    Enter,
    Escape,
    Backspace,
    Char(char),
    CtrlC,
}

#[must_use]
pub fn update(input: Input, mut app: App) -> App {
    match input {
        Input::Key(Key::CtrlC) => app.quit = Some(130),
        Input::Quit(code) => app.quit = Some(code),
        Input::Key(key) => return press(key, app),
        Input::Seen(sight) => {
            app.now_ms = app.now_ms.max(sight.at_ms);
            app.sight = *sight;
        }
        Input::Tick(now) => app.now_ms = now,
        Input::Resized(wide, high) => {
            app.size = (wide, high);
            app.scroll = app.scroll.min(furthest(&app));
        }
        Input::Redraw => {}
        Input::Told(text, tone) => app.note = Some(Note { text, tone, until_ms: app.now_ms + NOTE_MS }),
    }
    if app.note.as_ref().is_some_and(|note| note.until_ms <= app.now_ms) {
        app.note = None;
    }
    app
}

fn press(key: Key, mut app: App) -> App {
    if let Some(question) = app.question.take() {
        if matches!(key, Key::Char('y' | 'Y')) {
            app.wishes.push(question.wish);
        }
        return app;
    }
    if app.typing {
        return write(key, app);
    }
    match (key, app.page) {
        (Key::Char('q'), _) => app.quit = Some(0),
        (Key::Char('?'), Page::Help) | (Key::Escape | Key::Left, Page::Help | Page::Detail) => {
            app.page = Page::Main;
        }
        (Key::Char('?'), _) => app.page = Page::Help,
        (Key::Char('/'), _) => app.typing = true,
        (Key::Char('i'), _) => app = interrupt(app),
        (Key::Char('s'), _) => app = stop(app),
        (Key::Enter, Page::Main) if app.item().is_some() => app.page = Page::Detail,
        (Key::Enter, Page::Detail) | (Key::Char('l'), Page::Main | Page::Detail) => app = open_log(app),
        (Key::Escape | Key::Char('l') | Key::Left, Page::Log) => app = leave_log(app),
        (Key::Escape, Page::Main) => app = let_go(app),
        (Key::Char('f'), Page::Log) => app = hold_or_follow(app),
        (Key::Char('f'), _) => app = pin_or_follow(app),
        (Key::Left, Page::Main) => app = other_run(app, 1),
        (Key::Right, Page::Main) => app = other_run(app, -1),
        (_, Page::Log) => app = scroll(key, app),
        (_, Page::Main | Page::Detail) => app = choose_item(key, app),
        _ => {}
    }
    app
}

/// Into the filter.
fn write(key: Key, mut app: App) -> App {
    match key {
        Key::Enter => app.typing = false,
        Key::Escape => {
            app.typing = false;
            app.filter.clear();
        }
        Key::Backspace => {
            app.filter.pop();
        }
        Key::Char(c) if app.filter.len() < 100 => app.filter.push(c),
        _ => {}
    }
    app.scroll = app.scroll.min(furthest(&app));
    app
}

/// Back to what shows itself.
fn let_go(mut app: App) -> App {
    if !app.filter.is_empty() {
        app.filter.clear();
    } else if app.chosen.is_some() {
        app.chosen = None;
    } else {
        app.run = None;
    }
    app
}

fn interrupt(app: App) -> App {
    let Some(live) = app.sight.live_shown().cloned() else {
        return update(Input::Told("nothing to interrupt: this run is over".into(), Tone::Plain), app);
    };
    let Some(item) = app.item().filter(|item| !item.state.is_over()) else {
        return update(Input::Told("choose something that runs: this is over".into(), Tone::Plain), app);
    };
    let Some(attempt) = item.attempt_id.clone() else {
        return update(Input::Told(format!("{} has not begun", item.title), Tone::Plain), app);
    };
    let whom = item.title.clone();
    let agent =
        if item.agent.is_empty() || item.agent == "-" { String::new() } else { format!(" ({})", item.agent) };
    let words = format!("interrupt {whom}{agent}?");
    let wish = Wish::Interrupt { socket: live.socket, attempt: Some(attempt), whom };
    App { question: Some(Question { words, wish }), ..app }
}

fn stop(mut app: App) -> App {
    match app.sight.live_shown() {
        None => {
            let text = "no run is live here; to keep loops from starting: orchestrator stop";
            update(Input::Told(text.into(), Tone::Plain), app)
        }
        Some(live) if live.stop_asked => update(Input::Told("it stops already".into(), Tone::Plain), app),
        Some(live) => {
            let words = match live.kind.as_str() {
                "turns" => "stop every loop after its turn?",
                _ => "stop this run: begin nothing further?",
            };
            let wish = Wish::Stop { socket: live.socket.clone(), kind: live.kind.clone() };
            app.question = Some(Question { words: words.to_owned(), wish });
            app
        }
    }
}

fn pin_or_follow(mut app: App) -> App {
    app.chosen = match app.chosen {
        Some(_) => None,
        None => app.item().map(|item| item.key.clone()),
    };
    app
}

/// To the run that is so much older.
fn other_run(mut app: App, older: isize) -> App {
    let runs = &app.sight.runs;
    let shown = choose::run(runs, &app.sight.live, app.run.as_deref());
    let Some(at) = shown.and_then(|s| runs.iter().position(|r| r.id == s.id)) else { return app };
    let Some(next) = at.checked_add_signed(older).and_then(|at| runs.get(at)) else { return app };
    let own = choose::run(runs, &app.sight.live, None).is_some_and(|r| r.id == next.id);
    app.run = (!own).then(|| next.id.clone());
    app.chosen = None;
    app
}

fn choose_item(key: Key, mut app: App) -> App {
    let items = app.items();
    let Some(last) = items.len().checked_sub(1) else { return app };
    let at = app.item().and_then(|own| items.iter().position(|i| i.key == own.key)).unwrap_or(0);
    let next = match key {
        Key::Up | Key::Char('k') => at.saturating_sub(1),
        Key::Down | Key::Char('j') => at + 1,
        Key::PageUp => at.saturating_sub(10),
        Key::PageDown => at + 10,
        Key::Home | Key::Char('g') => 0,
        Key::End | Key::Char('G') => last,
        _ => return app,
    };
    let key = items[next.min(last)].key.clone();
    app.chosen = Some(key);
    app
}

fn open_log(mut app: App) -> App {
    let begun = app.item().is_some_and(|item| item.state != State::Waiting || item.attempt_id.is_some());
    if begun {
        app.page = Page::Log;
        app.scroll = 0;
    }
    app
}

fn leave_log(mut app: App) -> App {
    (app.page, app.held, app.scroll) = (Page::Main, None, 0);
    app
}

fn hold_or_follow(mut app: App) -> App {
    if app.held.is_some() {
        (app.held, app.scroll) = (None, 0);
    } else {
        app.held = app.output().cloned();
    }
    app
}

/// Rows that can be scrolled back.
fn furthest(app: &App) -> usize {
    let (rows, shown) = log_rows(app);
    rows.saturating_sub(shown)
}

fn scroll(key: Key, mut app: App) -> App {
    let (_, shown) = log_rows(&app);
    let page = shown.saturating_sub(OVERLAP).max(1);
    let wanted = match key {
        Key::Up | Key::Char('k') => app.scroll + 1,
        Key::PageUp => app.scroll + page,
        Key::Home | Key::Char('g') => usize::MAX,
        Key::Down | Key::Char('j') => app.scroll.saturating_sub(1),
        Key::PageDown | Key::Char(' ') => app.scroll.saturating_sub(page),
        Key::End | Key::Char('G') => 0,
        _ => return app,
    };
    // It stands still under the eyes of who reads back, and goes on at the end.
    if app.held.is_none() && wanted > 0 {
        app.held = app.output().cloned();
    }
    app.scroll = wanted.min(furthest(&app));
    if app.scroll == 0 {
        app.held = None;
    }
    app
}

//! What keys do (I6).

use super::super::app::{Page, Wish};
use super::super::samples;
use super::super::sight::{Item, State, Tone};
use super::super::update::{Input, Key, update};
use super::{App, lines, press, text, view};

fn running() -> App {
    view(samples::running(), 80, 24)
}

fn item(app: &App) -> &Item {
    app.item().unwrap()
}

#[test]
fn choosing_and_following() {
    let app = running();
    assert_eq!(item(&app).key, "7-ralph");
    let app = press(app, &[Key::Down, Key::Char('j'), Key::Char('k')]);
    assert_eq!(item(&app).key, "7-galph");
    assert_eq!(app.focus().item.as_deref(), Some("7-galph"));
    assert!(text(&app).contains("output · galph pinned"));
    // What was read for another one is not shown as its output.
    assert!(app.output().is_none());
    let app = press(app, &[Key::Char('f')]);
    assert_eq!((item(&app).key.as_str(), app.chosen.as_deref()), ("7-ralph", None));
    let app = press(app, &[Key::Char('f'), Key::End]);
    assert_eq!(item(&app).key, "4-galph");
    assert_eq!(press(app, &[Key::Escape]).chosen, None);
}

/// `i` asks; only yes does it, and only to what runs.
#[test]
fn an_interrupt_is_asked_for() {
    let asked = press(running(), &[Key::Char('i')]);
    assert!(text(&asked).contains("interrupt ralph (claude)?"));
    assert!(asked.wishes.is_empty());
    for no in [Key::Char('n'), Key::Escape, Key::Enter, Key::Char('i'), Key::Char('q')] {
        let app = press(asked.clone(), &[no]);
        assert_eq!((app.question, app.wishes.len(), app.quit), (None, 0, None), "{no:?}");
    }
    let app = press(asked, &[Key::Char('y')]);
    let attempt = samples::turns()[0].attempt_id.clone();
    let wish = Wish::Interrupt { socket: "run.sock".into(), attempt, whom: "ralph".into() };
    assert_eq!(app.wishes, [wish]);
    let over = press(running(), &[Key::Down, Key::Char('i')]);
    assert!(over.question.is_none() && text(&over).contains("this is over"));
    let idle = press(view(samples::idle(), 80, 24), &[Key::Char('i')]);
    assert!(idle.question.is_none() && text(&idle).contains("nothing to interrupt"));
}

#[test]
fn a_stop_is_wished_once() {
    let asked = press(running(), &[Key::Char('s')]);
    assert!(asked.wishes.is_empty() && asked.question.is_some());
    let app = press(asked, &[Key::Char('y')]);
    assert_eq!(app.wishes, [Wish::Stop { socket: "run.sock".into(), kind: "turns".into() }]);
    let silent = press(view(samples::silent(), 80, 24), &[Key::Char('s')]);
    assert!(silent.wishes.is_empty() && text(&silent).contains("stops already"));
    let idle = press(view(samples::idle(), 80, 24), &[Key::Char('s')]);
    assert!(idle.wishes.is_empty() && text(&idle).contains("orchestrator stop"));
}

#[test]
fn the_filter_holds_for_every_pane() {
    let letters: Vec<Key> = "FAILED".chars().map(Key::Char).collect();
    let app = press(press(running(), &[Key::Char('/')]), &letters);
    assert!(app.typing && text(&app).contains("/FAILED█"));
    let app = press(app, &[Key::Enter]);
    let shown = text(&app);
    assert!(shown.contains("✗   5 ralph") && !shown.contains("✓   6 galph"), "{shown}");
    assert!(shown.contains("41 passed; 0 failed") && !shown.contains("Read src/parser.rs"), "{shown}");
    // Keys are keys again.
    assert_eq!(press(app.clone(), &[Key::Char('q')]).quit, Some(0));
    let app = press(app, &[Key::Escape]);
    assert!(app.filter.is_empty() && text(&app).contains("Read src/parser.rs"));
    let app = press(app, &[Key::Char('/'), Key::Char('x'), Key::Backspace, Key::Char('q'), Key::Escape]);
    assert_eq!((app.filter.as_str(), app.typing, app.quit), ("", false, None));
}

#[test]
fn the_log_stands_still_for_who_reads_back() {
    let mut sight = samples::running();
    sight.shown.as_mut().unwrap().output.text = lines(100);
    let app = press(view(sight.clone(), 80, 24), &[Key::Char('l')]);
    assert!(app.page == Page::Log && text(&app).contains("line 99"));
    let app = press(app, &[Key::PageUp, Key::Up]);
    let before = text(&app);
    assert!(before.contains("line 57\n") && !before.contains("line 80\n"), "{before}");
    sight.shown.as_mut().unwrap().output.text = lines(200);
    let app = update(Input::Seen(Box::new(sight)), app);
    assert_eq!(text(&app), before);
    let app = press(app, &[Key::Home]);
    assert!(text(&app).contains("line 0\n"));
    assert_eq!(press(app.clone(), &[Key::Up, Key::Up, Key::Up]).scroll, app.scroll);
    let app = press(app, &[Key::Char('f')]);
    assert!(text(&app).contains("line 199") && app.held.is_none());
    let app = press(app, &[Key::Up, Key::Down]);
    assert!(app.held.is_none(), "at the end it follows again");
    assert_eq!(press(app, &[Key::Escape]).page, Page::Main);
}

#[test]
fn other_runs() {
    let mut sight = samples::running();
    let older =
        super::super::sight::Run { id: "older".into(), state: State::Failed, ..sight.runs[0].clone() };
    sight.runs.truncate(1);
    sight.runs.push(older);
    let app = press(view(sight, 80, 24), &[Key::Left]);
    assert_eq!(app.focus().run.as_deref(), Some("older"));
    let app = press(app, &[Key::Left]);
    assert_eq!(app.run.as_deref(), Some("older"));
    assert_eq!(press(app.clone(), &[Key::Right]).run, None);
    assert_eq!(press(app, &[Key::Escape]).run, None);
}

#[test]
fn leaving() {
    assert_eq!(press(running(), &[Key::Char('q')]).quit, Some(0));
    assert_eq!(press(running(), &[Key::Char('?'), Key::Char('q')]).quit, Some(0));
    assert_eq!(press(running(), &[Key::CtrlC]).quit, Some(130));
    assert_eq!(press(running(), &[Key::Char('/'), Key::CtrlC]).quit, Some(130));
    assert_eq!(press(running(), &[Key::Char('i'), Key::CtrlC]).quit, Some(130));
    assert_eq!(update(Input::Quit(143), running()).quit, Some(143));
}

#[test]
fn a_note_goes_by_itself() {
    let app = update(Input::Told("ralph is being interrupted".into(), Tone::Warning), running());
    assert!(text(&app).contains("ralph is being interrupted"));
    let app = update(Input::Tick(samples::NOW + 5000), app);
    assert!(app.note.is_some());
    let app = update(Input::Tick(samples::NOW + 7000), app);
    assert!(app.note.is_none() && text(&app).contains("q quit"));
}

//! What stands on the screen (I6): snapshots, every size, no colour, hostile output.

use ratatui::layout::Rect;
use ratatui::style::Color;

use super::super::samples;
use super::super::sight::Sight;
use super::super::update::{Input, Key, update};
use super::{frame, lines, press, text, view};

fn situations() -> Vec<(&'static str, Sight)> {
    vec![
        ("fresh", samples::fresh()),
        ("idle", samples::idle()),
        ("running", samples::running()),
        ("silent", samples::silent()),
        ("waiting", samples::waiting()),
        ("failed", samples::failed()),
        ("workstream", samples::workstream()),
    ]
}

/// I6: at 80×24 and 200×60.
#[test]
fn each_situation_at_a_glance() {
    for (name, sight) in situations() {
        insta::assert_snapshot!(format!("{name}_80x24"), text(&view(sight.clone(), 80, 24)));
        insta::assert_snapshot!(format!("{name}_200x60"), text(&view(sight, 200, 60)));
    }
}

#[test]
fn pages_of_their_own() {
    let pages = [
        ("log", Key::Char('l')),
        ("detail", Key::Enter),
        ("help", Key::Char('?')),
        ("question", Key::Char('i')),
    ];
    for (name, key) in pages {
        let app = press(view(samples::running(), 80, 24), &[key]);
        insta::assert_snapshot!(format!("page_{name}"), text(&app));
    }
}

/// I6: any size, any page; what has no room is left out.
#[test]
fn no_size_is_too_small() {
    let pages: [&[Key]; 5] =
        [&[], &[Key::Char('l')], &[Key::Enter], &[Key::Char('?')], &[Key::Char('/'), Key::Char('x')]];
    let sizes = [0, 1, 2, 5, 10, 12, 20, 40, 69, 70, 99, 119];
    for (_, sight) in situations() {
        for wide in sizes {
            for high in [0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 20, 41] {
                for keys in pages {
                    frame(&press(view(sight.clone(), wide, high), keys));
                }
            }
        }
    }
    let tiny = text(&view(samples::running(), 10, 3));
    assert!(tiny.contains("WORKING"), "{tiny}");
}

/// The terminal became smaller between the look at its size and the frame.
#[test]
fn a_buffer_may_be_smaller_than_the_area() {
    let app = view(samples::running(), 80, 24);
    let mut buffer = ratatui::buffer::Buffer::empty(Rect::new(0, 0, 20, 5));
    super::render(&app, Rect::new(0, 0, 80, 24), &mut buffer);
}

fn colours(app: &super::App) -> usize {
    let plain = |c: Color| c == Color::Reset;
    frame(app).content().iter().filter(|cell| !plain(cell.fg) || !plain(cell.bg)).count()
}

/// I3, I6: without colour no cell has one, and the words say it all the same.
#[test]
fn no_colour() {
    for (name, sight) in situations() {
        let mut app = view(sight, 120, 40);
        if name != "fresh" {
            assert!(colours(&app) > 0, "{name}");
        }
        let coloured = text(&app);
        app.theme.colour = false;
        assert_eq!(colours(&app), 0, "{name}");
        assert_eq!(text(&app), coloured);
    }
}

/// I12: nothing of what agents, prompts or states say acts on the terminal.
#[test]
fn hostile_output_is_text() {
    let evil = "\x1b[2J\x1b[1;1H\x1b]0;title\x07\r\x08\u{9b}31m\u{202e}gnp.exe\u{200b}\n\x1bc\0\x7f 你好👍🏽e\u{301}\n";
    let mut sight = samples::running();
    let shown = sight.shown.as_mut().unwrap();
    shown.output.text = format!("{evil}{}\nlast\n", "A".repeat(1 << 20));
    let app = view(sight, 100, 40);
    for app in [app.clone(), press(app, &[Key::Char('l')])] {
        for cell in frame(&app).content() {
            let symbol = cell.symbol();
            assert!(!symbol.chars().any(char::is_control), "{symbol:?}");
            assert!(!symbol.contains(['\u{202e}', '\u{200b}', '\u{9b}']), "{symbol:?}");
        }
        let shown = text(&app);
        assert!(shown.contains("last") && shown.contains("more bytes"), "{shown}");
    }
}

/// Frames of a flood stay quick: only what fits is looked at.
#[test]
fn rows_come_from_the_end() {
    let mut sight = samples::running();
    sight.shown.as_mut().unwrap().output.text = lines(20_000);
    let shown = text(&view(sight, 80, 24));
    assert!(shown.contains("line 19999") && !shown.contains("line 19900"), "{shown}");
}

/// I6: a resize keeps what was chosen.
#[test]
fn a_resize_draws_the_same_view() {
    let app = press(view(samples::running(), 80, 24), &[Key::Down, Key::Down]);
    let large = update(Input::Resized(200, 60), app.clone());
    assert_eq!(large.chosen, app.chosen);
    assert_eq!(text(&update(Input::Resized(80, 24), large)), text(&app));
}

//! Frames of every situation, and what keys make of them.

mod frames;
mod keys;
mod picture;

use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::app::App;
use super::render::render;
use super::sight::Sight;
use super::theme::Theme;
use super::update::{Input, Key, update};

/// The view as it is after a look, at a size.
fn view(sight: Sight, wide: u16, high: u16) -> App {
    let app = App::new(Theme { colour: true }, TimeZone::UTC);
    let app = update(Input::Resized(wide, high), app);
    update(Input::Seen(Box::new(sight)), app)
}

fn press(app: App, keys: &[Key]) -> App {
    keys.iter().fold(app, |app, key| update(Input::Key(*key), app))
}

/// So many numbered lines.
fn lines(n: usize) -> String {
    (0..n).flat_map(|n| ["line ".to_owned(), n.to_string(), "\n".to_owned()]).collect()
}

fn frame(app: &App) -> Buffer {
    let area = Rect::new(0, 0, app.size.0, app.size.1);
    let mut buffer = Buffer::empty(area);
    render(app, area, &mut buffer);
    buffer
}

/// The rows of a frame, without blanks at their ends.
fn text(app: &App) -> String {
    let buffer = frame(app);
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut row = String::new();
        let mut x = 0;
        while x < buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            row.push_str(symbol);
            // A wide sign lies over the cell behind it.
            x += u16::try_from(super::text::width_of(symbol)).unwrap_or(1).max(1);
        }
        out.push_str(row.trim_end());
        out.push('\n');
    }
    out
}

//! The last row: a question, a word, or the keys.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::app::{App, Page};
use super::super::sight::Tone;
use super::super::text::{clean, width_of};
use super::super::theme;
use super::panes::put;

const MAIN: &[(&str, &str)] = &[
    ("q", "quit"),
    ("?", "help"),
    ("↑↓", "choose"),
    ("enter", "open"),
    ("l", "log"),
    ("i", "interrupt"),
    ("s", "stop"),
    ("f", "follow"),
    ("/", "filter"),
    ("←→", "other run"),
    ("esc", "back"),
];
const LOG: &[(&str, &str)] = &[
    ("esc", "back"),
    ("↑↓", "scroll"),
    ("g G", "begin, end"),
    ("f", "follow"),
    ("/", "filter"),
    ("i", "interrupt"),
    ("q", "quit"),
];
const DETAIL: &[(&str, &str)] =
    &[("esc", "back"), ("l", "log"), ("↑↓", "choose"), ("i", "interrupt"), ("q", "quit")];
const HELP: &[(&str, &str)] = &[("esc", "back"), ("q", "quit")];

pub(super) fn foot(app: &App, area: Rect, buf: &mut Buffer) {
    let theme = app.theme;
    if let Some(question) = &app.question {
        let words = Span::styled(format!(" {} ", clean(&question.words)), theme.badge(Tone::Warning));
        let keys = Span::raw("  y yes · any other key no");
        return put(area, 0, Line::from(vec![words, keys]), buf);
    }
    if app.typing {
        let words = format!("/{}█", clean(&app.filter));
        let keys = Span::styled("   enter keeps it · esc clears it", theme.quiet());
        return put(area, 0, Line::from(vec![Span::styled(words, theme::strong()), keys]), buf);
    }
    if let Some(note) = &app.note {
        return put(area, 0, Span::styled(clean(&note.text).into_owned(), theme.tone(note.tone)), buf);
    }
    let keys = match app.page {
        Page::Main => MAIN,
        Page::Log => LOG,
        Page::Detail => DETAIL,
        Page::Help => HELP,
    };
    let gap = if area.width < 90 { " " } else { "   " };
    let mut spans = Vec::new();
    if !app.filter.is_empty() {
        spans.push(Span::styled(
            format!("filter “{}”, esc clears   ", clean(&app.filter)),
            theme.tone(Tone::Warning),
        ));
    }
    // One that does not fit whole is left out: half a word is no help.
    let mut left = usize::from(area.width).saturating_sub(spans.iter().map(Span::width).sum());
    for (key, word) in keys {
        let cells = width_of(key) + 1 + word.len();
        if cells > left {
            break;
        }
        spans.push(Span::styled((*key).to_owned(), theme::strong()));
        spans.push(Span::styled(format!(" {word}{gap}"), theme.quiet()));
        left = left.saturating_sub(cells + gap.len());
    }
    put(area, 0, Line::from(spans), buf);
}

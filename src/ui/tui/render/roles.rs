//! The roles with their last turns; for what has no roles, how far it is.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::app::App;
use super::super::sight::{Role, Shown, State, Tone};
use super::super::text::{bars, cost, pad, pad_left, took};
use super::super::theme;
use super::panes::{heading, put};

/// Roles that are shown.
const MOST: usize = 6;

/// Rows this pane wants: heading, lines and a free one.
pub(super) fn rows(app: &App) -> u16 {
    let lines = match &app.sight.shown {
        Some(shown) if has_progress(shown) => 2,
        _ => app.sight.roles.len().clamp(1, MOST),
    };
    u16::try_from(lines + 2).unwrap_or(4)
}

fn has_progress(shown: &Shown) -> bool {
    matches!(shown.kind.as_str(), "batch" | "workstream")
}

pub(super) fn roles(app: &App, area: Rect, buf: &mut Buffer) {
    if let Some(shown) = app.sight.shown.as_ref().filter(|shown| has_progress(shown)) {
        return progress(app, shown, area, buf);
    }
    let area = heading(app, area, "roles", "last turns", buf);
    if app.sight.roles.is_empty() {
        return put(area, 0, Span::styled("no turn has been taken yet", app.theme.quiet()), buf);
    }
    let name = app.sight.roles.iter().map(|r| r.name.chars().count()).max().unwrap_or(0).clamp(5, 12);
    for (row, role) in (0u16..).zip(app.sight.roles.iter().take(MOST)) {
        put(area, row, line(app, role, name, usize::from(area.width)), buf);
    }
}

fn line(app: &App, role: &Role, name: usize, cells: usize) -> Line<'static> {
    let theme = app.theme;
    let mut items = app.sight.shown.iter().flat_map(|shown| &shown.items);
    let works = items.any(|item| item.state == State::Running && item.role == role.name);
    let mark = if works { Span::styled("● ", theme.tone(Tone::Active)) } else { Span::raw("  ") };
    let named = if works { theme::strong() } else { ratatui::style::Style::new() };
    let mut spans = vec![mark, Span::styled(pad(&role.name, name), named), Span::raw(" ")];
    // Behind the bars: time, outcome, cost.
    let room = cells.saturating_sub(2 + name + 1 + 1 + 6 + 2 + 7).min(40);
    let values: Vec<i64> = role.turns.iter().map(|turn| turn.took_ms).collect();
    let past = &role.turns[role.turns.len().saturating_sub(room)..];
    let signs: Vec<char> = bars(&values, room).chars().collect();
    spans.push(Span::raw(" ".repeat(room.saturating_sub(signs.len()))));
    for (turn, sign) in past.iter().zip(&signs) {
        let tone = if turn.state == State::Succeeded { Tone::Quiet } else { turn.state.tone() };
        spans.push(Span::styled(sign.to_string(), theme.tone(tone)));
    }
    match role.turns.last() {
        None => spans.push(Span::styled("  first turn", theme.quiet())),
        Some(last) => {
            spans.push(Span::raw(format!(" {}", pad_left(&took(last.took_ms), 6))));
            spans.push(Span::styled(format!(" {}", last.state.glyph()), theme.tone(last.state.tone())));
            spans.push(Span::styled(pad_left(&cost(last.cost_usd), 7), theme.quiet()));
        }
    }
    Line::from(spans)
}

fn progress(app: &App, shown: &Shown, area: Rect, buf: &mut Buffer) {
    let theme = app.theme;
    let all: u64 = shown.counts.iter().map(|(_, n)| n).sum();
    let over: u64 = shown.counts.iter().filter(|(state, _)| state.is_over()).map(|(_, n)| n).sum();
    let area = heading(app, area, "progress", &format!("{over} of {all}"), buf);
    let cells = usize::from(area.width).saturating_sub(7).min(60);
    let mut spans = Vec::new();
    let mut used = 0;
    let mut sum = 0;
    for (state, n) in shown.counts.iter().filter(|(state, _)| state.is_over()) {
        sum += n;
        // Rounded as a sum, so that the parts fill exactly the whole.
        let end = usize::try_from(sum * cells as u64 / all.max(1)).unwrap_or(cells);
        spans.push(Span::styled("█".repeat(end - used), theme.tone(state.tone())));
        used = end;
    }
    spans.push(Span::styled("░".repeat(cells - used), theme.quiet()));
    spans.push(Span::raw(format!(" {:>4}%", over * 100 / all.max(1))));
    put(area, 0, Line::from(spans), buf);
    let mut words = Vec::new();
    for (state, n) in &shown.counts {
        if !words.is_empty() {
            words.push(Span::styled(" · ", theme.quiet()));
        }
        words.push(Span::styled(format!("{} {n} {}", state.glyph(), state.word()), theme.tone(state.tone())));
    }
    put(area, 1, Line::from(words), buf);
}

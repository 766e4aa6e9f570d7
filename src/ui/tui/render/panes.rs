//! Where the panes lie, and how a line gets into one.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::app::App;
use super::super::text::width_of;
use super::super::theme;

/// Cells below which panes stand one above the other.
const NARROW: u16 = 70;
/// Rows below which there are no events.
const LOW: u16 = 16;

/// Rows of a column that has room for the runs too.
const TALL: u16 = 20;

/// The parts of the screen; what has no room is empty.
pub(super) struct Panes {
    pub head: Rect,
    pub roles: Rect,
    pub items: Rect,
    pub runs: Rect,
    /// Between the columns.
    pub gap: Rect,
    pub output: Rect,
    pub events: Rect,
    pub foot: Rect,
    /// Everything but the foot, for a page of its own.
    pub whole: Rect,
}

impl Panes {
    pub(super) fn of(app: &App, area: Rect) -> Self {
        let foot_rows = u16::from(area.height > 3);
        let (whole, foot) = split(area, area.height - foot_rows);
        let (head, rest) = split(whole, head_rows(area));
        let event_rows = match area.height {
            ..LOW => 0,
            LOW..30 => 5,
            high => (high / 5).clamp(6, 14),
        };
        let (body, events) = split(rest, rest.height.saturating_sub(event_rows));
        let wanted = super::roles::rows(app);
        if area.width < NARROW {
            let (roles, body) = split(body, if body.height > 8 { wanted } else { 0 });
            let (items, output) = split(body, body.height / 2);
            return Self {
                head,
                roles,
                items,
                runs: Rect::ZERO,
                gap: Rect::ZERO,
                output,
                events,
                foot,
                whole,
            };
        }
        let left = (area.width * 2 / 5).clamp(36, 90);
        let (column, right) = split_wide(body, left);
        let (gap, output) = split_wide(right, 3);
        let (roles, items) = split(column, wanted.min(body.height / 2));
        let listed = app.sight.runs.len().min(super::runs::MOST);
        let listed =
            if column.height < TALL || listed < 2 { 0 } else { u16::try_from(listed + 1).unwrap_or(0) };
        let (items, runs) = split(items, items.height.saturating_sub(listed));
        Self { head, roles, items, runs, gap, output, events, foot, whole }
    }
}

/// The title, the word and its facts, and a free row where there is room for one.
fn head_rows(area: Rect) -> u16 {
    match area.height {
        ..8 => area.height.min(2),
        8..20 => 3,
        20..40 => 4,
        _ => 8,
    }
}

/// The first rows, and what is left.
pub(super) fn split(area: Rect, rows: u16) -> (Rect, Rect) {
    let rows = rows.min(area.height);
    let first = Rect { height: rows, ..area };
    (first, Rect { y: area.y + rows, height: area.height - rows, ..area })
}

fn split_wide(area: Rect, cells: u16) -> (Rect, Rect) {
    let cells = cells.min(area.width);
    let first = Rect { width: cells, ..area };
    (first, Rect { x: area.x + cells, width: area.width - cells, ..area })
}

pub(super) fn clear(area: Rect, buf: &mut Buffer) {
    for position in area.positions() {
        if let Some(cell) = buf.cell_mut(position) {
            cell.reset();
        }
    }
}

/// Puts a line into a row of a pane, cut at its edge; nothing where there is no such row.
pub(super) fn put<'a>(area: Rect, row: u16, line: impl Into<Line<'a>>, buf: &mut Buffer) {
    if row < area.height && area.width > 0 {
        buf.set_line(area.x, area.y + row, &line.into(), area.width);
    }
}

/// The same at the right edge, if it leaves the left so many cells.
pub(super) fn put_right<'a>(area: Rect, row: u16, taken: usize, line: impl Into<Line<'a>>, buf: &mut Buffer) {
    let line = line.into();
    let cells = u16::try_from(line.width()).unwrap_or(u16::MAX);
    if usize::from(area.width) > taken + usize::from(cells) {
        let x = area.x + area.width - cells;
        put(Rect { x, width: cells, ..area }, row, line, buf);
    }
}

/// The first row of a pane: its name, what is said of it, and a thin line to its edge. The rest of it.
pub(super) fn heading(app: &App, area: Rect, name: &str, more: &str, buf: &mut Buffer) -> Rect {
    let mut spans = vec![Span::styled(name.to_owned(), theme::strong())];
    let mut used = width_of(name);
    if !more.is_empty() {
        used += width_of(more) + 1;
        spans.push(Span::styled(format!(" {more}"), app.theme.quiet()));
    }
    let left = usize::from(area.width).saturating_sub(used + 1);
    spans.push(Span::styled(format!(" {}", "─".repeat(left)), app.theme.quiet()));
    put(area, 0, Line::from(spans), buf);
    split(area, 1).1
}

/// The line between two columns.
pub(super) fn rule(app: &App, area: Rect, buf: &mut Buffer) {
    for row in 0..area.height {
        put(area, row, Span::styled(" │ ", app.theme.quiet()), buf);
    }
}

//! What the attempt in the light prints: the end of it beside the rest, or all that is kept on a page of its own.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::super::app::App;
use super::super::sight::{Item, Output, State};
use super::super::text::{clean, wrap};
use super::panes::{heading, put};

pub(super) fn output(app: &App, area: Rect, buf: &mut Buffer) {
    let Some(item) = app.item() else { return nothing_yet(app, area, buf) };
    let follows = if app.chosen.is_none() { "follows" } else { "pinned, f follows" };
    let area = heading(app, area, &format!("output · {}", item.title), follows, buf);
    let Some(output) = app.output().filter(|output| !output.text.is_empty()) else {
        return put(area, 0, Span::styled(silence(item), app.theme.quiet()), buf);
    };
    let rows = last_rows(app, output, usize::from(area.width), usize::from(area.height));
    for (row, text) in (0u16..).zip(rows) {
        put(area, row, Span::raw(text), buf);
    }
}

fn silence(item: &Item) -> String {
    match item.state {
        State::Waiting => "it has not begun".into(),
        State::Running => "nothing printed yet".into(),
        _ => item.error.clone().unwrap_or_else(|| "it printed nothing".into()),
    }
}

fn nothing_yet(app: &App, area: Rect, buf: &mut Buffer) {
    let area = heading(app, area, "output", "", buf);
    let lines = [
        "what the agents print will stand here",
        "",
        "orchestrator --once          one turn each",
        "orchestrator batch FILE      many tasks",
        "orchestrator workstream run  a graph of steps",
        "orchestrator demo            a first look",
    ];
    for (row, line) in (0u16..).zip(lines) {
        put(area, row, Span::styled(line, app.theme.quiet()), buf);
    }
}

/// The lines of an output that the filter leaves, the last first.
fn lines_back<'a>(app: &'a App, output: &'a Output) -> impl Iterator<Item = std::borrow::Cow<'a, str>> {
    let text = output.text.strip_suffix('\n').unwrap_or(&output.text);
    let lines = text.rsplit('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    lines.filter(|line| app.passes(line)).map(clean)
}

/// The rows at the end, in their order; no more lines are looked at than fit.
fn last_rows(app: &App, output: &Output, cells: usize, high: usize) -> Vec<String> {
    let mut rows = Vec::new();
    for line in lines_back(app, output) {
        if rows.len() >= high {
            break;
        }
        rows.extend(wrap(&line, cells).into_iter().rev());
    }
    rows.truncate(high);
    rows.reverse();
    rows
}

/// Rows of the log page, and how many of them it shows.
pub fn log_rows(app: &App) -> (usize, usize) {
    let (wide, high) = (usize::from(app.size.0), usize::from(app.size.1));
    let rows = app.output().map_or(0, |o| lines_back(app, o).map(|line| wrap(&line, wide).len()).sum());
    // The foot, and the heading.
    (rows, high.saturating_sub(2))
}

/// The log page.
pub(super) fn log(app: &App, area: Rect, buf: &mut Buffer) {
    let Some(item) = app.item() else { return nothing_yet(app, area, buf) };
    let (total, shown) = log_rows(app);
    let place = match (app.held.is_some(), total.checked_sub(app.scroll)) {
        (true, Some(at)) => format!("row {at} of {total} · f follows"),
        _ => "follows".into(),
    };
    let iteration =
        item.iteration.filter(|n| *n > 0).map_or_else(String::new, |n| format!(" · iteration {n}"));
    let name = format!("log · {}{iteration} · {}", item.title, item.state.word());
    let area = heading(app, area, &name, &place, buf);
    let Some(output) = app.output().filter(|output| !output.text.is_empty()) else {
        return put(area, 0, Span::styled(silence(item), app.theme.quiet()), buf);
    };
    let high = usize::from(area.height).min(shown.max(1));
    let mut rows: Vec<String> = Vec::new();
    for line in lines_back(app, output) {
        if rows.len() >= high + app.scroll {
            break;
        }
        rows.extend(wrap(&line, usize::from(area.width)).into_iter().rev());
    }
    let rows: Vec<String> = rows.into_iter().skip(app.scroll).take(high).collect();
    // The beginning of what is kept is not the beginning of what was printed.
    let begins = output.cut && rows.len() < high;
    let top = u16::from(begins);
    if begins {
        let log = item.log.as_deref().unwrap_or("the log");
        put(area, 0, Span::styled(format!("… what was before stands in {log}"), app.theme.quiet()), buf);
    }
    for (row, text) in (top..).zip(rows.iter().rev()) {
        put(area, row, Span::raw(text.as_str()), buf);
    }
}

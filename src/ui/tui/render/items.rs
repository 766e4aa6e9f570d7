//! The turns of a loop, the tasks of a batch, the steps of a graph.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::app::App;
use super::super::sight::{Item, State, Tone};
use super::super::text::{cost, pad, pad_left, running, took};
use super::super::theme;
use super::panes::{heading, put};

pub(super) fn items(app: &App, area: Rect, buf: &mut Buffer) {
    let kind = app.sight.shown.as_ref().map_or("", |shown| shown.kind.as_str());
    let name = match kind {
        "workstream" => "steps",
        "batch" => "tasks",
        "oneshot" => "rounds",
        _ => "turns",
    };
    let items = app.items();
    let all = app.sight.shown.as_ref().map_or(0, |shown| shown.items.len());
    let more = match (all, app.filter.is_empty()) {
        (0, _) => String::new(),
        (_, false) => format!("{} of {all} with “{}”", items.len(), app.filter),
        (_, true) => all.to_string(),
    };
    let area = heading(app, area, name, &more, buf);
    if items.is_empty() {
        let words = if all > 0 { "nothing has these words" } else { "none yet" };
        return put(area, 0, Span::styled(words, app.theme.quiet()), buf);
    }
    let own = app.item().map(|item| item.key.as_str());
    let at = items.iter().position(|item| Some(item.key.as_str()) == own);
    let high = usize::from(area.height);
    // What is chosen stays in sight, with something around it.
    let first = at.unwrap_or(0).saturating_sub(high * 2 / 3).min(items.len().saturating_sub(high));
    let columns = Columns::of(&items, usize::from(area.width));
    for (row, item) in (0u16..).zip(items.iter().skip(first).take(high)) {
        let lit = Some(item.key.as_str()) == own;
        put(area, row, line(app, item, lit, &columns), buf);
    }
}

/// Cells of each column; 0: there is no room for it.
struct Columns {
    title: usize,
    what: usize,
    bar: usize,
    cost: usize,
    iteration: usize,
}

impl Columns {
    fn of(items: &[&Item], cells: usize) -> Self {
        let longest = items.iter().map(|item| item.title.chars().count()).max().unwrap_or(0);
        let title = longest.clamp(4, if cells > 60 { 24 } else { 14 });
        let iteration = if items.iter().any(|i| i.iteration.is_some_and(|n| n > 0)) { 4 } else { 0 };
        let cost = if cells >= 44 && items.iter().any(|i| i.cost_usd.is_some()) { 8 } else { 0 };
        let bar = if cells >= 64 { cells / 4 } else { 0 };
        // Mark, glyph and blanks; the time.
        let rest = cells.saturating_sub(4 + iteration + title + 1 + 8 + cost + bar + usize::from(bar > 0));
        Self { title, what: rest, bar, cost, iteration }
    }
}

fn line(app: &App, item: &Item, lit: bool, columns: &Columns) -> Line<'static> {
    let theme = app.theme;
    let tone = theme.tone(item.state.tone());
    let mark = match (lit, app.chosen.is_some()) {
        (true, true) => "▸ ",
        (true, false) => "› ",
        (false, _) => "  ",
    };
    let mut spans = vec![Span::raw(mark), Span::styled(format!("{} ", item.state.glyph()), tone)];
    if columns.iteration > 0 {
        let number = item.iteration.map_or_else(String::new, |n| n.to_string());
        spans.push(Span::styled(format!("{} ", pad_left(&number, columns.iteration - 1)), theme.quiet()));
    }
    let bold = if item.state == State::Running { theme::strong() } else { Style::new() };
    spans.push(Span::styled(format!("{} ", pad(&item.title, columns.title)), bold));
    if columns.what > 2 {
        spans.push(Span::styled(format!("{} ", pad(&what(item), columns.what - 1)), theme.quiet()));
    }
    if columns.bar > 0 {
        spans.extend(bar(app, item, columns.bar));
        spans.push(Span::raw(" "));
    }
    let time = match item.state {
        State::Running => running(item.took_ms(app.now_ms).unwrap_or(0)),
        state if state.is_over() => item.ended_ms.and(item.took_ms(app.now_ms)).map(took).unwrap_or_default(),
        _ => String::new(),
    };
    spans.push(Span::raw(pad_left(&time, 7)));
    if columns.cost > 0 {
        let text = if item.cost_usd.is_some() { cost(item.cost_usd) } else { String::new() };
        spans.push(Span::styled(pad_left(&text, columns.cost), theme.quiet()));
    }
    spans.push(Span::raw(" "));
    let line = Line::from(spans);
    if lit && app.chosen.is_some() { line.style(theme::chosen()) } else { line }
}

/// What it does, or why it is not well.
fn what(item: &Item) -> String {
    let tries = if item.attempt > 1 { format!("attempt {} · ", item.attempt) } else { String::new() };
    let words = match (&item.error, item.state) {
        (Some(error), State::Failed | State::Skipped | State::Canceled | State::Lost) => error.clone(),
        _ if item.prompt.is_empty() => item.agent.clone(),
        _ if item.agent.is_empty() || item.agent == "-" => item.prompt.clone(),
        _ => format!("{} · {}", item.prompt, item.agent),
    };
    format!("{tries}{words}")
}

/// When it ran, within the time of the run.
fn bar(app: &App, item: &Item, cells: usize) -> Vec<Span<'static>> {
    let run = app.sight.shown.as_ref().and_then(|shown| app.sight.run(&shown.run_id));
    let empty = || vec![Span::raw(" ".repeat(cells))];
    let (Some(run), Some(began)) = (run, item.began_ms) else { return empty() };
    let whole = (run.ended_ms.unwrap_or(app.now_ms) - run.began_ms).max(1);
    let end = item.ended_ms.unwrap_or(app.now_ms).min(run.ended_ms.unwrap_or(i64::MAX));
    let most = i64::try_from(cells).unwrap_or(1);
    let place = |at: i64| {
        usize::try_from(((at - run.began_ms).max(0).saturating_mul(most) / whole).min(most)).unwrap_or(0)
    };
    let from = place(began).min(cells.saturating_sub(1));
    let to = place(end).clamp(from + 1, cells.max(from + 1));
    let tone = if item.state == State::Succeeded { Tone::Quiet } else { item.state.tone() };
    vec![
        Span::styled("·".repeat(from), app.theme.quiet()),
        Span::styled("━".repeat(to - from), app.theme.tone(tone)),
        Span::styled("·".repeat(cells.saturating_sub(to)), app.theme.quiet()),
    ]
}

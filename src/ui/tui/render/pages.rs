//! Pages of their own: the keys, and everything about one attempt.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::app::App;
use super::super::mood::short;
use super::super::sight::State;
use super::super::text::{ago, cost, pad, running, took, wrap};
use super::super::theme;
use super::panes::{heading, put};

const KEYS: &[(&str, &str)] = &[
    ("↑ ↓  j k", "choose a turn, task or step; the output is its"),
    ("enter", "everything about it"),
    ("l", "its log, to scroll in"),
    ("f", "follow whatever runs, or stay with this one"),
    ("i", "interrupt what is chosen, after a question"),
    ("s", "stop after this turn: nothing further is begun"),
    ("/", "only what has these words: list, output, events"),
    ("← →", "an older run, a newer run"),
    ("esc", "back: filter, choice, run"),
    ("q", "leave; the run goes on"),
];

pub(super) fn help(app: &App, area: Rect, buf: &mut Buffer) {
    let area = heading(app, area, "keys", "", buf);
    let mut row = 0;
    for (key, words) in KEYS {
        let key = Span::styled(pad(key, 12), theme::strong());
        put(area, row, Line::from(vec![key, Span::raw(*words)]), buf);
        row += 1;
    }
    let states = [
        State::Running,
        State::Waiting,
        State::Succeeded,
        State::Failed,
        State::Canceled,
        State::Skipped,
        State::Lost,
    ];
    let mut spans = Vec::new();
    for state in states {
        spans.push(Span::styled(
            format!("{} {}   ", state.glyph(), state.word()),
            app.theme.tone(state.tone()),
        ));
    }
    put(area, row + 1, Line::from(spans), buf);
    let words = "But for i and s, which ask first, this view only reads: leave it at any time.";
    put(area, row + 3, Span::styled(words, app.theme.quiet()), buf);
}

pub(super) fn detail(app: &App, area: Rect, buf: &mut Buffer) {
    let Some(item) = app.item() else { return };
    let area = heading(app, area, &item.title, item.state.word(), buf);
    let time = item.took_ms(app.now_ms);
    let time = match item.state {
        State::Running => time.map(running),
        _ => item.ended_ms.and(time).map(took),
    };
    let began = item.began_ms.map(|at| format!("{} ({})", app.clock(at), ago(app.now_ms - at)));
    let attempt = item.attempt_id.as_deref();
    let fields = [
        ("state", Some(format!("{} {}", item.state.glyph(), item.state.word()))),
        ("iteration", item.iteration.filter(|n| *n > 0).map(|n| n.to_string())),
        ("attempt", Some(item.attempt).filter(|n| *n > 0).map(|n| n.to_string())),
        ("agent", Some(item.agent.clone()).filter(|a| !a.is_empty() && a != "-")),
        ("prompt", Some(item.prompt.clone()).filter(|p| !p.is_empty())),
        ("begun", began),
        ("took", time),
        ("exit code", item.exit_code.map(|code| code.to_string())),
        ("error", item.error.clone()),
        ("tokens", item.tokens.map(|(read, written)| format!("{read} in, {written} out"))),
        ("cost", item.cost_usd.map(|usd| cost(Some(usd)))),
        ("log", item.log.clone()),
        ("id", attempt.map(str::to_owned)),
        ("more", attempt.map(|id| format!("orchestrator show {id}"))),
        (
            "run",
            app.sight
                .shown
                .as_ref()
                .map(|shown| format!("{} {}, {}", shown.kind, short(&shown.run_id), shown.limits)),
        ),
    ];
    let mut row = 0;
    let cells = usize::from(area.width).saturating_sub(12);
    for (name, value) in fields.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        let mut name = Span::styled(pad(name, 12), app.theme.quiet());
        for text in wrap(&value, cells) {
            put(area, row, Line::from(vec![name, Span::raw(text)]), buf);
            name = Span::raw(pad("", 12));
            row = row.saturating_add(1);
        }
    }
}

//! The top: how it stands, who has the turn, since when, and whether all is well.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::app::App;
use super::super::mood::{self, Mood, short};
use super::super::text::{fit, width_of};
use super::super::theme;
use super::letters::large;
use super::panes::{put, put_right, split};

/// Rows of a head that has room for large letters.
const TALL: u16 = 8;

pub(super) fn head(app: &App, area: Rect, buf: &mut Buffer) {
    let mood = mood::of(&app.sight, app.now_ms);
    // A low screen has the word first and no title.
    let title = u16::from(area.height > 2);
    if title == 1 {
        let name = format!("orchestrator · {}", app.sight.project);
        put(area, 0, Span::styled(name.clone(), app.theme.quiet()), buf);
        put_right(area, 0, width_of(&name), Span::styled(place(app), app.theme.quiet()), buf);
    }
    let row = if area.height >= TALL && tall(app, &mood, split(area, 2).1, buf) {
        5
    } else {
        let row = if area.height >= TALL { 3 } else { title };
        word(app, &mood, row, area, buf);
        row + 1
    };
    let mut facts = vec![Span::raw(mood.facts.join(" · "))];
    if let Some(next) = &mood.next {
        let gap = if mood.facts.is_empty() { "" } else { "   " };
        let room = usize::from(area.width).saturating_sub(width_of(next) + gap.len() + 2);
        facts = vec![Span::raw(fit(&mood.facts.join(" · "), room).into_owned())];
        facts.push(Span::styled(format!("{gap}→ {next}"), theme::strong()));
    }
    put(area, row, Line::from(facts), buf);
}

/// The word, who and since when, in one row.
fn word(app: &App, mood: &Mood, row: u16, area: Rect, buf: &mut Buffer) {
    let mut word = vec![Span::styled(format!(" {} ", mood.word), app.theme.badge(mood.tone))];
    word.push(Span::raw("  "));
    word.push(Span::styled(mood.who.clone(), theme::strong()));
    if !mood.time.is_empty() {
        word.push(Span::raw("  "));
        word.push(Span::styled(mood.time.clone(), app.theme.tone(mood.tone)));
    }
    let used: usize = word.iter().map(Span::width).sum();
    put(area, row, Line::from(word), buf);
    put_right(area, row, used + 2, sum(app), buf);
}

/// The same in three rows and large letters; not if they have no room.
fn tall(app: &App, mood: &Mood, area: Rect, buf: &mut Buffer) -> bool {
    let (Some(who), Some(time)) = (large(&mood.who), large(&mood.time)) else { return false };
    let ground = format!("  {}  ", mood.word);
    let used = ground.len() + 3 + width_of(&who[0]) + 4 + width_of(&time[0]);
    if used > usize::from(area.width) {
        return false;
    }
    for (row, (who, time)) in (0u16..).zip(who.into_iter().zip(time)) {
        let ground = if row == 1 { ground.clone() } else { " ".repeat(ground.len()) };
        let line = vec![
            Span::styled(ground, app.theme.badge(mood.tone)),
            Span::raw("   "),
            Span::raw(who),
            Span::raw("    "),
            Span::styled(time, app.theme.tone(mood.tone)),
        ];
        put(area, row, Line::from(line), buf);
    }
    put_right(area, 1, used + 2, sum(app), buf);
    true
}

/// Branch, run and time, at the right.
fn place(app: &App) -> String {
    let mut words = Vec::new();
    if let Some(shown) = &app.sight.shown {
        words.extend(shown.branch.iter().map(|b| format!("branch {b}")));
        let at = app.sight.runs.iter().position(|run| run.id == shown.run_id).unwrap_or(0);
        let number = if at == 0 { String::new() } else { format!(" (run {at} back)") };
        words.push(format!("{} {}{number}", shown.kind, short(&shown.run_id)));
    }
    words.push(app.clock(app.now_ms));
    words.join(" · ")
}

/// What the run has cost so far.
fn sum(app: &App) -> Line<'static> {
    let run = app.sight.shown.as_ref().and_then(|shown| app.sight.run(&shown.run_id));
    let text = run.and_then(|run| run.cost_usd).map_or_else(String::new, |usd| format!("${usd:.2} this run"));
    Line::styled(text, app.theme.quiet())
}

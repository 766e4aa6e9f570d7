//! The runs of this project, where a screen has room for them.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::app::App;
use super::super::mood::short;
use super::super::sight::Run;
use super::super::text::{ago, cost, pad, pad_left, running, took};
use super::super::theme;
use super::panes::{heading, put};

/// Runs that are listed.
pub(super) const MOST: usize = 8;

pub(super) fn runs(app: &App, area: Rect, buf: &mut Buffer) {
    if area.height < 2 {
        return;
    }
    let area = heading(app, area, "runs", "← → to look at another", buf);
    let shown = app.sight.shown.as_ref().map(|shown| shown.run_id.as_str());
    for (row, run) in (0u16..).zip(app.sight.runs.iter().take(MOST)) {
        let lit = Some(run.id.as_str()) == shown;
        put(area, row, line(app, run, lit, area.width), buf);
    }
}

fn line(app: &App, run: &Run, shown: bool, cells: u16) -> Line<'static> {
    let theme = app.theme;
    let time = match run.ended_ms {
        Some(end) => took(end - run.began_ms),
        None => running(app.now_ms - run.began_ms),
    };
    let name = if shown { theme::strong() } else { theme.quiet() };
    // The last column, where there is room for the whole of it.
    let price = run.cost_usd.filter(|_| cells >= 56).map_or_else(String::new, |usd| cost(Some(usd)));
    Line::from(vec![
        Span::raw(if shown { "› " } else { "  " }),
        Span::styled(format!("{} ", run.state.glyph()), theme.tone(run.state.tone())),
        Span::styled(pad(&run.kind, 11), name),
        Span::styled(pad(&short(&run.id), 14), theme.quiet()),
        Span::styled(pad(&ago(app.now_ms - run.began_ms), 10), theme.quiet()),
        Span::raw(pad_left(&time, 8)),
        Span::styled(pad_left(&price, 9), theme.quiet()),
    ])
}

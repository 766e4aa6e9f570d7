//! What happened, the newest last.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::app::App;
use super::super::sight::Told;
use super::panes::{heading, put};

pub(super) fn events(app: &App, area: Rect, buf: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let area = heading(app, area, "events", "", buf);
    let all = app.sight.shown.iter().flat_map(|shown| &shown.events);
    let told: Vec<&Told> = all.filter(|told| app.passes(&told.text)).collect();
    if told.is_empty() {
        let words =
            if app.filter.is_empty() { "nothing has happened yet" } else { "nothing has these words" };
        return put(area, 0, Span::styled(words, app.theme.quiet()), buf);
    }
    let first = told.len().saturating_sub(usize::from(area.height));
    for (row, told) in (0u16..).zip(&told[first..]) {
        let time = Span::styled(format!("{}  ", app.clock(told.at_ms)), app.theme.quiet());
        put(
            area,
            row,
            Line::from(vec![time, Span::styled(told.text.clone(), app.theme.tone(told.tone))]),
            buf,
        );
    }
}

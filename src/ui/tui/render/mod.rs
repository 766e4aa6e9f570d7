//! A frame: one file a part of the screen. Pure: the same state and size give the same cells.

mod events;
mod foot;
mod head;
mod items;
mod letters;
mod output;
mod pages;
mod panes;
mod roles;
mod runs;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::app::{App, Page};
use panes::{Panes, clear, rule};

pub use output::log_rows;

/// Draws the whole screen; any size will do.
pub fn render(app: &App, area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    clear(area, buf);
    let panes = Panes::of(app, area);
    foot::foot(app, panes.foot, buf);
    match app.page {
        Page::Log => return output::log(app, panes.whole, buf),
        Page::Help => return pages::help(app, panes.whole, buf),
        Page::Detail if app.item().is_some() => return pages::detail(app, panes.whole, buf),
        Page::Main | Page::Detail => {}
    }
    head::head(app, panes.head, buf);
    roles::roles(app, panes.roles, buf);
    items::items(app, panes.items, buf);
    runs::runs(app, panes.runs, buf);
    rule(app, panes.gap, buf);
    output::output(app, panes.output, buf);
    events::events(app, panes.events, buf);
}

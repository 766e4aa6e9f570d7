//! `orchestrator status`: one screen about this project. Runs nothing, writes nothing.
//!
//! `facts` looks, `view` is what was seen, `words` says it; only the first touches anything.

mod facts;
mod view;
mod watch;
mod words;

#[cfg(test)]
mod tests;

use super::args::{Format, Global, StatusArgs};
use super::error::{Failure, OK};
use super::setup::{Setup, setup_beside};
use facts::Sight;
use words::{Times, json, oneline, screen, without_a_loop};

pub(super) fn status(global: &Global, args: &StatusArgs) -> Result<u8, Failure> {
    let Setup { settings, loaded } = setup_beside(global)?;
    let form = Form { format: args.format, oneline: args.oneline, times: Times { utc: global.utc } };
    if args.watch {
        return watch::watch(&settings, &loaded.root, form);
    }
    let sight = facts::look(&settings)?;
    super::print(&form.render(&sight, &loaded.root))?;
    Ok(OK)
}

/// The same for programs, as it is now.
#[cfg_attr(not(feature = "web"), expect(dead_code, reason = "the page asks for it"))]
pub(super) fn now(
    settings: &crate::turns::settings::Settings,
    root: &std::path::Path,
) -> Result<serde_json::Value, Failure> {
    Ok(match facts::look(settings)? {
        Sight::Loop(view) => json(&view, root),
        Sight::RunsOnly { live, lately } => words::json_without_a_loop(&live, &lately, root),
    })
}

/// How it is said.
#[derive(Clone, Copy)]
struct Form {
    format: Format,
    oneline: bool,
    times: Times,
}

impl Form {
    fn render(self, sight: &Sight, root: &std::path::Path) -> String {
        match (sight, self.format) {
            (Sight::Loop(view), Format::Json) => format!("{:#}\n", json(view, root)),
            (Sight::Loop(view), Format::Text) if self.oneline => format!("{}\n", oneline(view, self.times)),
            (Sight::Loop(view), Format::Text) => screen(view, self.times),
            (Sight::RunsOnly { live, lately }, Format::Text) => without_a_loop(live, lately),
            (Sight::RunsOnly { live, lately }, Format::Json) => {
                format!("{:#}\n", words::json_without_a_loop(live, lately, root))
            }
        }
    }
}

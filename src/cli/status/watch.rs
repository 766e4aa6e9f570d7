//! `status --watch`: the screen again and again; where nobody watches a terminal, once for each change.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::super::args::Format;
use super::super::error::{Failure, INTERNAL, OK};
use super::super::screen;
use super::facts::{self, Sight};
use super::{Form, words};
use crate::turns::settings::Settings;

/// What is looked at has no event in common: files, refs, sockets, a lock.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

pub(super) fn watch(settings: &Settings, root: &Path, form: Form) -> Result<u8, Failure> {
    let drawn = std::io::stdout().is_terminal() && !form.oneline && form.format == Format::Text;
    let mut out = screen::stdout();
    let mut before = None;
    loop {
        let (text, mark) = match facts::look(settings) {
            Ok(sight) => (form.render(&sight, root), mark(&sight, root)),
            // It may be there, or whole again, the next time.
            Err(failure) => (failure.text(), Value::String(failure.text())),
        };
        let changed = before.as_ref() != Some(&mark);
        before = Some(mark);
        if drawn || changed {
            if drawn {
                screen::clear();
            }
            let text = match (drawn, form.format) {
                (true, _) => text,
                (false, Format::Json) => one_line(&text),
                (false, Format::Text) if form.oneline => text,
                (false, Format::Text) => format!("{text}\n"),
            };
            match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
                Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => return Ok(OK),
                Err(e) => {
                    return Err(Failure::new(INTERNAL, "io", "write to stdout").cause(e.to_string()));
                }
                Ok(()) => {}
            }
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// One document a line.
fn one_line(text: &str) -> String {
    serde_json::from_str::<Value>(text).map_or_else(|_| text.to_owned(), |value| format!("{value}\n"))
}

/// What was seen without what changes by itself: times that run.
fn mark(sight: &Sight, root: &Path) -> Value {
    let mut value = match sight {
        Sight::Loop(view) => words::json(view, root),
        Sight::RunsOnly { live, lately } => words::json_without_a_loop(live, lately, root),
    };
    still(&mut value);
    value
}

fn still(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for running in ["running_ms", "silent_ms", "problems"] {
                fields.remove(running);
            }
            fields.values_mut().for_each(still);
        }
        Value::Array(items) => items.iter_mut().for_each(still),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_times_are_no_change() {
        let mut value = serde_json::json!({"runs": [{"silent_ms": 7, "id": "a"}], "status": "idle"});
        still(&mut value);
        assert_eq!(value, serde_json::json!({"runs": [{"id": "a"}], "status": "idle"}));
    }
}

//! Tool calls that are open.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

use crate::supervise::{Activity, Kind};

/// More at once are not kept apart.
const MOST: usize = 256;

/// Says each call once, also where a client tells only of its end. Identifiers are kept as hashes: they are as long
/// as whoever writes them likes.
#[derive(Debug, Default)]
pub(super) struct Tools(Vec<u64>);

impl Tools {
    pub(super) fn open(&mut self, id: &str, name: &str, input: Value, out: &mut Vec<Activity>) {
        let key = key(id);
        if self.0.contains(&key) {
            return;
        }
        if self.0.len() < MOST {
            self.0.push(key);
        }
        out.push(Kind::ToolUse { id: id.to_owned(), name: name.to_owned(), input }.into());
    }

    pub(super) fn close(&mut self, id: &str, text: String, is_error: bool, out: &mut Vec<Activity>) {
        let key = key(id);
        self.0.retain(|open| *open != key);
        out.push(Kind::ToolResult { id: id.to_owned(), text, is_error }.into());
    }

    /// A call of which only the end is told.
    pub(super) fn whole(
        &mut self,
        (id, name, input): (&str, &str, Value),
        text: String,
        is_error: bool,
        out: &mut Vec<Activity>,
    ) {
        self.open(id, name, input, out);
        self.close(id, text, is_error, out);
    }
}

fn key(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

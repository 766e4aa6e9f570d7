//! JSON objects with a verdict, anywhere in a text.

use serde_json::{Deserializer, Map, Value};

use super::Verdict;

/// The form that our own prompt shows.
const FORM: &str = "DONE|RETRY|IMPOSSIBLE";
/// More braces than this are not looked at, from the end backwards: a message is no data file.
const MAX_STARTS: usize = 20_000;

pub(super) enum Found {
    Clear(Verdict, String),
    /// The last object with a verdict says nothing known, or is cut off.
    Broken,
    None,
}

/// The last object with a `verdict`.
pub(super) fn last(text: &str) -> Found {
    let starts: Vec<usize> = text.match_indices('{').map(|(at, _)| at).collect();
    let starts = &starts[starts.len().saturating_sub(MAX_STARTS)..];
    let mut found = Found::None;
    let mut end = 0;
    for &at in starts {
        if at < end {
            continue;
        }
        let mut stream = Deserializer::from_str(&text[at..]).into_iter::<Map<String, Value>>();
        let Some(Ok(object)) = stream.next() else { continue };
        let Some(value) = field(&object, "verdict") else { continue };
        end = at + stream.byte_offset();
        if value.as_str().is_some_and(|v| v.trim() == FORM) {
            continue;
        }
        found = match value.as_str().and_then(Verdict::parse) {
            Some(verdict) => Found::Clear(verdict, field(&object, "feedback").map(words).unwrap_or_default()),
            None => Found::Broken,
        };
    }
    // A verdict behind the last whole object is one that was cut off.
    if text[end..].contains("\"verdict\"") { Found::Broken } else { found }
}

fn field<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// Feedback as text: models also give lists.
fn words(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            items.iter().map(|item| format!("- {}", words(item))).collect::<Vec<_>>().join("\n")
        }
        other => other.to_string(),
    }
}

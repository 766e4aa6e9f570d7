//! Fields of records.

use std::borrow::Cow;

use serde_json::Value;

use crate::supervise::{Activity, Kind, RateLimit, Usage};

/// Text of a message that is still being put together; a longer one comes in pieces.
pub(super) const LONGEST_TEXT: usize = 1 << 20;

pub(super) fn text<'a>(record: &'a Value, key: &str) -> Option<&'a str> {
    record.get(key).and_then(Value::as_str)
}

pub(super) fn number(record: &Value, key: &str) -> Option<u64> {
    record.get(key).and_then(Value::as_u64)
}

/// A text that says something.
pub(super) fn words<'a>(record: &'a Value, key: &str) -> Option<&'a str> {
    text(record, key).filter(|t| !t.trim().is_empty())
}

/// Seconds since the epoch from seconds, milliseconds or an ISO time.
pub(super) fn epoch_secs(value: &Value) -> Option<i64> {
    // In seconds this is the year 5138, in milliseconds 1973.
    const AS_MILLIS: i64 = 100_000_000_000;
    if let Some(n) = value.as_i64() {
        return Some(if n.abs() > AS_MILLIS { n.div_euclid(1000) } else { n });
    }
    let at: jiff::Timestamp = value.as_str()?.parse().ok()?;
    Some(at.as_second())
}

/// What a result of a tool says, whether text or a list of parts.
pub(super) fn content_text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let said = |part: &Value| part.as_str().or_else(|| text(part, "text")).map(str::to_owned);
            parts.iter().map(|p| said(p).unwrap_or_else(|| p.to_string())).collect::<Vec<_>>().join("\n")
        }
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// The message inside an error that a server sent as JSON and a client passed on as text, and its status.
pub(super) fn unwrapped(message: &str) -> (Cow<'_, str>, Option<Value>) {
    let wrapped = message.strip_prefix("[API Error: ").and_then(|m| Some(&m[..m.rfind(']')?]));
    let inner = wrapped.unwrap_or(message);
    let Ok(value) = serde_json::from_str::<Value>(inner) else { return (Cow::Borrowed(inner), None) };
    let error = value.get("error").cloned().unwrap_or(value);
    match words(&error, "message") {
        Some(said) => (Cow::Owned(said.to_owned()), Some(error)),
        None => (Cow::Borrowed(message), Some(error)),
    }
}

/// Whether an error object of a server says that there were too many requests.
pub(super) fn is_limit(error: &Value) -> bool {
    const WORDS: [&str; 4] =
        ["rate_limit_exceeded", "rate_limit_error", "RESOURCE_EXHAUSTED", "insufficient_quota"];
    let coded = ["code", "status", "statusCode"].iter().any(|key| number(error, key) == Some(429));
    coded || ["code", "type", "status"].iter().any(|key| text(error, key).is_some_and(|w| WORDS.contains(&w)))
}

pub(super) fn limited(status: &str, resets_at: Option<i64>) -> Activity {
    Kind::RateLimit(RateLimit { status: status.to_owned(), blocked: true, resets_at }).into()
}

/// The sum of two counts; unknown only if both are.
pub(super) fn plus(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (None, None) => None,
        (one, other) => Some(one.unwrap_or(0).saturating_add(other.unwrap_or(0))),
    }
}

pub(super) fn sum(one: Usage, other: Usage) -> Usage {
    let cost_usd = match (one.cost_usd, other.cost_usd) {
        (None, None) => None,
        (one, other) => Some(one.unwrap_or(0.0) + other.unwrap_or(0.0)),
    };
    Usage {
        input_tokens: plus(one.input_tokens, other.input_tokens),
        output_tokens: plus(one.output_tokens, other.output_tokens),
        cached_tokens: plus(one.cached_tokens, other.cached_tokens),
        cost_usd,
    }
}

pub(super) fn session(known: &mut Option<String>, record: &Value, key: &str, out: &mut Vec<Activity>) {
    if let Some(id) = words(record, key)
        && known.as_deref() != Some(id)
    {
        *known = Some(id.to_owned());
        out.push(Kind::Session { id: id.to_owned() }.into());
    }
}

pub(super) fn result(text: Option<&str>, is_error: bool) -> Activity {
    Kind::Result { text: text.map(str::to_owned), is_error }.into()
}

/// What is said of a turn that ended without an answer: some clients hide a refusal like that.
pub(super) const NO_ANSWER: &str = "the model gave no answer: it refused, or its answer was empty";

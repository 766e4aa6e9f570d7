//! `POST …:streamGenerateContent`.

use serde_json::{Value, json};

use super::dialect::Events;

pub fn text(text: &str) -> Events {
    let mut events: Events =
        text.split_inclusive(' ').map(|piece| ("", part(&json!({"text": piece}), None))).collect();
    events.push(("", part(&json!({"text": ""}), Some("STOP"))));
    events
}

pub fn call(name: &str, input: &Value) -> Events {
    vec![("", part(&json!({"functionCall": {"name": name, "args": input}}), Some("STOP")))]
}

/// The safety filter says nothing but that it stopped.
pub fn refusal() -> Events {
    vec![("", part(&json!({"text": ""}), Some("SAFETY")))]
}

pub fn whole(text: &str) -> Value {
    part(&json!({"text": text}), Some("STOP"))
}

fn part(part: &Value, finish: Option<&str>) -> Value {
    let mut candidate = json!({"index": 0, "content": {"role": "model", "parts": [part]}});
    if let Some(reason) = finish {
        candidate["finishReason"] = json!(reason);
    }
    json!({
        "candidates": [candidate], "modelVersion": "stub",
        "usageMetadata": {"promptTokenCount": 100, "cachedContentTokenCount": 20, "candidatesTokenCount": 7, "totalTokenCount": 107},
    })
}

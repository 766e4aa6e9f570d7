//! `POST /v1/messages`.

use serde_json::{Value, json};

use super::dialect::Events;

pub fn text(text: &str, body: &Value) -> Events {
    said(text, body, "end_turn")
}

pub fn refusal(text: &str, body: &Value) -> Events {
    said(text, body, "refusal")
}

fn said(text: &str, body: &Value, reason: &str) -> Events {
    let mut events = begin(body);
    events.push((
        "content_block_start",
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
    ));
    for piece in text.split_inclusive(' ') {
        events.push(("content_block_delta", json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}})));
    }
    end(&mut events, reason);
    events
}

pub fn call(name: &str, input: &Value, body: &Value) -> Events {
    let mut events = begin(body);
    let id = format!("toolu_stub_{}", body["messages"].as_array().map_or(0, Vec::len));
    events.push(("content_block_start", json!({"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": id, "name": name, "input": {}}})));
    events.push(("content_block_delta", json!({"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": input.to_string()}})));
    end(&mut events, "tool_use");
    events
}

pub fn whole(text: &str) -> Value {
    json!({
        "id": "msg_stub", "type": "message", "role": "assistant", "model": "stub", "stop_reason": "end_turn",
        "content": [{"type": "text", "text": text}], "usage": {"input_tokens": 10, "output_tokens": 5},
    })
}

fn begin(body: &Value) -> Events {
    let usage = json!({"input_tokens": 100, "output_tokens": 1, "cache_read_input_tokens": 20, "cache_creation_input_tokens": 0});
    let message = json!({
        "id": format!("msg_stub_{}", body["messages"].as_array().map_or(0, Vec::len)),
        "type": "message", "role": "assistant", "model": body["model"], "content": [],
        "stop_reason": null, "stop_sequence": null, "usage": usage,
    });
    vec![("message_start", json!({"type": "message_start", "message": message}))]
}

fn end(events: &mut Events, reason: &str) {
    events.push(("content_block_stop", json!({"type": "content_block_stop", "index": 0})));
    events.push(("message_delta", json!({"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": null}, "usage": {"output_tokens": 7}})));
    events.push(("message_stop", json!({"type": "message_stop"})));
}

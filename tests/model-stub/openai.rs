//! `POST /v1/responses` and `POST /v1/chat/completions`.

use serde_json::{Value, json};

use super::dialect::Events;

pub fn responses_text(text: &str) -> Events {
    let part = json!({"type": "output_text", "text": text, "annotations": []});
    responses_said(text, &part, "response.output_text.delta")
}

pub fn responses_refusal(text: &str) -> Events {
    responses_said(text, &json!({"type": "refusal", "refusal": text}), "response.refusal.delta")
}

fn responses_said(text: &str, part: &Value, delta: &'static str) -> Events {
    let item = json!({"type": "message", "id": "msg_stub", "role": "assistant", "status": "completed", "content": [part]});
    let mut events =
        vec![("response.created", json!({"type": "response.created", "response": {"id": "resp_stub"}}))];
    let open = json!({"type": "message", "id": "msg_stub", "role": "assistant", "status": "in_progress", "content": []});
    events.push((
        "response.output_item.added",
        json!({"type": "response.output_item.added", "output_index": 0, "item": open}),
    ));
    for piece in text.split_inclusive(' ') {
        events.push((delta, json!({"type": delta, "item_id": "msg_stub", "output_index": 0, "content_index": 0, "delta": piece})));
    }
    finish(&mut events, &item);
    events
}

pub fn responses_call(name: &str, input: &Value) -> Events {
    let item = json!({"type": "function_call", "id": "fc_stub", "call_id": "call_stub", "name": name, "arguments": input.to_string(), "status": "completed"});
    let mut events =
        vec![("response.created", json!({"type": "response.created", "response": {"id": "resp_stub"}}))];
    finish(&mut events, &item);
    events
}

pub fn responses_whole(text: &str) -> Value {
    let item = json!({"type": "message", "id": "msg_stub", "role": "assistant", "content": [{"type": "output_text", "text": text}]});
    json!({"id": "resp_stub", "object": "response", "status": "completed", "output": [item], "usage": usage()})
}

fn finish(events: &mut Events, item: &Value) {
    events.push((
        "response.output_item.done",
        json!({"type": "response.output_item.done", "output_index": 0, "item": item}),
    ));
    let response = json!({"id": "resp_stub", "object": "response", "status": "completed", "output": [item], "usage": usage()});
    events.push(("response.completed", json!({"type": "response.completed", "response": response})));
}

fn usage() -> Value {
    json!({"input_tokens": 100, "input_tokens_details": {"cached_tokens": 20}, "output_tokens": 7, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 107})
}

pub fn chat_text(text: &str) -> Events {
    let mut events: Events =
        text.split_inclusive(' ').map(|piece| ("", chunk(&json!({"content": piece}), None))).collect();
    end(&mut events, "stop");
    events
}

pub fn chat_refusal(text: &str) -> Events {
    let mut events = vec![("", chunk(&json!({"role": "assistant", "refusal": text}), None))];
    end(&mut events, "content_filter");
    events
}

pub fn chat_call(name: &str, input: &Value) -> Events {
    let call = json!({"index": 0, "id": "call_stub", "type": "function", "function": {"name": name, "arguments": input.to_string()}});
    let mut events = vec![("", chunk(&json!({"role": "assistant", "tool_calls": [call]}), None))];
    end(&mut events, "tool_calls");
    events
}

pub fn chat_whole(text: &str) -> Value {
    let message = json!({"role": "assistant", "content": text});
    json!({"id": "chat_stub", "object": "chat.completion", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": chat_usage()})
}

fn chunk(delta: &Value, finish: Option<&str>) -> Value {
    json!({"id": "chat_stub", "object": "chat.completion.chunk", "model": "stub", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
}

fn end(events: &mut Events, reason: &str) {
    events.push(("", chunk(&json!({}), Some(reason))));
    events.push(("", json!({"id": "chat_stub", "object": "chat.completion.chunk", "model": "stub", "choices": [], "usage": chat_usage()})));
    events.push(("", json!("[DONE]")));
}

fn chat_usage() -> Value {
    json!({"prompt_tokens": 100, "completion_tokens": 7, "total_tokens": 107, "prompt_tokens_details": {"cached_tokens": 20}})
}

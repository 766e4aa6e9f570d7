//! `POST /responses`: pure.

use serde_json::{Value, json};

use super::{Piece, Spent, failure, some_text};

pub(super) fn body(model: &str, prompt: &str) -> Value {
    json!({"model": model, "input": prompt, "stream": true})
}

/// One event, or the whole answer of a server that does not stream.
pub(super) fn pieces(event: &Value) -> Vec<Piece> {
    let response = &event["response"];
    match event["type"].as_str() {
        Some("response.created") => some_text(&response["id"], Piece::Session).into_iter().collect(),
        Some("response.output_text.delta" | "response.refusal.delta") => {
            some_text(&event["delta"], Piece::Text).into_iter().collect()
        }
        Some("response.reasoning_summary_text.delta" | "response.reasoning_text.delta") => {
            some_text(&event["delta"], Piece::Thinking).into_iter().collect()
        }
        Some("response.completed" | "response.incomplete" | "response.failed") => end(response),
        Some("error") => vec![failure(if event["error"].is_null() { event } else { &event["error"] })],
        Some(_) => Vec::new(),
        None => whole(event),
    }
}

fn end(response: &Value) -> Vec<Piece> {
    let mut out = Vec::new();
    if response["usage"].is_object() {
        out.push(Piece::Usage(usage(&response["usage"])));
    }
    out.push(match response["status"].as_str() {
        Some("failed") => failure(&response["error"]),
        Some("incomplete") => {
            let why = response["incomplete_details"]["reason"].as_str().unwrap_or("no reason given");
            Piece::Ended(Some(why.replace('_', " ")))
        }
        _ => Piece::Ended(None),
    });
    out
}

fn whole(answer: &Value) -> Vec<Piece> {
    if !answer["error"].is_null() {
        return vec![failure(&answer["error"])];
    }
    let mut out: Vec<Piece> = some_text(&answer["id"], Piece::Session).into_iter().collect();
    let parts = |value: &Value| value.as_array().cloned().unwrap_or_default();
    for part in parts(&answer["output"]).iter().flat_map(|item| parts(&item["content"])) {
        out.extend(some_text(&part["text"], Piece::Text));
        out.extend(some_text(&part["refusal"], Piece::Text));
    }
    out.extend(end(answer));
    out
}

fn usage(usage: &Value) -> Spent {
    Spent {
        input: usage["input_tokens"].as_u64(),
        output: usage["output_tokens"].as_u64(),
        cached: usage["input_tokens_details"]["cached_tokens"].as_u64(),
        cost_usd: None,
    }
}

//! `POST /api/chat` of Ollama, which streams one JSON object a line: pure.

use serde_json::{Value, json};

use super::{Piece, Spent, failure, some_text};

pub(super) fn body(model: &str, prompt: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": prompt}], "stream": true})
}

pub(super) fn pieces(event: &Value) -> Vec<Piece> {
    if !event["error"].is_null() {
        return vec![failure(&event["error"])];
    }
    let message = &event["message"];
    let mut out = Vec::new();
    out.extend(some_text(&message["thinking"], Piece::Thinking));
    out.extend(some_text(&message["content"], Piece::Text));
    if event["done"].as_bool() == Some(true) {
        let input = event["prompt_eval_count"].as_u64();
        let output = event["eval_count"].as_u64();
        out.push(Piece::Usage(Spent { input, output, ..Spent::default() }));
        let cut = event["done_reason"].as_str() == Some("length");
        out.push(Piece::Ended(cut.then(|| "the token limit was reached".to_owned())));
    }
    out
}

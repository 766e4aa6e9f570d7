//! `POST /chat/completions`, the API that most servers speak: pure.

use serde_json::{Value, json};

use super::{Piece, Spent, failure, some_text};

pub(super) fn body(model: &str, prompt: &str) -> Value {
    json!({
        "model": model,
        "messages": [{"role": "user", "content": prompt}],
        "stream": true,
        "stream_options": {"include_usage": true},
    })
}

/// One chunk, or the whole answer of a server that does not stream.
pub(super) fn pieces(event: &Value) -> Vec<Piece> {
    let mut out = Vec::new();
    if !event["error"].is_null() {
        out.push(failure(&event["error"]));
        return out;
    }
    let choice = &event["choices"][0];
    for part in [&choice["delta"], &choice["message"]] {
        out.extend(some_text(&part["reasoning_content"], Piece::Thinking));
        out.extend(some_text(&part["reasoning"], Piece::Thinking));
        out.extend(some_text(&part["content"], Piece::Text));
        out.extend(some_text(&part["refusal"], Piece::Text));
    }
    if event["usage"].is_object() {
        out.push(Piece::Usage(usage(&event["usage"])));
    }
    if let Some(reason) = choice["finish_reason"].as_str() {
        out.push(Piece::Ended(match reason {
            "length" => Some("the token limit was reached".to_owned()),
            "content_filter" => Some("the server's content filter stopped it".to_owned()),
            _ => None,
        }));
    }
    out
}

fn usage(usage: &Value) -> Spent {
    Spent {
        input: usage["prompt_tokens"].as_u64(),
        output: usage["completion_tokens"].as_u64(),
        cached: usage["prompt_tokens_details"]["cached_tokens"].as_u64(),
        // Routers of several models say it; who does not leaves it unknown.
        cost_usd: usage["cost"].as_f64(),
    }
}

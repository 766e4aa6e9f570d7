//! What each API's events are taken for.

use serde_json::json;

use super::*;

#[test]
fn requests_go_to_the_right_place() {
    let at = |api, url: &str| request(api, url, "m", "p").0;
    assert_eq!(at(HttpApi::OpenaiChat, "http://h/v1/"), "http://h/v1/chat/completions");
    assert_eq!(at(HttpApi::OpenaiChat, "http://h/v1/chat/completions"), "http://h/v1/chat/completions");
    assert_eq!(at(HttpApi::OpenaiResponses, "http://h/v1"), "http://h/v1/responses");
    assert_eq!(at(HttpApi::Ollama, "http://h:11434"), "http://h:11434/api/chat");
    assert_eq!(at(HttpApi::Ollama, "http://h:11434/api"), "http://h:11434/api/chat");
}

#[test]
fn every_api_has_its_word() {
    for api in [HttpApi::OpenaiChat, HttpApi::OpenaiResponses, HttpApi::Ollama] {
        assert_eq!(api_of(api_name(api)), Some(api));
        assert_eq!(serde_json::to_value(api).unwrap(), api_name(api));
    }
}

/// A quota that is used up does not come back by waiting.
#[test]
fn only_what_waiting_helps_is_a_rate_limit() {
    let limited = |error| matches!(failure(&error), Piece::Failed { limited: true, .. });
    assert!(limited(json!({"code": "rate_limit_exceeded", "message": "slow down"})));
    assert!(limited(json!({"code": 429, "message": "slow down"})));
    assert!(!limited(json!({"code": "insufficient_quota", "type": "insufficient_quota"})));
    assert!(!limited(json!("you hit the rate limit")), "words are not records");
}

#[test]
fn responses_events() {
    let of = |event| pieces(HttpApi::OpenaiResponses, &event);
    assert_eq!(
        of(json!({"type": "response.created", "response": {"id": "resp_1"}})),
        [Piece::Session("resp_1".into())]
    );
    assert_eq!(of(json!({"type": "response.in_progress"})), []);
    let usage = json!({"input_tokens": 5, "output_tokens": 2, "input_tokens_details": {"cached_tokens": 1}});
    let spent = Spent { input: Some(5), output: Some(2), cached: Some(1), cost_usd: None };
    assert_eq!(
        of(json!({"type": "response.completed", "response": {"status": "completed", "usage": usage}})),
        [Piece::Usage(spent), Piece::Ended(None)]
    );
    let cut = json!({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}});
    assert_eq!(
        of(json!({"type": "response.incomplete", "response": cut})),
        [Piece::Ended(Some("max output tokens".into()))]
    );
    let error = json!({"status": "failed", "error": {"code": "rate_limit_exceeded", "message": "slow"}});
    assert_eq!(
        of(json!({"type": "response.failed", "response": error})),
        [Piece::Failed { text: "slow".into(), limited: true }]
    );
    let whole = json!({"id": "r", "status": "completed", "output": [{"content": [{"text": "hi"}]}]});
    assert_eq!(of(whole), [Piece::Session("r".into()), Piece::Text("hi".into()), Piece::Ended(None)]);
}

#[test]
fn ollama_lines() {
    let of = |event| pieces(HttpApi::Ollama, &event);
    assert_eq!(of(json!({"message": {"content": "a"}, "done": false})), [Piece::Text("a".into())]);
    let end = json!({"message": {"content": ""}, "done": true, "prompt_eval_count": 3, "eval_count": 4});
    let spent = Spent { input: Some(3), output: Some(4), ..Spent::default() };
    assert_eq!(of(end), [Piece::Usage(spent), Piece::Ended(None)]);
    assert_eq!(
        of(json!({"error": "model not found"})),
        [Piece::Failed { text: "model not found".into(), limited: false }]
    );
}

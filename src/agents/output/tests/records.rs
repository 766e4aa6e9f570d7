//! Records that the stub cannot provoke, in the form their makers document.

use serde_json::json;

use super::facts::stdout;
use crate::agents::output::Protocol;

fn lines(records: &[serde_json::Value]) -> String {
    records.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// A6: a stated reset is kept for the end that it causes.
#[test]
fn claude_states_when_a_limit_ends() {
    let limit = |status: &str| json!({"type": "rate_limit_event", "rate_limit_info": {"status": status, "resetsAt": 1_800_000_000, "rateLimitType": "five_hour"}});
    let end = json!({"type": "result", "subtype": "success", "is_error": true, "api_error_status": 429, "result": "limit"});
    let facts = stdout(Protocol::Claude, &lines(&[limit("allowed_warning"), limit("rejected"), end]));
    let shown: Vec<_> = facts.limits.iter().map(|l| (l.status.as_str(), l.blocked, l.resets_at)).collect();
    assert_eq!(
        shown,
        [
            ("allowed_warning", false, Some(1_800_000_000)),
            ("rejected", true, Some(1_800_000_000)),
            ("rejected", true, Some(1_800_000_000))
        ]
    );
}

#[test]
fn claude_ends_without_success() {
    for (subtype, errors, said) in [
        ("error_max_turns", json!(null), "error_max_turns"),
        ("error_during_execution", json!(["it broke", "twice"]), "it broke\ntwice"),
    ] {
        let end = json!({"type": "result", "subtype": subtype, "is_error": false, "errors": errors});
        let facts = stdout(Protocol::Claude, &lines(&[end]));
        assert_eq!(facts.end, Some((Some(said.to_owned()), true)));
    }
}

/// What a helper of the agent says is not the agent's answer; its tokens count.
#[test]
fn claude_has_helpers() {
    let says = |id: &str, parent: serde_json::Value, text: &str, out: u64| json!({"type": "assistant", "parent_tool_use_id": parent, "message": {"id": id, "content": [{"type": "text", "text": text}], "usage": {"input_tokens": 10, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 1, "output_tokens": out}}});
    let records = [
        says("a", json!(null), "mine", 1),
        says("a", json!(null), "mine too", 3),
        says("b", json!("toolu_1"), "the helper's", 4),
    ];
    let facts = stdout(Protocol::Claude, &lines(&records));
    assert_eq!(facts.messages, ["mine", "mine too"]);
    assert_eq!(facts.thoughts, ["the helper's"]);
    let usage = facts.usage.unwrap();
    assert_eq!((usage.input_tokens, usage.cached_tokens, usage.output_tokens), (Some(32), Some(10), Some(7)));
    assert_eq!((usage.cost_usd, facts.end), (None, None));
}

/// `Reconnecting` is no failure; a client that stops there has failed.
#[test]
fn codex_reconnects() {
    let error = json!({"type": "error", "message": "Reconnecting... 1/5"});
    let answer =
        json!({"type": "item.completed", "item": {"id": "1", "type": "agent_message", "text": "done"}});
    let end = json!({"type": "turn.completed", "usage": {"input_tokens": 5}});
    let facts = stdout(Protocol::Codex, &lines(&[error.clone(), answer, end]));
    assert_eq!((facts.failed(), facts.warnings.len()), (false, 1));
    assert!(stdout(Protocol::Codex, &lines(&[error])).failed());
}

#[test]
fn codex_uses_other_tools() {
    let records = [
        json!({"type": "item.started", "item": {"id": "1", "type": "mcp_tool_call", "server": "s", "tool": "t", "arguments": {"a": 1}, "status": "in_progress"}}),
        json!({"type": "item.completed", "item": {"id": "1", "type": "mcp_tool_call", "server": "s", "tool": "t", "arguments": {"a": 1}, "result": {"content": [{"type": "text", "text": "got it"}]}, "error": null, "status": "completed"}}),
        json!({"type": "item.completed", "item": {"id": "2", "type": "file_change", "changes": [{"path": "a.rs", "kind": "add"}], "status": "failed"}}),
        json!({"type": "item.completed", "item": {"id": "3", "type": "reasoning", "text": "hm"}}),
        json!({"type": "item.updated", "item": {"id": "4", "type": "todo_list", "items": []}}),
    ];
    let facts = stdout(Protocol::Codex, &lines(&records));
    let tools: Vec<_> = facts.tools.iter().map(|(id, name, _)| (id.as_str(), name.as_str())).collect();
    assert_eq!(tools, [("1", "s.t"), ("2", "file_change")]);
    assert_eq!(facts.results, [("1".into(), "got it".into(), false), ("2".into(), String::new(), true)]);
    assert_eq!(facts.thoughts, ["hm"]);
    assert!(String::from_utf8_lossy(&facts.output).contains("todo_list"), "what is unknown passes through");
}

/// A6: a reset that the server stated in a header.
#[test]
fn opencode_gives_up_at_a_limit() {
    let error = json!({"type": "error", "timestamp": 1_795_247_934_469_u64, "sessionID": "ses_123456789", "error": {"name": "APIError", "data": {"message": "busy", "statusCode": 429, "responseHeaders": {"retry-after": "30"}}}});
    let facts = stdout(Protocol::OpenCode, &lines(&[error]));
    assert_eq!(
        facts.limits.iter().map(|l| (l.blocked, l.resets_at)).collect::<Vec<_>>(),
        [(true, Some(1_795_247_964))]
    );
    assert_eq!((facts.error(), facts.failed()), ("busy", true));
}

/// What has no price in opencode's list costs 0 there; it is unknown.
#[test]
fn opencode_knows_no_price() {
    let step = json!({"type": "step_finish", "part": {"reason": "length", "tokens": {"input": 5, "output": 2, "reasoning": 1, "cache": {"read": 1, "write": 1}}, "cost": 0}});
    let facts = stdout(Protocol::OpenCode, &lines(&[step]));
    let usage = facts.usage.unwrap();
    assert_eq!((usage.input_tokens, usage.output_tokens, usage.cost_usd), (Some(7), Some(3), None));
    assert_eq!((facts.error(), facts.failed()), ("the answer broke off: length", true));
}

/// As documented by its maker; never run here.
#[test]
fn cursor_works() {
    let text = |role: &str, text: &str| json!({"type": role, "message": {"role": role, "content": [{"type": "text", "text": text}]}, "session_id": "s-1"});
    let call = |subtype: &str, result: serde_json::Value| json!({"type": "tool_call", "subtype": subtype, "call_id": "c", "tool_call": {"readToolCall": {"args": {"path": "file.txt"}, "result": result}}});
    let records = [
        json!({"type": "system", "subtype": "init", "session_id": "s-1", "model": "m"}),
        text("user", "our prompt"),
        json!({"type": "thinking", "subtype": "delta", "text": "h"}),
        json!({"type": "thinking", "subtype": "delta", "text": "m"}),
        json!({"type": "thinking", "subtype": "completed"}),
        text("assistant", "I read"),
        call("started", json!(null)),
        call("completed", json!({"success": {"content": "x"}})),
        text("assistant", "done"),
        json!({"type": "result", "subtype": "success", "is_error": false, "result": "I read done", "session_id": "s-1"}),
    ];
    let facts = stdout(Protocol::Cursor, &lines(&records));
    assert_eq!((facts.session.as_deref(), facts.final_message()), (Some("s-1"), "I read done"));
    assert_eq!(
        (facts.messages.clone(), facts.thoughts.clone()),
        (vec!["I read".into(), "done".into()], vec!["hm".into()])
    );
    assert_eq!(facts.tools, [("c".into(), "read".into(), json!({"path": "file.txt"}))]);
    assert_eq!(facts.results.len(), 1);
    assert_eq!((facts.failed(), facts.usage, facts.output.len()), (false, None, 0));
    let failed = json!({"type": "result", "subtype": "success", "is_error": true, "result": "no"});
    assert!(stdout(Protocol::Cursor, &lines(&[failed])).failed());
}

//! Streams that no CLI should print.

use serde_json::{Value, json};

use super::facts::{Facts, read, transcripts};
use crate::agents::output::Protocol;
use crate::supervise::Stream;

const GARBAGE: &[&[u8]] = &[
    b"plain text",
    b"",
    b"{\"type\":\"resu",
    b"{}",
    b"{\"type\":\"never heard of\",\"result\":\"x\"}",
    b"{not json}",
    b"\xff\xfe{",
    b"{\"type\":\"\xff\"}",
    b"[1,2,3]",
    b"rate limit reached, 429 Too Many Requests, try again at 5pm",
];

/// P12, A5: what is between the records changes nothing, and comes out as it went in.
#[test]
fn garbage_in_between() {
    for t in transcripts() {
        let clean = t.facts();
        let mut lines = Vec::new();
        let mut expected = 0;
        for line in t.records() {
            for garbage in GARBAGE {
                lines.push((Stream::Stdout, *garbage));
                expected += garbage.len() + 1;
            }
            lines.push((Stream::Stdout, line));
        }
        let err: Vec<_> = t.lines(false).into_iter().filter(|(s, _)| *s == Stream::Stderr).collect();
        lines.extend(err);
        let dirty = read(t.protocol, &lines);
        assert_eq!(dirty.output.len(), clean.output.len() + expected, "{}", t.place());
        assert!(dirty.warnings.len() <= clean.warnings.len() + 2, "{}: {:?}", t.place(), dirty.warnings);
        assert_eq!(dirty.meaning(), clean.meaning(), "{}", t.place());
    }
}

/// A stream may end anywhere: nothing is made of half a record, and nothing before it is lost.
#[test]
fn truncated_at_every_byte() {
    for t in transcripts().into_iter().filter(|t| t.stdout.len() < 8192 && !t.stdout.starts_with(b"{\n")) {
        let whole = t.records();
        for end in 0..t.stdout.len() {
            let cut = &t.stdout[..end];
            let lines: Vec<&[u8]> = cut.split(|b| *b == b'\n').collect();
            let (last, full) = lines.split_last().unwrap();
            let got = read(t.protocol, &lines.iter().map(|l| (Stream::Stdout, *l)).collect::<Vec<_>>());
            // A line without its end is as good as one with it, once it is all there.
            let all = full.len() + usize::from(whole.get(full.len()) == Some(last));
            let kept: Vec<_> = whole[..all].iter().map(|l| (Stream::Stdout, *l)).collect();
            assert_eq!(got.meaning(), read(t.protocol, &kept).meaning(), "{} at {end}", t.place());
        }
    }
}

/// Every value of every record replaced by a value of every other kind: no panic, and no end that is not one.
#[test]
fn fields_of_any_kind() {
    let others =
        [json!(null), json!(true), json!(-1), json!(1e300), json!("text"), json!([]), json!([{}]), json!({})];
    for t in transcripts() {
        for line in t.records() {
            let Ok(record) = serde_json::from_slice::<Value>(line) else { continue };
            let mut places = Vec::new();
            pointers(&record, String::new(), &mut places);
            for place in places {
                for other in &others {
                    let mut changed = record.clone();
                    *changed.pointer_mut(&place).unwrap() = other.clone();
                    let text = changed.to_string();
                    read(t.protocol, &[(Stream::Stdout, text.as_bytes())]);
                }
            }
        }
    }
}

fn pointers(value: &Value, here: String, out: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                pointers(field, format!("{here}/{}", key.replace('~', "~0").replace('/', "~1")), out);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointers(item, format!("{here}/{index}"), out);
            }
        }
        _ => {}
    }
    out.push(here);
}

/// A6: the words of a model, of a tool and of a plain line decide nothing.
#[test]
fn words_are_no_limit() {
    let words =
        "rate limit exceeded: exceeded retry limit, last status: 429 Too Many Requests, resets at 5pm";
    let said = json!(words).to_string();
    let streams = [
        (
            Protocol::Claude,
            format!(
                r#"{{"type":"assistant","message":{{"content":[{{"type":"text","text":{said}}}]}}}}
{{"type":"result","subtype":"success","is_error":false,"result":{said}}}"#
            ),
        ),
        (
            Protocol::Codex,
            format!(
                r#"{{"type":"item.completed","item":{{"id":"1","type":"agent_message","text":{said}}}}}
{{"type":"turn.completed","usage":{{}}}}"#
            ),
        ),
        (
            Protocol::Gemini,
            format!(
                r#"{{"type":"message","role":"assistant","content":{said},"delta":true}}
{{"type":"result","status":"success"}}"#
            ),
        ),
        (
            Protocol::OpenCode,
            format!(
                r#"{{"type":"text","part":{{"text":{said}}}}}
{{"type":"step_finish","part":{{"reason":"stop"}}}}"#
            ),
        ),
        (
            Protocol::Cursor,
            format!(
                r#"{{"type":"assistant","message":{{"content":[{{"type":"text","text":{said}}}]}}}}
{{"type":"result","subtype":"success","is_error":false,"result":{said}}}"#
            ),
        ),
    ];
    for (protocol, text) in streams {
        let mut lines: Vec<_> = text.lines().map(|l| (Stream::Stdout, l.as_bytes())).collect();
        lines.insert(0, (Stream::Stderr, words.as_bytes()));
        lines.insert(1, (Stream::Stdout, b"  status: 429"));
        let facts = read(protocol, &lines);
        assert_eq!(facts.limits, [], "{protocol:?}");
        assert_eq!(facts.messages, [words], "{protocol:?}");
        assert!(!facts.failed(), "{protocol:?}: {facts:?}");
    }
}

/// A message in a million pieces takes no more memory than it may.
#[test]
fn an_endless_message_comes_in_pieces() {
    let piece = json!({"type": "message", "role": "assistant", "delta": true, "content": "x".repeat(1000)})
        .to_string();
    let lines: Vec<_> = (0..5000).map(|_| (Stream::Stdout, piece.as_bytes())).collect();
    let facts: Facts = read(Protocol::Gemini, &lines);
    assert!(facts.messages.len() > 4 && facts.messages.iter().all(|m| m.len() <= 1 << 20));
    assert_eq!(facts.messages.iter().map(String::len).sum::<usize>(), 5_000_000);
}

//! Where what an agent said begins to count, and where it is cut.

use serde_json::json;

use super::*;
use crate::supervise::ErrorKind;

fn heard(kinds: &[Kind]) -> Heard {
    let mut heard = Heard::default();
    for kind in kinds {
        heard.hear(kind, None);
    }
    heard
}

fn replayed(records: &[Value]) -> Heard {
    let mut heard = Heard::default();
    for record in records {
        heard.replay(record);
    }
    heard
}

fn message(text: &str) -> Kind {
    Kind::Message { text: text.into() }
}

fn output(text: &str) -> Kind {
    Kind::Output { bytes: text.into() }
}

fn tool_result(text: &str, is_error: bool) -> Kind {
    Kind::ToolResult { id: "1".into(), text: text.into(), is_error }
}

fn exit(state: &'static str) -> Kind {
    Kind::Exit { code: Some(0), signal: None, state, error_kind: ErrorKind::None, error: None }
}

#[test]
fn tools_and_the_session_are_taken_in() {
    let live = heard(&[
        Kind::Session { id: "s".into() },
        Kind::ToolUse { id: "1".into(), name: "ls".into(), input: json!({}) },
        tool_result("two", true),
        message("three"),
        tool_result("four", false),
    ]);
    let found = live.result("").unwrap();
    assert_eq!(found.before, ["tool ls: {}", "tool failed: two"]);
    assert_eq!(found.after, ["tool said: four"]);
    assert_eq!(live.session.as_deref(), Some("s"));
    let back = replayed(&[
        json!({"kind": "output", "data": {"session_id": "s"}}),
        json!({"kind": "tool_use", "data": {"id": "1", "name": "ls", "input": {}}}),
        json!({"kind": "tool_result", "data": {"id": "1", "text": "two", "is_error": true}}),
        json!({"kind": "message", "data": {"text": "three"}}),
        json!({"kind": "tool_result", "data": {"id": "1", "text": "four"}}),
    ]);
    assert_eq!(back, live);
}

/// O8: a process that ended well is counted, live and from the log alike.
#[test]
fn good_ends_are_counted() {
    assert_eq!(heard(&[exit("completed"), exit("failed"), exit("completed")]).completed(), 2);
    let ends = ["completed", "failed", "completed"].map(|s| json!({"kind": "exit", "data": {"state": s}}));
    assert_eq!(replayed(&ends).completed(), 2);
    assert_eq!(heard(&[exit("failed")]).completed(), 0);
}

#[test]
fn only_words_are_anything() {
    assert!(!Heard::default().anything());
    assert!(!heard(&[output(" \n")]).anything());
    assert!(heard(&[output(" x\n")]).anything());
    assert!(heard(&[message("m")]).anything());
    assert!(heard(&[Kind::Result { text: None, is_error: true }]).anything());
    // A record of output without a text is no empty line.
    assert_eq!(replayed(&[json!({"kind": "output", "data": {"bytes": 3}})]), Heard::default());
}

#[test]
fn only_a_good_record_says_finished() {
    assert!(!heard(&[message("I have finished.")]).finished());
    assert!(!heard(&[Kind::Result { text: None, is_error: true }]).finished());
    assert!(heard(&[Kind::Result { text: None, is_error: false }]).finished());
}

/// O6: an auditor's record stands above whatever it said besides.
#[test]
fn a_good_record_is_the_last_word() {
    let record = |is_error| Kind::Result { text: Some("DONE".into()), is_error };
    assert_eq!(heard(&[record(false), message("Bye.")]).last_word(""), "DONE");
    assert_eq!(heard(&[record(true), message("Bye.")]).last_word(""), "Bye.");
}

/// The end is kept, and the work of cutting is done once in a while.
#[test]
fn what_is_kept_is_bounded_from_its_end() {
    let mut heard = heard(&[output(&"a".repeat(2 * PLAIN_BYTES))]);
    assert_eq!(heard.plain.len(), 2 * PLAIN_BYTES);
    heard.hear(&output("z"), None);
    assert_eq!((heard.plain.len(), heard.plain.last()), (PLAIN_BYTES, Some(&b'z')));
    assert_eq!(PLAIN_BYTES, 1 << 20);

    for n in 0..2 * NOTES {
        heard.hear(&message(&n.to_string()), None);
    }
    assert_eq!(heard.notes.len(), 2 * NOTES);
    heard.hear(&message("last"), None);
    assert_eq!(heard.notes.len(), NOTES + 1);
    assert_eq!(heard.notes[0], Note::Message(NOTES.to_string()));
}

#[test]
fn a_long_note_says_how_much_is_missing() {
    assert_eq!(short(&"ä".repeat(NOTE_CHARS)), "ä".repeat(NOTE_CHARS));
    let long = short(&"ä".repeat(NOTE_CHARS + 3));
    assert_eq!(long, format!("{} [… 3 characters left out …]", "ä".repeat(NOTE_CHARS)));
}

/// O5: headings weigh more than any length; below that, length in steps.
#[test]
fn what_makes_a_message_look_like_a_result() {
    let of = |chars: usize| score(&"ä".repeat(chars));
    assert_eq!([39, 40, 199, 200, 999, 1000].map(of), [0, 1, 1, 2, 2, 3]);
    assert_eq!(score("- **Changed**: a\nOpen: b"), 8);
    assert_eq!(score("Changed a lot"), 0);
    assert_eq!(score("3) Checked*: c\nFeedback:"), 8);
}

#[test]
fn terminal_sequences_are_taken_out() {
    for (text, plain) in [
        ("a\u{1b}[1;31mb\u{1b}[0mc", "abc"),
        ("a\u{1b}]0;title\u{7}b", "ab"),
        ("a\u{1b}]8;;x\u{1b}\\b", "ab"),
        ("a\u{1b}7b", "ab"),
        ("a\u{1b}[2@b\u{1b}[3~c", "abc"),
        ("a\u{1b}", "a"),
        ("a\u{1b}[31", "a"),
    ] {
        assert_eq!(without_escapes(text), plain, "{text:?}");
    }
}

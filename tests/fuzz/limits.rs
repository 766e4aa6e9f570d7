//! Hostile sizes: refused or read in a time that a person would wait.

use std::time::{Duration, Instant};

use crate::properties;

/// Far more than any of these takes, far less than the square of their size would.
const PATIENCE: Duration = Duration::from_secs(120);

#[track_caller]
fn soon(what: &str, property: fn(&[u8]), text: &str) {
    let start = Instant::now();
    property(text.as_bytes());
    assert!(start.elapsed() < PATIENCE, "{what}: {} bytes took {:?}", text.len(), start.elapsed());
}

/// A quarter of what is read at most: enough to tell a line from a square.
const SIZE: usize = 1 << 18;

/// As many of a piece as fill the size, numbered.
fn many(head: &str, piece: impl Fn(usize) -> String, tail: &str) -> String {
    let mut text = head.to_owned();
    let mut at = 0;
    while text.len() < SIZE - 64 - tail.len() {
        text.push_str(&piece(at));
        at += 1;
    }
    text + tail
}

fn shapes() -> Vec<(&'static str, String)> {
    vec![
        ("brackets", "[".repeat(SIZE)),
        ("braces", "{".repeat(SIZE)),
        ("open pairs", "{\"a\":".repeat(SIZE / 5)),
        ("open pairs of YAML", "{a: ".repeat(SIZE / 4)),
        ("dashes", "- ".repeat(SIZE / 2)),
        ("question marks", "? ".repeat(SIZE / 2)),
        ("anchors", many("", |n| format!("a{n}: &a{n} [*a{}]\n", n.saturating_sub(1)), "")),
        ("keys", many("{", |n| format!("\"k{n}\": 1,\n"), "\"z\": 1}\n")),
        ("the same key", many("{", |_| "\"k\": 1,\n".into(), "\"z\": 1}\n")),
        ("plain keys", many("", |n| format!("k{n}: 1\n"), "")),
        ("one line", "x".repeat(SIZE - 1)),
        ("one text", format!("\"{}\"", "\\u0041".repeat(SIZE / 6 - 2))),
        ("line feeds", "\n".repeat(SIZE - 1)),
    ]
}

#[test]
fn a_state_file_of_any_shape() {
    for (what, text) in shapes() {
        soon(what, properties::state, &text);
    }
}

#[test]
fn a_configuration_of_any_shape() {
    for (what, text) in shapes() {
        soon(what, properties::config, &text);
    }
}

#[test]
fn a_workstream_of_any_shape() {
    for (what, text) in shapes() {
        soon(what, properties::workstream, &text);
    }
    let chain =
        many("id: x\nsteps:\n", |n| format!("- {{id: s{n}, run: [a], depends_on: [s{}]}}\n", n + 1), "");
    soon("a chain to nowhere", properties::workstream, &chain);
    let same = many("id: x\nsteps:\n", |_| "- {id: s, run: [a]}\n".into(), "");
    soon("one id", properties::workstream, &same);
    let wide = many("id: x\nsteps:\n- {id: s, run: [a], depends_on: [", |n| format!("n{n},"), "]}\n");
    soon("one step that waits for all", properties::workstream, &wide);
}

/// Output of an agent: pretty-printed objects that never end cost no more than the square of their depth.
#[test]
fn a_stream_of_any_shape() {
    let lines =
        |text: &str| text.replace(':', ":\n").replace(',', ",\n").replace("[[", "[\n[").replace("{{", "{\n{");
    for (what, text) in shapes() {
        soon(what, properties::framing, &lines(&text[..text.len().min(SIZE / 4)]));
        soon(what, properties::protocol, &text);
    }
    let nested =
        many("{\"a\":[\n", |n| format!("{}1{},\n", "{\"b\":[\n".repeat(n % 20), "]}\n".repeat(n % 20)), "");
    soon("objects in objects", properties::framing, &nested[..SIZE / 4]);
}

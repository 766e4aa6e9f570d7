//! From rows of the ledger to messages of a stream: pure.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::body::Bytes;
use serde::Serialize;

use crate::event::Event;
use crate::ledger::EventRow;

/// Output of one attempt that follows on itself is sent together up to so many bytes.
const TOGETHER: usize = 32 * 1024;

/// Messages that belong to the same run and are all output, or all not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub run: Option<Arc<str>>,
    pub output: bool,
    pub bytes: Bytes,
}

/// What of the stream somebody wants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Wish {
    /// None: every run.
    pub run: Option<String>,
    /// Without what agents print.
    pub silent: bool,
}

impl Wish {
    pub(super) fn wants(&self, part: &Part) -> bool {
        let run = self.run.as_deref().is_none_or(|run| part.run.as_deref() == Some(run));
        run && !(self.silent && part.output)
    }
}

/// Several pieces of output as one event: the shape of any other, and how many there were.
#[derive(Serialize)]
struct Together<'a> {
    version: u32,
    seq: i64,
    first_seq: i64,
    count: usize,
    run_id: &'a Option<String>,
    attempt_id: &'a Option<String>,
    at_ms: i64,
    kind: &'a str,
    data: Output,
}

#[derive(Serialize)]
struct Output {
    role: String,
    text: String,
}

fn output(row: &EventRow) -> Option<Output> {
    if row.kind != "attempt_output" {
        return None;
    }
    match row.event()? {
        Event::AttemptOutput { role, text } => Some(Output { role, text }),
        _ => None,
    }
}

/// Messages of rows in their order.
pub(super) fn parts(rows: &[EventRow]) -> Vec<Part> {
    let mut parts: Vec<(Option<Arc<str>>, bool, String)> = Vec::new();
    let mut at = 0;
    while let Some(row) = rows.get(at) {
        let (json, last, taken) = message(&rows[at..], row);
        at += taken;
        let is_output = row.kind == "attempt_output";
        let same = parts
            .last()
            .is_some_and(|(run, out, _)| *out == is_output && run.as_deref() == row.run_id.as_deref());
        if !same {
            parts.push((row.run_id.as_deref().map(Arc::from), is_output, String::new()));
        }
        if let Some((_, _, text)) = parts.last_mut() {
            // Writing to a String cannot fail.
            let _ = write!(text, "id: {last}\nevent: {}\ndata: {}\n\n", line(&row.kind), line(&json));
        }
    }
    parts.into_iter().map(|(run, output, text)| Part { run, output, bytes: Bytes::from(text) }).collect()
}

/// The JSON of the first row, with the output that follows on it; the number of the last row and how many were taken.
fn message(rows: &[EventRow], first: &EventRow) -> (String, i64, usize) {
    let alone = || (serde_json::to_string(first).unwrap_or_else(|_| "null".into()), first.seq, 1);
    let Some(mut whole) = output(first) else { return alone() };
    let (mut taken, mut last) = (1, first);
    for row in &rows[1..] {
        let follows = row.attempt_id == first.attempt_id && row.run_id == first.run_id;
        if !follows || whole.text.len() + row.data.get().len() > TOGETHER {
            break;
        }
        match output(row) {
            Some(more) if more.role == whole.role => whole.text.push_str(&more.text),
            _ => break,
        }
        (taken, last) = (taken + 1, row);
    }
    if taken == 1 {
        return alone();
    }
    let together = Together {
        version: first.version,
        seq: last.seq,
        first_seq: first.seq,
        count: taken,
        run_id: &first.run_id,
        attempt_id: &first.attempt_id,
        at_ms: last.at_ms,
        kind: &first.kind,
        data: whole,
    };
    (serde_json::to_string(&together).unwrap_or_else(|_| "null".into()), last.seq, taken)
}

/// A line end would end the message; in JSON it can only stand between words.
fn line(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains(['\n', '\r']) { text.replace(['\n', '\r'], " ").into() } else { text.into() }
}

/// The state as a message. It has no number: it is no event of the ledger.
pub(super) fn state(json: &str) -> String {
    format!("event: state\ndata: {}\n\n", line(json))
}

/// The first message: from which number on this stream goes.
pub(super) fn hello(seq: i64) -> String {
    format!("retry: 1000\nid: {seq}\nevent: hello\ndata: {{\"version\":1,\"seq\":{seq}}}\n\n")
}

/// Keeps the connection open where nothing happens.
pub(super) const HEARTBEAT: &str = ":\n\n";

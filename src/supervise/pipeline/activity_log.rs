//! The activity log: one JSON object a line, beside the raw log.

use std::fmt::Display;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use serde_json::json;

use super::super::activity::{Activity, Kind};
use super::super::request::ActivityTag;
use super::capped::{Capped, Form};

/// The file and the next number.
#[derive(Debug)]
pub(super) struct ActivityLog {
    pub file: Capped,
    seq: u64,
    /// The part of every line that names the run.
    names: String,
    line: Vec<u8>,
}

impl ActivityLog {
    pub(super) fn open(path: &Path, tag: &ActivityTag, max: u64) -> io::Result<Self> {
        let file: File = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let text = |text: &str| serde_json::Value::from(text).to_string();
        let iteration = tag.iteration.map_or_else(|| "null".to_owned(), |n| n.to_string());
        let names = format!(
            ",\"run\":{},\"role\":{},\"iteration\":{iteration},\"agent\":{},\"stream\":",
            text(&tag.run),
            text(&tag.role),
            text(&tag.agent)
        );
        Ok(Self { file: Capped::new(file, max, Form::Lines), seq: 0, names, line: Vec::new() })
    }

    /// Adds an activity; a batch of output lines becomes as many objects.
    pub(super) fn write(&mut self, activity: &Activity) {
        match &activity.kind {
            Kind::Output { bytes } => {
                for line in bytes.split_inclusive(|b| *b == b'\n') {
                    let text = line.strip_suffix(b"\n");
                    self.begin(activity);
                    self.raw(b"{\"text\":");
                    self.value(&String::from_utf8_lossy(text.unwrap_or(line)));
                    self.raw(if text.is_some() { b"}" } else { b",\"partial\":true}" });
                    self.end();
                }
            }
            kind => {
                self.begin(activity);
                self.value(&data(kind));
                self.end();
            }
        }
    }

    fn begin(&mut self, activity: &Activity) {
        self.seq += 1;
        self.line.clear();
        self.raw(b"{\"seq\":");
        self.shown(self.seq);
        self.raw(b",\"ts_ms\":");
        self.shown(activity.ts_ms);
        self.line.extend_from_slice(self.names.as_bytes());
        match activity.stream {
            Some(stream) => self.value(stream.name()),
            None => self.raw(b"null"),
        }
        self.raw(b",\"kind\":\"");
        self.raw(activity.kind.name().as_bytes());
        self.raw(b"\",\"data\":");
    }

    fn end(&mut self) {
        self.raw(b"}\n");
        self.file.write(&self.line);
    }

    fn raw(&mut self, bytes: &[u8]) {
        self.line.extend_from_slice(bytes);
    }

    fn shown(&mut self, number: impl Display) {
        // Writing to memory does not fail.
        let _ = write!(self.line, "{number}");
    }

    fn value(&mut self, value: &(impl Serialize + ?Sized)) {
        // Texts and JSON values have no state that cannot be serialised.
        let _ = serde_json::to_writer(&mut self.line, value);
    }
}

fn data(kind: &Kind) -> serde_json::Value {
    match kind {
        Kind::Spawn { pid, argv } => json!({"pid": pid, "argv": argv}),
        Kind::Stdin { bytes } => json!({"bytes": bytes}),
        Kind::Output { bytes } => json!({"text": String::from_utf8_lossy(bytes)}),
        Kind::Session { id } => json!({"session_id": id}),
        Kind::Message { text } | Kind::Thinking { text } | Kind::Warning { text } => json!({"text": text}),
        Kind::ToolUse { id, name, input } => json!({"id": id, "name": name, "input": input}),
        Kind::ToolResult { id, text, is_error } => json!({"id": id, "text": text, "is_error": is_error}),
        Kind::Usage(usage) => json!({
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "cached_tokens": usage.cached_tokens,
            "cost_usd": usage.cost_usd,
        }),
        Kind::RateLimit(limit) => {
            json!({"status": limit.status, "blocked": limit.blocked, "resets_at": limit.resets_at})
        }
        Kind::Result { text, is_error } => json!({"text": text, "is_error": is_error}),
        Kind::Heartbeat { silent_ms } | Kind::Idle { silent_ms } => json!({"silent_ms": silent_ms}),
        Kind::Active => json!({}),
        Kind::Terminate { signal, reason } => json!({"signal": signal, "reason": reason}),
        Kind::Exit { code, signal, state, error_kind, error } => json!({
            "code": code,
            "signal": signal,
            "state": state,
            "error_kind": error_kind.name(),
            "error": error,
        }),
        Kind::Leak(leak) => json!({
            "pid": leak.pid,
            "argv": leak.argv,
            "held_output": leak.held_output,
            "alive": leak.alive,
        }),
    }
}

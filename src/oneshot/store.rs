//! An agent's own record of its session (oneshot.md O8 b): where it is, and what it says.
//!
//! The entry `agents.NAME.recover.store` is a path; `~` is the home, `{session}` the id from the stream, `*` any part
//! of one folder's or file's name. The records are recognised by their shape, not by the agent's name, so that an
//! agent of the user's own that keeps one of these forms can be recovered too.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Component, Path, PathBuf};

use globset::Glob;
use serde_json::Value;

use crate::supervise::Kind;

/// A longer line is no record of ours to read.
const LINE_BYTES: u64 = 16 * 1024 * 1024;
/// Where an entry has several files, so many of the newest are tried.
const FILES: usize = 4;

/// What an agent's own record holds, oldest first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Record {
    pub kinds: Vec<Kind>,
    /// The agent had come to the end of its turn.
    pub finished: bool,
}

/// The files that an entry names, the newest first.
pub fn locate(entry: &str, session: &str, home: Option<&Path>, root: &Path) -> Vec<PathBuf> {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    // The id comes from an agent's output: it may name a file, never a place.
    if session.is_empty() || session.starts_with('.') || !session.chars().all(safe) {
        return Vec::new();
    }
    let text = entry.replace("{session}", session);
    let path = match (text.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        (Some(_), None) => return Vec::new(),
        (None, _) => root.join(text),
    };
    let mut places = vec![PathBuf::new()];
    for part in path.components() {
        let Component::Normal(name) = part else {
            for place in &mut places {
                place.push(part);
            }
            continue;
        };
        let name = name.to_string_lossy();
        if name.contains('*') {
            places = places.iter().flat_map(|place| matching(place, &name)).collect();
        } else {
            for place in &mut places {
                place.push(&*name);
            }
        }
    }
    let mut files: Vec<(std::time::SystemTime, PathBuf)> = places
        .into_iter()
        .filter_map(|p| {
            let meta = fs::metadata(&p).ok().filter(fs::Metadata::is_file)?;
            Some((meta.modified().ok()?, p))
        })
        .collect();
    files.sort();
    files.into_iter().rev().take(FILES).map(|(_, path)| path).collect()
}

fn matching(folder: &Path, pattern: &str) -> Vec<PathBuf> {
    let Ok(glob) = Glob::new(pattern) else { return Vec::new() };
    let matcher = glob.compile_matcher();
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.flatten().filter(|e| matcher.is_match(e.file_name())).map(|e| e.path()).collect()
}

/// Reads a record; broken lines are passed over.
pub fn read(path: &Path) -> std::io::Result<Record> {
    let mut reader = BufReader::new(File::open(path)?);
    let mut record = Record::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line)? == 0 {
            return Ok(record);
        }
        if let Ok(value) = serde_json::from_slice::<Value>(&line) {
            take(&value, &mut record);
        }
    }
}

/// One line: a message of the assistant, a tool call, a tool's answer, or the end of a turn.
fn take(value: &Value, record: &mut Record) {
    let body = if value["payload"].is_object() { &value["payload"] } else { value };
    match body["type"].as_str() {
        Some("task_complete" | "turn.completed") => {
            record.finished = true;
            return;
        }
        Some("task_started") => {
            record.finished = false;
            return;
        }
        Some("function_call" | "local_shell_call" | "custom_tool_call") => {
            let input =
                [&body["arguments"], &body["action"], &body["input"]].into_iter().find(|v| !v.is_null());
            record.finished = false;
            record.kinds.push(Kind::ToolUse {
                id: text(&body["call_id"]),
                name: body["name"].as_str().unwrap_or("shell").to_owned(),
                input: input.cloned().unwrap_or(Value::Null),
            });
            return;
        }
        Some("function_call_output" | "custom_tool_call_output") => {
            record.finished = false;
            let id = text(&body["call_id"]);
            record.kinds.push(Kind::ToolResult { id, text: text(&body["output"]), is_error: false });
            return;
        }
        _ => {}
    }
    let message = if body["message"].is_object() { &body["message"] } else { body };
    let role = message["role"].as_str().or(body["type"].as_str());
    let content = &message["content"];
    match role {
        Some("assistant") => {
            record.finished = message["stop_reason"].as_str() == Some("end_turn");
            parts(content, &mut |part| said(part, record));
        }
        Some("user") => {
            record.finished = false;
            parts(content, &mut |part| {
                if part["type"].as_str() == Some("tool_result") {
                    record.kinds.push(Kind::ToolResult {
                        id: text(&part["tool_use_id"]),
                        text: text(&part["content"]),
                        is_error: part["is_error"].as_bool().unwrap_or(false),
                    });
                }
            });
        }
        _ => {}
    }
}

fn said(part: &Value, record: &mut Record) {
    match part["type"].as_str() {
        Some("text" | "output_text") => record.kinds.push(Kind::Message { text: text(&part["text"]) }),
        Some("tool_use") => record.kinds.push(Kind::ToolUse {
            id: text(&part["id"]),
            name: text(&part["name"]),
            input: part["input"].clone(),
        }),
        _ => {}
    }
}

/// The parts of a content: a list, or one text.
fn parts(content: &Value, each: &mut dyn FnMut(&Value)) {
    match content {
        Value::Array(items) => items.iter().for_each(each),
        Value::String(text) => each(&serde_json::json!({"type": "text", "text": text})),
        _ => {}
    }
}

/// A text, or the texts of a list.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(|item| text(&item["text"])).collect::<Vec<_>>().join("\n"),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str]) -> Record {
        let mut record = Record::default();
        for line in lines {
            take(&serde_json::from_str(line).unwrap(), &mut record);
        }
        record
    }

    fn message(text: &str) -> Kind {
        Kind::Message { text: text.into() }
    }

    /// O8 b: the two forms that agents keep, and their ends.
    #[test]
    fn records_are_read_by_their_shape() {
        let first = of(&[
            r#"{"type":"user","message":{"role":"user","content":"the prompt"}}"#,
            r#"{"type":"assistant","message":{"role":"assistant","content":[{"type":"text","text":"I look."},{"type":"tool_use","id":"t1","name":"Bash","input":{"c":"ls"}}],"stop_reason":"tool_use"}}"#,
            r#"{"type":"user","message":{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"a.rs"}]}}"#,
        ]);
        assert!(!first.finished);
        assert_eq!(first.kinds.len(), 3, "{first:?}");
        let end = r#"{"type":"assistant","message":{"role":"assistant","content":[{"type":"text","text":"All done."}],"stop_reason":"end_turn"}}"#;
        let done = of(&[end]);
        assert_eq!((done.kinds, done.finished), (vec![message("All done.")], true));
        let second = of(&[
            r#"{"type":"session_meta","payload":{"id":"x"}}"#,
            r#"{"type":"response_item","payload":{"type":"message","role":"user","content":[{"type":"input_text","text":"p"}]}}"#,
            r#"{"type":"response_item","payload":{"type":"function_call","name":"shell","arguments":"{}","call_id":"c"}}"#,
            r#"{"type":"response_item","payload":{"type":"function_call_output","call_id":"c","output":"ok"}}"#,
            r#"{"type":"response_item","payload":{"type":"message","role":"assistant","content":[{"type":"output_text","text":"There."}]}}"#,
            r#"{"type":"event_msg","payload":{"type":"task_complete","last_agent_message":"There."}}"#,
        ]);
        assert_eq!((second.kinds.len(), second.finished), (3, true), "{second:?}");
        assert_eq!(second.kinds[2], message("There."));
        assert_eq!(
            of(&["3", "[]", "{}", r#"{"type":7}"#, r#"{"role":"assistant","content":"hi"}"#]).kinds,
            [message("hi")]
        );
    }

    /// What the real programs wrote (run against a stub), attachments taken out.
    #[test]
    fn records_of_real_programs() {
        for name in ["claude-2.1.197", "codex-0.169.0"] {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/stores/");
            let record = read(Path::new(&format!("{folder}{name}.jsonl"))).unwrap();
            assert_eq!((record.kinds, record.finished), (vec![message("the final words")], true), "{name}");
        }
    }

    #[test]
    fn a_store_is_found_and_stays_where_it_is() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join(".my/projects/one");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("s-1.jsonl"), "{\"role\":\"assistant\",\"content\":\"x\"}\nbroken\n").unwrap();
        let at = |entry: &str, id: &str| locate(entry, id, Some(home.path()), Path::new("/nowhere"));
        let found = at("~/.my/projects/*/{session}.jsonl", "s-1");
        assert_eq!(found, [folder.join("s-1.jsonl")]);
        assert_eq!(read(&found[0]).unwrap().kinds, [message("x")]);
        for id in ["", "../s-1", "s-1/x", ".", "s*", "s-2"] {
            assert!(at("~/.my/projects/*/{session}.jsonl", id).is_empty(), "{id}");
        }
        assert!(locate("~/x", "s", None, Path::new("/")).is_empty());
    }
}

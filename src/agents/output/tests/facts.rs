//! What a parser made of a transcript.

use std::fs;
use std::path::{Path, PathBuf};

use crate::agents::output::Protocol;
use crate::supervise::{Activity, Kind, RateLimit, Stream, Usage};

/// All facts of one process, by kind.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Facts {
    pub session: Option<String>,
    pub messages: Vec<String>,
    pub thoughts: Vec<String>,
    pub tools: Vec<(String, String, serde_json::Value)>,
    pub results: Vec<(String, String, bool)>,
    pub usage: Option<Usage>,
    pub limits: Vec<RateLimit>,
    /// The last one counts.
    pub end: Option<(Option<String>, bool)>,
    pub warnings: Vec<String>,
    pub output: Vec<u8>,
}

impl Facts {
    pub(super) fn of(activities: Vec<Activity>) -> Self {
        let mut facts = Self::default();
        for activity in activities {
            match activity.kind {
                Kind::Session { id } => facts.session = Some(id),
                Kind::Message { text } => facts.messages.push(text),
                Kind::Thinking { text } => facts.thoughts.push(text),
                Kind::ToolUse { id, name, input } => facts.tools.push((id, name, input)),
                Kind::ToolResult { id, text, is_error } => facts.results.push((id, text, is_error)),
                Kind::Usage(usage) => facts.usage = Some(facts.usage.unwrap_or_default().updated(usage)),
                Kind::RateLimit(limit) => facts.limits.push(limit),
                Kind::Result { text, is_error } => facts.end = Some((text, is_error)),
                Kind::Warning { text } => facts.warnings.push(text),
                Kind::Output { bytes } => facts.output.extend(bytes),
                other => panic!("a parser may not say {other:?}"),
            }
        }
        facts
    }

    /// Without what only passes through, and the complaints about it.
    pub(super) fn meaning(mut self) -> Self {
        self.warnings.clear();
        self.output.clear();
        self
    }

    pub(super) fn failed(&self) -> bool {
        self.end.as_ref().is_some_and(|(_, is_error)| *is_error)
    }

    pub(super) fn error(&self) -> &str {
        self.end.as_ref().and_then(|(text, _)| text.as_deref()).unwrap_or_default()
    }

    /// The message that an outcome has as the final one.
    pub(super) fn final_message(&self) -> &str {
        let said = self.end.as_ref().and_then(|(text, _)| text.as_deref());
        said.or(self.messages.last().map(String::as_str)).unwrap_or_default()
    }
}

/// Reads lines of both streams in this order.
pub(super) fn read(protocol: Protocol, lines: &[(Stream, &[u8])]) -> Facts {
    let mut parser = protocol.parser();
    let mut out = Vec::new();
    for (stream, line) in lines {
        parser.line(*stream, line, &mut out);
    }
    parser.finish(&mut out);
    Facts::of(out)
}

pub(super) fn stdout(protocol: Protocol, text: &str) -> Facts {
    let lines: Vec<_> = text.lines().map(|line| (Stream::Stdout, line.as_bytes())).collect();
    read(protocol, &lines)
}

/// A recorded run of a CLI.
#[derive(Debug)]
pub(super) struct Transcript {
    pub cli: String,
    pub name: String,
    pub protocol: Protocol,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

pub(super) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/transcripts")
}

/// Every recorded run, of every version that is kept.
pub(super) fn transcripts() -> Vec<Transcript> {
    let mut found = Vec::new();
    for version in fs::read_dir(folder()).unwrap().map(|e| e.unwrap().path()) {
        let cli = version.file_name().unwrap().to_string_lossy().split('-').next().unwrap().to_owned();
        let protocol = Protocol::ALL.into_iter().find(|p| p.name().starts_with(&format!("{cli}-"))).unwrap();
        for path in fs::read_dir(&version).unwrap().map(|e| e.unwrap().path()) {
            if path.extension().is_some_and(|e| e == "jsonl") {
                found.push(Transcript {
                    cli: cli.clone(),
                    name: path.file_stem().unwrap().to_string_lossy().into_owned(),
                    protocol,
                    stdout: fs::read(&path).unwrap(),
                    stderr: fs::read(path.with_extension("stderr")).unwrap_or_default(),
                });
            }
        }
    }
    assert!(!found.is_empty());
    found
}

impl Transcript {
    pub(super) fn place(&self) -> String {
        format!("{} {}", self.cli, self.name)
    }

    /// The lines of stdout; the one object of a pretty-printed answer is one, as the supervisor puts it together.
    pub(super) fn records(&self) -> Vec<&[u8]> {
        if self.stdout.starts_with(b"{\n") {
            return vec![self.stdout.trim_ascii_end()];
        }
        self.stdout.strip_suffix(b"\n").unwrap_or(&self.stdout).split(|b| *b == b'\n').collect()
    }

    pub(super) fn lines(&self, stderr_first: bool) -> Vec<(Stream, &[u8])> {
        let mut out: Vec<_> = self.records().into_iter().map(|l| (Stream::Stdout, l)).collect();
        // As the supervisor puts an object over several lines together.
        let text = self.stderr.as_slice();
        let object = text.windows(4).rposition(|w| w == b"\n{\n ").map_or(text.len(), |at| at + 1);
        let err = text[..object].split(|b| *b == b'\n').chain([text[object..].trim_ascii_end()]);
        let err: Vec<_> = err.map(|l| (Stream::Stderr, l)).collect();
        if stderr_first {
            out.splice(0..0, err);
        } else {
            out.extend(err);
        }
        out
    }

    pub(super) fn facts(&self) -> Facts {
        read(self.protocol, &self.lines(false))
    }
}

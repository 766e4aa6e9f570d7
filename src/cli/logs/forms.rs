//! Logs as one document: pure.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::turns::find_logs::{FoundLog, Source};

/// One file of it.
pub(super) struct Entry {
    pub log: FoundLog,
    /// Relative to the project.
    pub path: String,
    pub text: String,
    /// The state commit of the turn's end: short id and subject.
    pub commit: Option<(String, String)>,
}

pub(super) struct Page {
    /// The branch, as its folder is called.
    pub prefix: String,
    pub source: Source,
    pub entries: Vec<Entry>,
}

/// The turn's id in the head of a log.
pub(super) fn turn_of(text: &str) -> Option<String> {
    let line = text.lines().take(4).find_map(|l| l.strip_prefix("# turn: "))?;
    line.split_whitespace().next().map(str::to_owned)
}

/// The log that a summary names.
pub(super) fn log_of(text: &str) -> Option<&str> {
    text.lines().rev().find_map(|line| line.strip_prefix("Log: ")).map(str::trim)
}

impl Page {
    fn source(&self) -> &'static str {
        match self.source {
            Source::Logs => "logs",
            Source::Summaries => "summaries",
        }
    }

    fn format(&self) -> &'static str {
        match self.source {
            Source::Logs => "text",
            Source::Summaries => "markdown",
        }
    }

    pub(super) fn json(&self) -> String {
        let logs: Vec<Value> = self
            .entries
            .iter()
            .map(|entry| {
                json!({
                    "role": entry.log.role,
                    "iter": entry.log.iteration,
                    "started": entry.log.stamp,
                    "path": entry.path,
                    "source": self.source(),
                    "format": self.format(),
                    "commit": entry.commit.as_ref().map(|(id, _)| id),
                    "commit_subject": entry.commit.as_ref().map(|(_, subject)| subject),
                    "text": entry.text,
                })
            })
            .collect();
        let value = json!({
            "version": 1,
            "prefix": self.prefix,
            "source": self.source(),
            "count": self.entries.len(),
            "logs": logs,
        });
        format!("{value:#}\n")
    }

    pub(super) fn xml(&self) -> String {
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "<logs prefix=\"{}\" count=\"{}\" source=\"{}\">",
            attribute(&self.prefix),
            self.entries.len(),
            self.source()
        );
        for entry in &self.entries {
            let (commit, subject) = entry.commit.clone().unwrap_or_default();
            let _ = writeln!(
                out,
                "<log role=\"{}\" iter=\"{}\" path=\"{}\" source=\"{}\" format=\"{}\" commit=\"{}\" \
                 commit_subject=\"{}\"><![CDATA[{}]]></log>",
                attribute(&entry.log.role),
                entry.log.iteration,
                attribute(&entry.path),
                self.source(),
                self.format(),
                attribute(&commit),
                attribute(&subject),
                cdata(&entry.text)
            );
        }
        out.push_str("</logs>\n");
        out
    }
}

/// What XML 1.0 cannot hold at all becomes the replacement character.
fn allowed(c: char) -> char {
    match c {
        '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}' => {
            c
        }
        _ => '\u{FFFD}',
    }
}

fn attribute(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().map(allowed) {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            '\r' => out.push_str("&#13;"),
            c => out.push(c),
        }
    }
    out
}

/// The end of a section cannot stand in one: it is split between two.
fn cdata(text: &str) -> String {
    let text: String = text.chars().map(allowed).collect();
    text.replace("]]>", "]]]]><![CDATA[>")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Page {
        let log = FoundLog {
            role: "ralph".into(),
            iteration: 3,
            stamp: "20260120_032929".into(),
            path: "x".into(),
        };
        let commit = Some(("abc1234".to_owned(), "[SYNC i=4] a → \"b\" & <c>".to_owned()));
        let entry = Entry { log, path: "logs/work/ralph/x.log".into(), text: text.into(), commit };
        Page { prefix: "work".into(), source: Source::Logs, entries: vec![entry] }
    }

    /// T30: `]]>` is split safely; what a terminal was told is no XML.
    #[test]
    fn xml_holds_whatever_an_agent_prints() {
        insta::assert_snapshot!(page("a ]]> b\n\u{1b}[31mred\u{0}\n]]>]]>").xml());
    }

    #[test]
    fn turns_and_logs_are_read_back() {
        let head = "# role: ralph · iteration: 3 · prompt: main.md\n# agent: a · argv: b\n# turn: 019a · started: x\n";
        assert_eq!(turn_of(head).as_deref(), Some("019a"));
        assert_eq!(turn_of("nothing"), None);
        assert_eq!(log_of("# x\n\nLog: logs/a.log\n"), Some("logs/a.log"));
        assert_eq!(serde_json::from_str::<Value>(&page("x").json()).unwrap()["logs"][0]["iter"], 3);
    }
}

//! Reads the child's records for the supervisor.

use super::record::Record;
use crate::supervise::{Activity, Kind, OutputParser, RateLimit, Stream, Usage};

/// A parser of [`Record`]s. What is no record passes through.
#[derive(Debug, Default)]
pub struct Records;

impl OutputParser for Records {
    fn line(&mut self, stream: Stream, line: &[u8], out: &mut Vec<Activity>) {
        if stream != Stream::Stdout || !line.trim_ascii_start().starts_with(b"{") {
            return out.push(Activity::output(line));
        }
        match serde_json::from_slice::<Record>(line) {
            Ok(record) => out.extend(kind(record).map(Activity::from)),
            // A record that is not known here is not broken.
            Err(_) if serde_json::from_slice::<serde_json::Value>(line).is_ok() => {
                out.push(Activity::output(line));
            }
            Err(e) => {
                out.push(Activity::warning(format!("a broken record: {e}")));
                out.push(Activity::output(line));
            }
        }
    }

    fn finish(&mut self, _out: &mut Vec<Activity>) {}
}

fn kind(record: Record) -> Option<Kind> {
    Some(match record {
        Record::Session { id } => Kind::Session { id },
        Record::Message { text } => Kind::Message { text },
        Record::Thinking { text } => Kind::Thinking { text },
        Record::ToolUse { id, name, input } => Kind::ToolUse { id, name, input },
        Record::ToolResult { id, text, is_error } => Kind::ToolResult { id, text, is_error },
        Record::Usage { input_tokens, output_tokens, cached_tokens, cost_usd } => {
            Kind::Usage(Usage { input_tokens, output_tokens, cached_tokens, cost_usd })
        }
        Record::RateLimit { status, blocked, resets_at } => {
            Kind::RateLimit(RateLimit { status, blocked, resets_at })
        }
        Record::Warning { text } => Kind::Warning { text },
        Record::Result { text, is_error } => Kind::Result { text, is_error },
        Record::Alive => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(lines: &[&str]) -> Vec<&'static str> {
        let mut out = Vec::new();
        for line in lines {
            Records.line(Stream::Stdout, line.as_bytes(), &mut out);
        }
        out.iter().map(|a| a.kind.name()).collect()
    }

    /// A5: unknown records pass through, a broken one is a warning and the rest goes on.
    #[test]
    fn nothing_stops_the_parser() {
        let lines = [
            r#"{"type":"message","text":"a"}"#,
            r#"{"type":"weather","text":"rain"}"#,
            r#"{"type":"message""#,
            "plain",
            r#"{"type":"alive"}"#,
            r#"{"type":"rate_limit","status":"429","blocked":true}"#,
            r#"{"type":"result","is_error":true,"text":"x"}"#,
        ];
        assert_eq!(
            kinds(&lines),
            ["message", "output", "warning", "output", "output", "rate_limit", "result"]
        );
    }
}

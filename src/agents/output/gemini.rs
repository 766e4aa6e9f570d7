//! `gemini --output-format stream-json`, and the one object of `--output-format json`.

use serde_json::Value;

use super::fields::{
    LONGEST_TEXT, NO_ANSWER, epoch_secs, is_limit, limited, number, plus, result, session, sum, text,
    unwrapped, words,
};
use super::reader::Records;
use super::tools::Tools;
use crate::supervise::{Activity, Kind, Stream, Usage};

#[derive(Debug, Default)]
pub(super) struct Gemini {
    session: Option<String>,
    tools: Tools,
    /// Pieces of the message at hand.
    message: String,
    /// The model has spoken since the last tool call.
    answered: bool,
    /// The last error record.
    error: Option<String>,
    dump: Dump,
    /// When the failed turn ended, once it has: its dump may come later, on the other stream.
    failed_at: Option<i64>,
}

/// The client prints the error object of a failed request on stderr, after its own words for it and one field a
/// line. The records do not have its status.
#[derive(Debug, Default)]
struct Dump {
    open: bool,
    status: Option<u64>,
    retry_ms: Option<u64>,
    told: bool,
}

impl Records for Gemini {
    fn record(&mut self, record: &Value, out: &mut Vec<Activity>) -> bool {
        let kind = text(record, "type");
        if matches!(kind, Some("tool_use" | "tool_result" | "error" | "result")) {
            self.say(out);
        }
        match kind {
            Some("init") => session(&mut self.session, record, "session_id", out),
            Some("message") => match text(record, "role") {
                Some("assistant") => self.hear(record, out),
                // Our own prompt.
                Some("user") => {}
                _ => return false,
            },
            Some("tool_use") => {
                self.answered = false;
                let id = text(record, "tool_id").unwrap_or_default();
                let name = text(record, "tool_name").unwrap_or("tool");
                self.tools.open(id, name, record["parameters"].clone(), out);
            }
            Some("tool_result") => {
                let id = text(record, "tool_id").unwrap_or_default();
                let said = words(record, "output").or_else(|| words(&record["error"], "message"));
                let failed = text(record, "status") != Some("success");
                self.tools.close(id, said.unwrap_or_default().to_owned(), failed, out);
            }
            Some("error") => {
                let said = words(record, "message").unwrap_or("an error without words");
                out.push(Activity::warning(unwrapped(said).0));
                if text(record, "severity") != Some("warning") {
                    self.error = Some(said.to_owned());
                }
            }
            Some("result") => self.result(record, out),
            None if record.get("response").is_some() || record.get("error").is_some() => {
                self.whole(record, out);
            }
            _ => return false,
        }
        true
    }

    fn plain(&mut self, stream: Stream, line: &str, out: &mut Vec<Activity>) {
        if stream != Stream::Stderr {
            return;
        }
        if line.starts_with('{')
            && let Ok(record) = serde_json::from_str::<Value>(line)
            && record["error"].is_object()
        {
            // `--output-format json` prints a failure there.
            return self.whole(&record, out);
        }
        if line.starts_with("Error when talking to Gemini API") {
            self.dump = Dump { open: true, ..Dump::default() };
        }
        if !self.dump.open {
            return;
        }
        let field = |name: &str| line.strip_prefix(name)?.trim_end_matches(',').parse().ok();
        self.dump.status = field("  status: ").or(self.dump.status);
        self.dump.retry_ms = field("  retryDelayMs: ").or(self.dump.retry_ms);
        if line == "}" {
            self.dump.open = false;
            if let Some(at) = self.failed_at {
                self.tell_limit(at, out);
            }
        }
    }

    fn finish(&mut self, out: &mut Vec<Activity>) {
        self.say(out);
        if let Some(at) = self.failed_at {
            self.tell_limit(at, out);
        }
    }
}

impl Gemini {
    fn hear(&mut self, record: &Value, out: &mut Vec<Activity>) {
        let piece = text(record, "content").unwrap_or_default();
        if record["delta"] != Value::Bool(true) || self.message.len() + piece.len() > LONGEST_TEXT {
            self.say(out);
        }
        self.message.push_str(piece);
        self.answered |= !piece.trim().is_empty();
    }

    /// The message at hand is whole.
    fn say(&mut self, out: &mut Vec<Activity>) {
        let text = std::mem::take(&mut self.message);
        if !text.trim().is_empty() {
            out.push(Kind::Message { text }.into());
        }
    }

    fn result(&mut self, record: &Value, out: &mut Vec<Activity>) {
        let stats = &record["stats"];
        if stats.is_object() {
            let usage = Usage {
                input_tokens: number(stats, "input_tokens"),
                output_tokens: number(stats, "output_tokens"),
                cached_tokens: number(stats, "cached"),
                cost_usd: None,
            };
            out.push(Kind::Usage(usage).into());
        }
        if text(record, "status") == Some("success") {
            return out.push(result((!self.answered).then_some(NO_ANSWER), !self.answered));
        }
        let told = words(&record["error"], "message").map(str::to_owned).or_else(|| self.error.take());
        let at = epoch_secs(&record["timestamp"]);
        self.fail(&told.unwrap_or_else(|| "the turn failed".into()), &record["error"], at, out);
    }

    fn fail(&mut self, message: &str, error: &Value, at: Option<i64>, out: &mut Vec<Activity>) {
        let (said, inner) = unwrapped(message);
        self.failed_at = at;
        if is_limit(error) || inner.as_ref().is_some_and(is_limit) {
            self.dump.status = Some(429);
        }
        if !self.dump.open {
            self.tell_limit(at.unwrap_or(0), out);
        }
        out.push(result(Some(&said), true));
    }

    fn tell_limit(&mut self, failed_at: i64, out: &mut Vec<Activity>) {
        if self.dump.status != Some(429) || std::mem::replace(&mut self.dump.told, true) {
            return;
        }
        let after = self.dump.retry_ms.and_then(|ms| i64::try_from(ms.div_ceil(1000)).ok());
        let resets_at = after.filter(|_| failed_at > 0).map(|secs| failed_at.saturating_add(secs));
        out.push(limited("rejected", resets_at));
    }

    /// `--output-format json`: everything in one object at the end.
    fn whole(&mut self, record: &Value, out: &mut Vec<Activity>) {
        session(&mut self.session, record, "session_id", out);
        if let Some(models) = record["stats"]["models"].as_object() {
            let usage = models.values().fold(Usage::default(), |total, model| {
                let tokens = &model["tokens"];
                let one = Usage {
                    input_tokens: number(tokens, "prompt"),
                    output_tokens: plus(number(tokens, "candidates"), number(tokens, "thoughts")),
                    cached_tokens: number(tokens, "cached"),
                    cost_usd: None,
                };
                sum(total, one)
            });
            out.push(Kind::Usage(usage).into());
        }
        if let Some(error) = record.get("error").filter(|e| !e.is_null()) {
            return self.fail(words(error, "message").unwrap_or("the turn failed"), error, None, out);
        }
        match words(record, "response") {
            Some(said) => {
                out.push(Kind::Message { text: said.to_owned() }.into());
                out.push(result(Some(said), false));
            }
            None => out.push(result(Some(NO_ANSWER), true)),
        }
    }
}

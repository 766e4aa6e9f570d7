//! `opencode run --format json`.

use serde_json::Value;

use super::fields::{
    NO_ANSWER, epoch_secs, is_limit, limited, number, plus, result, session, sum, text, words,
};
use super::reader::Records;
use super::tools::Tools;
use crate::supervise::{Activity, Kind, Usage};

#[derive(Debug, Default)]
pub(super) struct OpenCode {
    session: Option<String>,
    tools: Tools,
    total: Usage,
    /// The model has spoken since the last tool call.
    answered: bool,
}

impl Records for OpenCode {
    fn record(&mut self, record: &Value, out: &mut Vec<Activity>) -> bool {
        let part = &record["part"];
        match text(record, "type") {
            Some("step_start") => session(&mut self.session, record, "sessionID", out),
            Some("text") => {
                if let Some(said) = words(part, "text") {
                    self.answered = true;
                    out.push(Kind::Message { text: said.to_owned() }.into());
                }
            }
            Some("reasoning") => {
                out.extend(words(part, "text").map(|t| Kind::Thinking { text: t.to_owned() }.into()));
            }
            Some("tool_use") => self.tool(part, out),
            Some("step_finish") => self.step(part, out),
            Some("error") => {
                session(&mut self.session, record, "sessionID", out);
                failed(record, out);
            }
            _ => return false,
        }
        true
    }
}

impl OpenCode {
    /// Told when the call is over, so that a long one looks like silence.
    fn tool(&mut self, part: &Value, out: &mut Vec<Activity>) {
        self.answered = false;
        let state = &part["state"];
        let failed = text(state, "status") == Some("error")
            || state["metadata"]["exit"].as_i64().is_some_and(|code| code != 0);
        let said = words(state, "output").or_else(|| words(state, "error")).unwrap_or_default();
        let (id, name) = (text(part, "callID").unwrap_or_default(), text(part, "tool").unwrap_or("tool"));
        self.tools.whole((id, name, state["input"].clone()), said.to_owned(), failed, out);
    }

    /// Each step has tokens and a price of its own. There is no final record: a step that asks for no tool is the
    /// last one.
    fn step(&mut self, part: &Value, out: &mut Vec<Activity>) {
        let tokens = &part["tokens"];
        let cached = number(&tokens["cache"], "read");
        let step = Usage {
            input_tokens: plus(number(tokens, "input"), plus(cached, number(&tokens["cache"], "write"))),
            output_tokens: plus(number(tokens, "output"), number(tokens, "reasoning")),
            cached_tokens: cached,
            // What has no price in its list costs 0 there, which is not known to be true.
            cost_usd: part["cost"].as_f64().filter(|cost| *cost > 0.0),
        };
        self.total = sum(self.total, step);
        out.push(Kind::Usage(self.total).into());
        match text(part, "reason") {
            Some("tool-calls" | "unknown") | None => {}
            Some("stop") if self.answered => out.push(result(None, false)),
            Some("stop") => out.push(result(Some(NO_ANSWER), true)),
            Some(reason) => out.push(result(Some(&format!("the answer broke off: {reason}")), true)),
        }
    }
}

fn failed(record: &Value, out: &mut Vec<Activity>) {
    let error = &record["error"];
    let data = &error["data"];
    if is_limit(data) {
        let after = text(&data["responseHeaders"], "retry-after").and_then(|s| s.trim().parse::<i64>().ok());
        let resets_at = epoch_secs(&record["timestamp"]).zip(after).map(|(at, secs)| at.saturating_add(secs));
        out.push(limited("rejected", resets_at));
    }
    let said = words(data, "message").or_else(|| words(error, "message")).or_else(|| words(error, "name"));
    out.push(result(Some(said.unwrap_or("the turn failed")), true));
}

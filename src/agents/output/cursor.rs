//! `cursor-agent -p --output-format stream-json`, as its documentation has it.

use serde_json::Value;

use super::fields::{LONGEST_TEXT, number, plus, result, session, text, words};
use super::reader::Records;
use super::tools::Tools;
use crate::supervise::{Activity, Kind, Usage};

#[derive(Debug, Default)]
pub(super) struct Cursor {
    session: Option<String>,
    tools: Tools,
    thinking: String,
}

impl Records for Cursor {
    fn record(&mut self, record: &Value, out: &mut Vec<Activity>) -> bool {
        match text(record, "type") {
            Some("system") if text(record, "subtype") == Some("init") => {
                session(&mut self.session, record, "session_id", out);
            }
            // Our own prompt.
            Some("user") => {}
            Some("assistant") => {
                let none = Vec::new();
                let parts = record["message"]["content"].as_array().unwrap_or(&none);
                let said = parts.iter().filter_map(|part| text(part, "text")).collect::<String>();
                if !said.trim().is_empty() {
                    out.push(Kind::Message { text: said }.into());
                }
            }
            Some("thinking") => {
                self.thinking.push_str(text(record, "text").unwrap_or_default());
                if text(record, "subtype") != Some("delta") || self.thinking.len() > LONGEST_TEXT {
                    self.thought(out);
                }
            }
            Some("tool_call") => return self.tool(record, out),
            Some("result") => {
                session(&mut self.session, record, "session_id", out);
                usage(&record["usage"], out);
                let failed = record["is_error"] == Value::Bool(true)
                    || text(record, "subtype").is_some_and(|subtype| subtype != "success");
                out.push(result(words(record, "result"), failed));
            }
            _ => return false,
        }
        true
    }

    fn finish(&mut self, out: &mut Vec<Activity>) {
        self.thought(out);
    }
}

impl Cursor {
    fn thought(&mut self, out: &mut Vec<Activity>) {
        let text = std::mem::take(&mut self.thinking);
        if !text.trim().is_empty() {
            out.push(Kind::Thinking { text }.into());
        }
    }

    /// The call's one key names the tool: `{"readToolCall": {"args": …, "result": {"success": …}}}`.
    fn tool(&mut self, record: &Value, out: &mut Vec<Activity>) -> bool {
        let Some((key, call)) = record["tool_call"].as_object().and_then(|call| call.iter().next()) else {
            return false;
        };
        let id = text(record, "call_id").unwrap_or_default();
        let name = text(call, "name").unwrap_or_else(|| key.strip_suffix("ToolCall").unwrap_or(key));
        let input = call.get("args").or_else(|| call.get("arguments")).cloned().unwrap_or_default();
        if text(record, "subtype") == Some("started") {
            self.tools.open(id, name, input, out);
        } else {
            let ended = &call["result"];
            let failed = ended.is_object() && ended.get("success").is_none();
            let said = if ended.is_null() { String::new() } else { ended.to_string() };
            self.tools.whole((id, name, input), said, failed, out);
        }
        true
    }
}

fn usage(usage: &Value, out: &mut Vec<Activity>) {
    if usage.is_object() {
        let cached = number(usage, "cacheReadTokens");
        let usage = Usage {
            input_tokens: plus(number(usage, "inputTokens"), plus(cached, number(usage, "cacheWriteTokens"))),
            output_tokens: number(usage, "outputTokens"),
            cached_tokens: cached,
            cost_usd: None,
        };
        out.push(Kind::Usage(usage).into());
    }
}

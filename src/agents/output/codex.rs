//! `codex exec --json`.

use serde_json::{Value, json};

use super::fields::{
    NO_ANSWER, content_text, is_limit, limited, number, result, session, text, unwrapped, words,
};
use super::reader::Records;
use super::tools::Tools;
use crate::supervise::{Activity, Kind, Usage};

/// How the client words the status of a request that it gave up. Its error records have no field for it; this is
/// matched in such a record alone, from its first letter.
const GIVEN_UP: &str = "exceeded retry limit, last status: 429";

#[derive(Debug, Default)]
pub(super) struct Codex {
    session: Option<String>,
    tools: Tools,
    /// The model has spoken since the last tool call: a turn that ends otherwise has no answer.
    answered: bool,
    /// The last error record outside a turn's end.
    error: Option<String>,
}

impl Records for Codex {
    fn record(&mut self, record: &Value, out: &mut Vec<Activity>) -> bool {
        match text(record, "type") {
            Some("thread.started") => session(&mut self.session, record, "thread_id", out),
            Some("turn.started") => {
                self.answered = false;
                self.error = None;
            }
            Some("turn.completed") => {
                self.error = None;
                usage(&record["usage"], out);
                out.push(result((!self.answered).then_some(NO_ANSWER), !self.answered));
            }
            Some("turn.failed") => {
                let error = &record["error"];
                fail(words(error, "message").unwrap_or("the turn failed"), out);
                self.error = None;
            }
            Some("error") => {
                // The client goes on after most of them (it says `Reconnecting`).
                let message = words(record, "message").unwrap_or("an error without words");
                self.error = Some(message.to_owned());
                out.push(Activity::warning(unwrapped(message).0));
            }
            Some(kind @ ("item.started" | "item.updated" | "item.completed")) => {
                return self.item(kind == "item.completed", &record["item"], out);
            }
            _ => return false,
        }
        true
    }

    /// A client that died after an error has not ended its turn.
    fn finish(&mut self, out: &mut Vec<Activity>) {
        if let Some(error) = self.error.take() {
            fail(&error, out);
        }
    }
}

impl Codex {
    fn item(&mut self, done: bool, item: &Value, out: &mut Vec<Activity>) -> bool {
        let kind = text(item, "type").unwrap_or_default();
        match kind {
            "agent_message" if done => {
                if let Some(said) = words(item, "text") {
                    self.answered = true;
                    out.push(Kind::Message { text: said.to_owned() }.into());
                }
            }
            "reasoning" if done => {
                out.extend(words(item, "text").map(|t| Kind::Thinking { text: t.to_owned() }.into()));
            }
            "error" if done => {
                let said = words(item, "message").unwrap_or("an error without words");
                out.push(Activity::warning(unwrapped(said).0));
            }
            "agent_message" | "reasoning" | "error" => {}
            "command_execution" | "file_change" | "mcp_tool_call" | "web_search" => {
                self.tool(kind, done, item, out);
            }
            _ => return false,
        }
        true
    }

    fn tool(&mut self, kind: &str, done: bool, item: &Value, out: &mut Vec<Activity>) {
        self.answered = false;
        let id = text(item, "id").unwrap_or_default();
        let (name, input) = match kind {
            "command_execution" => ("shell".to_owned(), json!({"command": item["command"]})),
            "file_change" => ("file_change".to_owned(), json!({"changes": item["changes"]})),
            "web_search" => ("web_search".to_owned(), json!({"query": item["query"]})),
            _ => {
                let part = |key| text(item, key).unwrap_or("?");
                (format!("{}.{}", part("server"), part("tool")), item["arguments"].clone())
            }
        };
        if !done {
            return self.tools.open(id, &name, input, out);
        }
        let said = match kind {
            "command_execution" => text(item, "aggregated_output").unwrap_or_default().to_owned(),
            "mcp_tool_call" if !item["error"].is_null() => content_text(&item["error"]["message"]),
            "mcp_tool_call" => content_text(&item["result"]["content"]),
            _ => String::new(),
        };
        let ended_badly = item["exit_code"].as_i64().is_some_and(|code| code != 0);
        let failed = ended_badly || matches!(text(item, "status"), Some("failed" | "declined"));
        self.tools.whole((id, &name, input), said, failed, out);
    }
}

fn fail(message: &str, out: &mut Vec<Activity>) {
    let (said, error) = unwrapped(message);
    if message.starts_with(GIVEN_UP) || error.as_ref().is_some_and(is_limit) {
        out.push(limited("rejected", None));
    }
    out.push(result(Some(&said), true));
}

/// Input counts what came from the cache too.
fn usage(usage: &Value, out: &mut Vec<Activity>) {
    if usage.is_object() {
        let usage = Usage {
            input_tokens: number(usage, "input_tokens"),
            output_tokens: number(usage, "output_tokens"),
            cached_tokens: number(usage, "cached_input_tokens"),
            cost_usd: None,
        };
        out.push(Kind::Usage(usage).into());
    }
}

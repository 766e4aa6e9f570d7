//! `claude -p --output-format stream-json --verbose`.

use serde_json::Value;

use super::fields::{content_text, epoch_secs, limited, number, plus, result, session, sum, text, words};
use super::reader::Records;
use crate::supervise::{Activity, Kind, RateLimit, Usage};

#[derive(Debug, Default)]
pub(super) struct Claude {
    session: Option<String>,
    /// Messages that are over.
    before: Usage,
    /// The message at hand: a record comes for each of its parts, each with the same usage.
    message: Option<(String, Usage)>,
    /// A limit was met, and when it said it ends.
    resets_at: Option<i64>,
    limited: bool,
}

impl Records for Claude {
    fn record(&mut self, record: &Value, out: &mut Vec<Activity>) -> bool {
        match text(record, "type") {
            Some("system") => self.system(record, out),
            Some("assistant") => self.assistant(record, out),
            Some("user") => user(record, out),
            Some("rate_limit_event") => self.limit(&record["rate_limit_info"], out),
            Some("result") => self.result(record, out),
            _ => false,
        }
    }
}

impl Claude {
    fn system(&mut self, record: &Value, out: &mut Vec<Activity>) -> bool {
        match text(record, "subtype") {
            Some("init") => {
                session(&mut self.session, record, "session_id", out);
                true
            }
            Some("api_retry") => {
                if number(record, "error_status") == Some(429) {
                    let status = "retrying".to_owned();
                    out.push(Kind::RateLimit(RateLimit { status, blocked: false, resets_at: None }).into());
                }
                let status =
                    record["error_status"].as_u64().map_or_else(|| "no status".into(), |n| n.to_string());
                let (attempt, most) = (&record["attempt"], &record["max_retries"]);
                out.push(Activity::warning(format!(
                    "the API answered {status}; attempt {attempt} of {most}"
                )));
                true
            }
            _ => false,
        }
    }

    fn assistant(&mut self, record: &Value, out: &mut Vec<Activity>) -> bool {
        session(&mut self.session, record, "session_id", out);
        self.limited = text(record, "error") == Some("rate_limit");
        let message = &record["message"];
        // What a helper of the agent says to it is no message to us, and never the final one.
        let own = record["parent_tool_use_id"].is_null();
        let none = Vec::new();
        for part in message["content"].as_array().unwrap_or(&none) {
            let kind = match text(part, "type") {
                Some("text") if own => words(part, "text").map(|t| Kind::Message { text: t.to_owned() }),
                Some("text") => words(part, "text").map(|t| Kind::Thinking { text: t.to_owned() }),
                Some("thinking") => words(part, "thinking").map(|t| Kind::Thinking { text: t.to_owned() }),
                Some("tool_use" | "server_tool_use" | "mcp_tool_use") => Some(Kind::ToolUse {
                    id: text(part, "id").unwrap_or_default().to_owned(),
                    name: text(part, "name").unwrap_or("tool").to_owned(),
                    input: part["input"].clone(),
                }),
                Some(kind) if kind.ends_with("_tool_result") => Some(tool_result(part)),
                Some(_) => Some(Kind::Thinking { text: part.to_string() }),
                None => None,
            };
            out.extend(kind.map(Activity::from));
        }
        self.count(message, out);
        true
    }

    /// Adds a message's tokens to the totals so far; the final record corrects them.
    fn count(&mut self, message: &Value, out: &mut Vec<Activity>) {
        let usage = tokens(&message["usage"]);
        if usage.input_tokens.unwrap_or(0) == 0 && usage.output_tokens.unwrap_or(0) == 0 {
            return;
        }
        let id = text(message, "id").unwrap_or_default();
        match &mut self.message {
            Some((known, at_hand)) if known == id => {
                if *at_hand == usage {
                    return;
                }
                *at_hand = usage;
            }
            other => {
                if let Some((_, over)) = other.replace((id.to_owned(), usage)) {
                    self.before = sum(self.before, over);
                }
            }
        }
        out.push(Kind::Usage(sum(self.before, usage)).into());
    }

    fn limit(&mut self, info: &Value, out: &mut Vec<Activity>) -> bool {
        let Some(status) = text(info, "status") else { return false };
        let resets_at = epoch_secs(&info["resetsAt"]);
        let blocked = status == "rejected" && info["isUsingOverage"] != Value::Bool(true);
        if blocked {
            self.resets_at = resets_at.or(self.resets_at);
        }
        out.push(Kind::RateLimit(RateLimit { status: status.to_owned(), blocked, resets_at }).into());
        true
    }

    fn result(&mut self, record: &Value, out: &mut Vec<Activity>) -> bool {
        session(&mut self.session, record, "session_id", out);
        let mut usage = models(&record["modelUsage"]).unwrap_or_else(|| tokens(&record["usage"]));
        usage.cost_usd = record["total_cost_usd"].as_f64();
        out.push(Kind::Usage(usage).into());
        let denied = record["permission_denials"].as_array().map_or(0, Vec::len);
        if denied > 0 {
            out.push(Activity::warning(format!("{denied} tool calls were denied for lack of permission")));
        }
        let subtype = text(record, "subtype").unwrap_or("success");
        let refused = text(record, "stop_reason") == Some("refusal");
        let failed = record["is_error"] == Value::Bool(true) || subtype != "success" || refused;
        if failed && (number(record, "api_error_status") == Some(429) || self.limited) {
            out.push(limited("rejected", self.resets_at));
        }
        let errors = record["errors"].as_array().map(|list| content_text(&Value::Array(list.clone())));
        let said = words(record, "result").or(errors.as_deref().filter(|e| !e.is_empty()));
        let said = said.or_else(|| failed.then_some(if refused { "the model refused" } else { subtype }));
        out.push(result(said, failed));
        true
    }
}

fn user(record: &Value, out: &mut Vec<Activity>) -> bool {
    let Some(parts) = record["message"]["content"].as_array() else { return false };
    let results: Vec<&Value> = parts.iter().filter(|p| text(p, "type") == Some("tool_result")).collect();
    out.extend(results.iter().map(|part| Activity::from(tool_result(part))));
    !results.is_empty()
}

fn tool_result(part: &Value) -> Kind {
    Kind::ToolResult {
        id: text(part, "tool_use_id").unwrap_or_default().to_owned(),
        text: content_text(&part["content"]),
        is_error: part["is_error"] == Value::Bool(true),
    }
}

/// The API counts what came from the cache, and what went there, beside the rest.
fn tokens(usage: &Value) -> Usage {
    let cached = number(usage, "cache_read_input_tokens");
    let kept = number(usage, "cache_creation_input_tokens");
    Usage {
        input_tokens: plus(number(usage, "input_tokens"), plus(cached, kept)),
        output_tokens: number(usage, "output_tokens"),
        cached_tokens: cached,
        cost_usd: None,
    }
}

/// All models of a session, those of helpers included.
fn models(usage: &Value) -> Option<Usage> {
    let models = usage.as_object().filter(|m| !m.is_empty())?;
    Some(models.values().fold(Usage::default(), |total, one| {
        let cached = number(one, "cacheReadInputTokens");
        let read = plus(number(one, "inputTokens"), plus(cached, number(one, "cacheCreationInputTokens")));
        let one = Usage {
            input_tokens: read,
            output_tokens: number(one, "outputTokens"),
            cached_tokens: cached,
            cost_usd: None,
        };
        sum(total, one)
    }))
}

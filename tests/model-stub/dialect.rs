//! The APIs, told apart by their paths.

use serde_json::{Value, json};

use super::reply::{SHELLS, Tool};
use super::{anthropic, gemini, openai};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Anthropic,
    Responses,
    Chat,
    Gemini,
}

/// The events of an answer.
pub type Events = Vec<(&'static str, Value)>;

impl Dialect {
    pub fn of(path: &str) -> Option<Self> {
        let path = path.split('?').next().unwrap_or(path);
        if path.ends_with("/messages") {
            Some(Self::Anthropic)
        } else if path.ends_with("/responses") {
            Some(Self::Responses)
        } else if path.ends_with("/chat/completions") {
            Some(Self::Chat)
        } else if path.ends_with("enerateContent") {
            Some(Self::Gemini)
        } else {
            None
        }
    }

    pub fn streamed(self, path: &str, body: &Value) -> bool {
        match self {
            Self::Gemini => path.contains("streamGenerateContent"),
            _ => body["stream"] == json!(true),
        }
    }

    /// The shell among the offered tools.
    pub fn tool(self, body: &Value) -> Tool {
        let empty = Vec::new();
        let offered: Vec<&Value> = match self {
            Self::Gemini => {
                let lists = body["tools"].as_array().unwrap_or(&empty);
                lists.iter().filter_map(|l| l["functionDeclarations"].as_array()).flatten().collect()
            }
            _ => body["tools"].as_array().unwrap_or(&empty).iter().collect(),
        };
        if offered.is_empty() {
            return Tool::NoneOffered;
        }
        for tool in offered {
            let tool = if tool["function"].is_object() { &tool["function"] } else { tool };
            let name = tool["name"].as_str().unwrap_or_default();
            if !SHELLS.contains(&name) {
                continue;
            }
            let schema = ["input_schema", "parameters", "parametersJsonSchema"]
                .iter()
                .map(|key| &tool[key]["properties"])
                .find(|p| p.is_object());
            let argument = if schema.is_some_and(|p| p["cmd"].is_object()) { "cmd" } else { "command" };
            let list = schema.is_some_and(|p| p[argument]["type"] == "array");
            return Tool::Shell { name: name.into(), argument: argument.into(), list };
        }
        Tool::Unknown
    }

    /// What a request without tools gets: a title, or what a router of models asks for as JSON.
    pub fn aside(self, body: &Value) -> String {
        if self == Self::Gemini && body["generationConfig"]["responseJsonSchema"].is_object() {
            return json!({"complexity_reasoning": "a stub", "complexity_score": 1}).to_string();
        }
        "a title".into()
    }

    pub fn text(self, text: &str, body: &Value) -> Events {
        match self {
            Self::Anthropic => anthropic::text(text, body),
            Self::Responses => openai::responses_text(text),
            Self::Chat => openai::chat_text(text),
            Self::Gemini => gemini::text(text),
        }
    }

    /// The same in one piece.
    pub fn whole(self, text: &str) -> Value {
        match self {
            Self::Anthropic => anthropic::whole(text),
            Self::Responses => openai::responses_whole(text),
            Self::Chat => openai::chat_whole(text),
            Self::Gemini => gemini::whole(text),
        }
    }

    pub fn call(self, tool: &Tool, command: &str, body: &Value) -> Events {
        let Tool::Shell { name, argument, list } = tool else {
            return self.text("the client offers no shell", body);
        };
        let command = if *list { json!(["sh", "-c", command]) } else { json!(command) };
        let input = json!({argument: command, "description": "a call of the stub"});
        match self {
            Self::Anthropic => anthropic::call(name, &input, body),
            Self::Responses => openai::responses_call(name, &input),
            Self::Chat => openai::chat_call(name, &input),
            Self::Gemini => gemini::call(name, &input),
        }
    }

    pub fn refusal(self, text: &str, body: &Value) -> Events {
        match self {
            Self::Anthropic => anthropic::refusal(text, body),
            Self::Responses => openai::responses_refusal(text),
            Self::Chat => openai::chat_refusal(text),
            Self::Gemini => gemini::refusal(),
        }
    }

    pub fn error(self, status: u16, text: &str, retry_secs: Option<u64>) -> Value {
        let limited = status == 429;
        match self {
            Self::Anthropic => {
                let kind = if limited { "rate_limit_error" } else { "invalid_request_error" };
                json!({"type": "error", "error": {"type": kind, "message": text}})
            }
            Self::Responses | Self::Chat => {
                let kind = if limited { "rate_limit_exceeded" } else { "invalid_request_error" };
                json!({"error": {"message": text, "type": kind, "code": kind, "param": null}})
            }
            Self::Gemini => {
                let kind = if limited { "RESOURCE_EXHAUSTED" } else { "INVALID_ARGUMENT" };
                let details: Vec<Value> = retry_secs
                    .map(|s| json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{s}s")}))
                    .into_iter()
                    .collect();
                json!({"error": {"code": status, "message": text, "status": kind, "details": details}})
            }
        }
    }
}

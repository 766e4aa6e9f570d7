//! A model behind HTTP as an agent (agents.md A1).
//!
//! It runs like every other agent: as a child under the supervisor, so that limits, kill, logs and masking are
//! the same. The child is this program itself with a hidden command: it takes the prompt on stdin, talks to the
//! server ([`talk`]), and prints one [`Record`] a line, which [`Records`] reads here. The key is passed by the
//! *name* of its variable, never by value.
//!
//! `sse`, the three APIs, `answer` and `reset` are pure; only `talk` touches the network.

#[cfg(feature = "http")]
mod answer;
#[cfg(feature = "http")]
mod ollama;
#[cfg(feature = "http")]
mod openai_chat;
#[cfg(feature = "http")]
mod openai_responses;
mod parser;
mod record;
#[cfg(feature = "http")]
mod reset;
#[cfg(feature = "http")]
mod sse;
#[cfg(feature = "http")]
mod talk;

use std::path::PathBuf;

#[cfg(feature = "http")]
use serde_json::Value;

use crate::config::{HttpAgent, HttpApi};

pub use self::parser::Records;
pub use self::record::Record;
#[cfg(feature = "http")]
pub use self::reset::resets_at;
#[cfg(feature = "http")]
pub use self::talk::{Call, is_here, talk};

/// The hidden command of this program that talks to the server.
pub const COMMAND: &str = "agent-http";

/// Whether this build can talk to a server at all.
pub const BUILT: bool = cfg!(feature = "http");

/// The word of an API in the configuration and on the command line.
pub fn api_name(api: HttpApi) -> &'static str {
    match api {
        HttpApi::OpenaiChat => "openai-chat",
        HttpApi::OpenaiResponses => "openai-responses",
        HttpApi::Ollama => "ollama",
    }
}

#[cfg(feature = "http")]
/// The API of that word.
pub fn api_of(name: &str) -> Option<HttpApi> {
    [HttpApi::OpenaiChat, HttpApi::OpenaiResponses, HttpApi::Ollama]
        .into_iter()
        .find(|a| api_name(*a) == name)
}

/// The command line of an agent with these settings; its first word is replaced by this program's path.
pub(super) fn command(http: &HttpAgent) -> Vec<String> {
    let api = http.api.unwrap_or(HttpApi::OpenaiChat);
    let url = http.url.clone().unwrap_or_default();
    let words = ["orchestrator", COMMAND, "--api", api_name(api), "--url", &url, "--model", "{model}"];
    let mut command: Vec<String> = words.into_iter().map(str::to_owned).collect();
    if let Some(key) = &http.key_env {
        command.extend(["--key-env".to_owned(), key.clone()]);
    }
    command
}

/// Where this program lies.
pub fn own_program() -> Option<PathBuf> {
    std::env::current_exe().ok()
}

#[cfg(feature = "http")]
/// What one event of a stream says, whichever API it belongs to.
#[derive(Debug, Clone, PartialEq)]
enum Piece {
    /// An id by which the answer can be continued.
    Session(String),
    Text(String),
    Thinking(String),
    Usage(Spent),
    /// The answer is over; why it is not whole, if it is not.
    Ended(Option<String>),
    /// The server gave up; `limited`: because of a rate limit.
    Failed {
        text: String,
        limited: bool,
    },
}

#[cfg(feature = "http")]
/// Totals of one answer.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Spent {
    input: Option<u64>,
    output: Option<u64>,
    cached: Option<u64>,
    cost_usd: Option<f64>,
}

#[cfg(feature = "http")]
/// Path behind the base address, and body, of a request.
fn request(api: HttpApi, url: &str, model: &str, prompt: &str) -> (String, Value) {
    let base = url.trim_end_matches('/');
    let (path, body) = match api {
        HttpApi::OpenaiChat => ("chat/completions", openai_chat::body(model, prompt)),
        HttpApi::OpenaiResponses => ("responses", openai_responses::body(model, prompt)),
        HttpApi::Ollama => {
            (if base.ends_with("/api") { "chat" } else { "api/chat" }, ollama::body(model, prompt))
        }
    };
    // Whoever wrote the whole address into the settings meant it.
    let whole = if base.ends_with(path) { base.to_owned() } else { format!("{base}/{path}") };
    (whole, body)
}

#[cfg(feature = "http")]
fn pieces(api: HttpApi, event: &Value) -> Vec<Piece> {
    match api {
        HttpApi::OpenaiChat => openai_chat::pieces(event),
        HttpApi::OpenaiResponses => openai_responses::pieces(event),
        HttpApi::Ollama => ollama::pieces(event),
    }
}

#[cfg(feature = "http")]
/// A server's error object, or text, as a piece.
fn failure(error: &Value) -> Piece {
    let text = error["message"].as_str().or(error.as_str()).unwrap_or("the server reported an error");
    let says = |name: &str, word: &str| error[name].as_str() == Some(word);
    let limited = says("code", "rate_limit_exceeded")
        || says("type", "rate_limit_exceeded")
        || says("type", "rate_limit_error")
        || error["code"].as_u64() == Some(429);
    // A used-up quota comes back with a person's money, not with time.
    let limited = limited && !says("code", "insufficient_quota") && !says("type", "insufficient_quota");
    Piece::Failed { text: text.to_owned(), limited }
}

#[cfg(feature = "http")]
/// A text that is not empty, as a piece.
fn some_text(value: &Value, piece: impl Fn(String) -> Piece) -> Option<Piece> {
    value.as_str().filter(|t| !t.is_empty()).map(|t| piece(t.to_owned()))
}

#[cfg(all(test, feature = "http"))]
mod tests;

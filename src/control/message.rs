//! What is said over the socket: a request and its reply, each one JSON object on a line. Pure.

use serde::{Deserialize, Serialize};

/// The version of both, in every reply.
pub const VERSION: u32 = 1;

/// Bytes of a request, its line end included; nothing that is asked for is longer.
pub const LONGEST_REQUEST: usize = 16 * 1024;

/// What can be asked of a live run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Request {
    /// Ends an attempt; with none named, the run and all its attempts.
    Interrupt {
        #[serde(skip_serializing_if = "Option::is_none")]
        attempt: Option<String>,
    },
    /// Begin nothing more. What is to be recorded lies on disk already; this only tells at once.
    Stop {
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// The turn it is asked from; none: by a person.
        #[serde(skip_serializing_if = "Option::is_none")]
        turn_id: Option<String>,
    },
    Status,
    /// Ends the run for good, where it could be resumed after an interrupt.
    Cancel,
}

/// The answer to one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    pub version: u32,
    pub ok: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// An interrupt had been asked for before: nothing was done now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub already: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
}

/// Which run it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunInfo {
    pub id: String,
    /// `turns`, `oneshot`, `batch`, `workstream`.
    pub kind: String,
    pub mode: String,
    pub pid: u32,
    /// UTC.
    pub started_at: String,
}

/// What a run is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    #[serde(flatten)]
    pub run: RunInfo,
    /// No further turn is begun.
    pub stop_asked: bool,
    pub interrupted: bool,
    pub attempts: Vec<AttemptStatus>,
}

/// One agent at work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptStatus {
    pub id: String,
    pub role: String,
    pub iteration: Option<u64>,
    pub prompt: String,
    pub agent: String,
    /// None until it is spawned.
    pub pid: Option<u32>,
    /// UTC.
    pub started_at: String,
    pub running_ms: u64,
    pub silent_ms: u64,
    /// Silent longer than its idle threshold.
    pub idle: bool,
    pub interrupted: bool,
}

impl Request {
    /// Reads a line; what is wrong with it in words for whoever sent it.
    pub fn read(line: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(line).map_err(|e| {
            format!("not a request: {e}; one JSON object a line with `command`: interrupt, stop or status")
        })
    }
}

impl Reply {
    pub fn done() -> Self {
        Self { version: VERSION, ok: true, error: None, already: false, status: None }
    }

    pub fn already() -> Self {
        Self { already: true, ..Self::done() }
    }

    pub fn status(status: Status) -> Self {
        Self { status: Some(status), ..Self::done() }
    }

    pub fn refused(error: impl Into<String>) -> Self {
        Self { ok: false, error: Some(error.into()), ..Self::done() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Request, String> {
        Request::read(text.as_bytes())
    }

    #[test]
    fn requests_as_anybody_may_write_them() {
        assert_eq!(read(r#" {"command":"status", "more":[1]} "#), Ok(Request::Status));
        assert_eq!(read(r#"{"command":"interrupt"}"#), Ok(Request::Interrupt { attempt: None }));
        let named = Request::Interrupt { attempt: Some("a".into()) };
        assert_eq!(read(r#"{"command":"interrupt","attempt":"a"}"#), Ok(named));
        let stop = Request::Stop { reason: Some("x".into()), turn_id: None };
        assert_eq!(read(&serde_json::to_string(&stop).unwrap()), Ok(stop));
    }

    #[test]
    fn garbage_is_explained() {
        let deep = "[".repeat(100_000);
        for text in ["", "hello", "[]", "{}", r#"{"command":"dance"}"#, r#"{"command":7}"#, "\u{0}", &deep] {
            let error = read(text).unwrap_err();
            assert!(error.contains("interrupt, stop or status") && error.len() < 300, "{error}");
        }
        assert!(Request::read(b"{\"command\":\"status\xff\"}").is_err());
    }
}

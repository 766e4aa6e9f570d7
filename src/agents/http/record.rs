//! The records that the child prints, one JSON object a line: one type for who writes and who reads them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One fact about an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Record {
    Session {
        id: String,
    },
    Message {
        text: String,
    },
    Thinking {
        text: String,
    },
    ToolUse {
        #[serde(default)]
        id: String,
        name: String,
        #[serde(default)]
        input: Value,
    },
    ToolResult {
        #[serde(default)]
        id: String,
        #[serde(default)]
        text: String,
        #[serde(default)]
        is_error: bool,
    },
    /// Totals so far; what is unknown is left out.
    Usage {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        input_tokens: Option<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output_tokens: Option<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cached_tokens: Option<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cost_usd: Option<f64>,
    },
    RateLimit {
        status: String,
        /// The turn could not go on because of it.
        #[serde(default)]
        blocked: bool,
        /// Seconds since the Unix epoch; never invented.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resets_at: Option<i64>,
    },
    Warning {
        text: String,
    },
    /// The server gave a sign of life and nothing else.
    Alive,
    Result {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        #[serde(default)]
        is_error: bool,
    },
}

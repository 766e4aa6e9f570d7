//! What a running child did, one fact at a time, and the trait by which an output protocol is read.

use std::borrow::Cow;

use super::outcome::ErrorKind;

/// One fact with its time. Parsers push `Kind::….into()`; the pipeline fills in the rest.
#[derive(Debug, Clone, PartialEq)]
pub struct Activity {
    /// Milliseconds since the Unix epoch, UTC.
    pub ts_ms: i64,
    /// Milliseconds since the child was spawned, suspend excluded.
    pub offset_ms: u64,
    /// The stream the fact was read from; none for what the supervisor says itself.
    pub stream: Option<Stream>,
    pub kind: Kind,
}

impl From<Kind> for Activity {
    fn from(kind: Kind) -> Self {
        Self { ts_ms: 0, offset_ms: 0, stream: None, kind }
    }
}

impl Activity {
    /// A line passed through unparsed.
    pub fn output(line: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(line.len() + 1);
        bytes.extend_from_slice(line);
        bytes.push(b'\n');
        Kind::Output { bytes }.into()
    }

    /// A complaint.
    pub fn warning(text: impl Into<String>) -> Self {
        Kind::Warning { text: text.into() }.into()
    }
}

/// Where bytes came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    pub fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// The facts.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    Spawn {
        pid: u32,
        argv: Vec<String>,
    },
    /// The prompt was handed over (or as much of it as the child took).
    Stdin {
        bytes: u64,
    },
    /// Text that no protocol explains: whole lines with their line ends (several lines may come at once); a
    /// piece of a line longer than 1 MiB and the unterminated last line come without one. Bytes are as the
    /// child wrote them but for secrets.
    Output {
        bytes: Vec<u8>,
    },
    Message {
        text: String,
    },
    Thinking {
        text: String,
    },
    ToolUse {
        id: String,
        name: String,
        input: serde_json::Value,
    },
    ToolResult {
        id: String,
        text: String,
        is_error: bool,
    },
    /// Totals of this process so far.
    Usage(Usage),
    RateLimit(RateLimit),
    /// The agent's own session id, for resuming.
    Session {
        id: String,
    },
    /// The agent's final record.
    Result {
        text: Option<String>,
        is_error: bool,
    },
    /// Alive and silent; sent every ten seconds of silence.
    Heartbeat {
        silent_ms: u64,
    },
    /// Silent longer than the idle threshold.
    Idle {
        silent_ms: u64,
    },
    /// Heard again after having been idle.
    Active,
    Warning {
        text: String,
    },
    /// The supervisor ends the child.
    Terminate {
        signal: i32,
        reason: String,
    },
    /// The last fact of every run, also of one that never started.
    Exit {
        code: Option<i32>,
        signal: Option<i32>,
        /// The terminal state's word.
        state: &'static str,
        error_kind: ErrorKind,
        error: Option<String>,
    },
    /// A descendant outlived the child and was ended.
    Leak(Leak),
}

impl Kind {
    /// The kind's word in the activity log.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Spawn { .. } => "spawn",
            Self::Stdin { .. } => "stdin",
            Self::Output { .. } | Self::Session { .. } => "output",
            Self::Message { .. } => "message",
            Self::Thinking { .. } => "thinking",
            Self::ToolUse { .. } => "tool_use",
            Self::ToolResult { .. } => "tool_result",
            Self::Usage(_) => "usage",
            Self::RateLimit(_) => "rate_limit",
            Self::Result { .. } => "result",
            Self::Heartbeat { .. } => "heartbeat",
            Self::Idle { .. } => "idle",
            Self::Active => "active",
            Self::Warning { .. } => "warning",
            Self::Terminate { .. } => "terminate",
            Self::Exit { .. } => "exit",
            Self::Leak(_) => "leak",
        }
    }

    /// The text of an `Output`, for display.
    pub fn output_text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Output { bytes } => Some(String::from_utf8_lossy(bytes)),
            _ => None,
        }
    }
}

/// Tokens and money, as far as the agent says; unknown is unknown, never zero.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Usage {
    pub input_tokens: Option<u64>,
    pub output_tokens: Option<u64>,
    pub cached_tokens: Option<u64>,
    pub cost_usd: Option<f64>,
}

impl Usage {
    /// Later totals replace earlier ones, field by field.
    #[must_use]
    pub fn updated(self, later: Self) -> Self {
        Self {
            input_tokens: later.input_tokens.or(self.input_tokens),
            output_tokens: later.output_tokens.or(self.output_tokens),
            cached_tokens: later.cached_tokens.or(self.cached_tokens),
            cost_usd: later.cost_usd.or(self.cost_usd),
        }
    }
}

/// A structured rate-limit record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimit {
    /// The agent's word, e.g. `allowed` or `rejected`.
    pub status: String,
    /// The turn could not go on because of it.
    pub blocked: bool,
    /// Seconds since the Unix epoch; never invented.
    pub resets_at: Option<i64>,
}

/// A process that outlived the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    pub pid: i32,
    pub argv: Vec<String>,
    /// It held the agent's output open.
    pub held_output: bool,
    /// It could not be ended.
    pub alive: bool,
}

/// An agent's output protocol. It never fails a turn: a broken record becomes a warning.
pub trait OutputParser {
    /// One line (or one pretty-printed JSON object) without its line end. Pieces of over-long lines do not come
    /// here; they pass through as output.
    fn line(&mut self, stream: Stream, line: &[u8], out: &mut Vec<Activity>);
    /// The streams have ended.
    fn finish(&mut self, out: &mut Vec<Activity>);
}

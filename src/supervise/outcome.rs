//! What became of one process (supervision.md P11).

use std::ffi::OsString;
use std::time::Duration;

use jiff::Timestamp;

use crate::event::AttemptResult;

use super::activity::{Leak, RateLimit, Usage};
use super::lifecycle::Lifecycle;

/// The honest record of one run; never a panic or an error for what a child did.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Secrets masked.
    pub argv: Vec<OsString>,
    pub exit: Exit,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    pub duration: Duration,
    /// Bytes as the child wrote them, before redaction.
    pub stdout_bytes: u64,
    pub stderr_bytes: u64,
    pub error_kind: ErrorKind,
    /// The agent's error text, or what limit was reached, or what the system said.
    pub error: Option<String>,
    /// The last five lines that are not empty, secrets masked.
    pub last_lines: Vec<String>,
    pub final_message: Option<String>,
    pub session_id: Option<String>,
    pub usage: Option<Usage>,
    pub rate_limit: Option<RateLimit>,
    pub leaked: Vec<Leak>,
    /// A log lacks something: the disk was full, or a file could not be written.
    pub logs_incomplete: bool,
    /// The terminal state.
    pub state: Lifecycle,
}

impl Outcome {
    /// For what was refused before a process could be started; its state and reason are the caller's to give.
    pub fn without_process(now: Timestamp) -> Self {
        Self {
            argv: Vec::new(),
            exit: Exit::None,
            started_at: now,
            ended_at: now,
            duration: Duration::ZERO,
            stdout_bytes: 0,
            stderr_bytes: 0,
            error_kind: ErrorKind::InvalidRequest,
            error: None,
            last_lines: Vec::new(),
            final_message: None,
            session_id: None,
            usage: None,
            rate_limit: None,
            leaked: Vec::new(),
            logs_incomplete: false,
            state: Lifecycle::Created,
        }
    }

    /// What the records say of it; of the commits nothing is known here.
    pub fn account(&self) -> AttemptResult {
        let usage = self.usage.unwrap_or_default();
        AttemptResult {
            exit_code: self.exit.code(),
            signal: self.exit.signal(),
            error_kind: Some(self.error_kind.name().to_owned()),
            error: self.error.clone(),
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            cost_usd: usage.cost_usd,
            session_id: self.session_id.clone(),
            commits: None,
        }
    }

    /// Whether the turn may go on.
    pub fn succeeded(&self) -> bool {
        self.state == Lifecycle::Completed
    }
}

/// How the process itself ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Code(i32),
    Signal(i32),
    /// There was no process, or it could not be reaped.
    None,
}

impl Exit {
    pub fn code(self) -> Option<i32> {
        if let Self::Code(code) = self { Some(code) } else { None }
    }

    pub fn signal(self) -> Option<i32> {
        if let Self::Signal(signal) = self { Some(signal) } else { None }
    }
}

/// The kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    None,
    Exit,
    Signal,
    Inactivity,
    Timeout,
    NotFound,
    Os,
    Interrupted,
    InvalidRequest,
    AgentError,
}

impl ErrorKind {
    /// The word in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Exit => "exit",
            Self::Signal => "signal",
            Self::Inactivity => "inactivity",
            Self::Timeout => "timeout",
            Self::NotFound => "not_found",
            Self::Os => "os",
            Self::Interrupted => "interrupted",
            Self::InvalidRequest => "invalid_request",
            Self::AgentError => "agent_error",
        }
    }
}

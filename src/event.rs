//! Every fact that can happen: one closed enum and its envelope.
//!
//! Engines emit events; console, hooks and records consume them. An event says what happened,
//! never what to do, so a consumer that fails or is slow cannot change a run.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

/// The version of the serialised form.
pub const VERSION: u32 = 1;

/// An event with its place in time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Envelope {
    pub version: u32,
    /// Milliseconds since the epoch, UTC.
    pub at_ms: i64,
    #[serde(flatten)]
    pub event: Event,
}

impl Envelope {
    pub fn new(now: Timestamp, event: Event) -> Self {
        Self { version: VERSION, at_ms: now.as_millisecond(), event }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
pub enum Event {
    RunStarted {
        mode: String,
        branch: Option<String>,
        /// Role and agent, in the order of the workflow.
        agents: Vec<(String, String)>,
        limits: String,
        state: String,
    },
    RunEnded {
        turns: u64,
        duration: Duration,
        cost_usd: Option<f64>,
        why: String,
        /// The command a person would run next.
        next: String,
    },
    StateClaimed {
        iteration: u64,
        role: String,
        turn_id: String,
        epoch: u64,
        reclaimed: bool,
    },
    PromptRouted {
        iteration: u64,
        role: String,
        prompt: String,
        source: String,
        reason: String,
        answer: Option<String>,
    },
    AttemptStarted {
        iteration: u64,
        role: String,
        prompt: String,
        agent: String,
        log: String,
    },
    /// A piece of the agent's output, ready to be shown.
    AttemptOutput {
        role: String,
        text: String,
    },
    AttemptWarning {
        role: String,
        text: String,
    },
    AttemptEnded {
        role: String,
        /// The turn in one line.
        line: String,
        ok: bool,
    },
    /// The agent's own record that it has reached a limit of its service.
    RateLimited {
        role: String,
        status: String,
        blocked: bool,
        /// Seconds since the epoch.
        resets_at: Option<i64>,
    },
    /// Another agent takes the attempt over.
    AgentFallback {
        role: String,
        from: String,
        to: String,
        reason: String,
    },
    BudgetReached {
        /// `turns`, `wall_secs`, `tokens`, `cost_usd` or `no_progress_turns`.
        budget: String,
        limit: f64,
        used: f64,
    },
    CheckPassed {
        role: String,
        command: String,
    },
    CheckFailed {
        role: String,
        command: String,
        status: String,
    },
    Autocommit {
        role: String,
        group: String,
        commit: Option<String>,
        paths: Vec<String>,
    },
    StateStamped {
        iteration: u64,
        role: String,
        status: String,
        next: String,
    },
    StopRequested {
        by: String,
        reason: Option<String>,
    },
    Rescue {
        reference: String,
        why: String,
    },
    Waiting {
        role: String,
        why: String,
    },
    Signal {
        name: String,
    },
    /// Something a person should know; the run goes on.
    Notice {
        text: String,
    },
    Warning {
        text: String,
    },
}

/// Whoever wants to hear of events.
pub trait Sink {
    fn emit(&mut self, event: Event);
}

impl<F: FnMut(Event)> Sink for F {
    fn emit(&mut self, event: Event) {
        self(event);
    }
}

//! Every fact that can happen: one closed enum and its envelope.
//!
//! Engines emit events; console, hooks and records consume them. An event says what happened,
//! never what to do, so a consumer that fails or is slow cannot change a run.
//!
//! Kinds are added, never changed: a ledger written by a newer program is read by an older one, which keeps a
//! kind it does not know as it is.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The version of the serialised form.
pub const VERSION: u32 = 1;

/// The run and the attempt that an event belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Place {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt_id: Option<String>,
}

impl Place {
    pub fn run(run_id: impl Into<String>) -> Self {
        Self { run_id: Some(run_id.into()), attempt_id: None }
    }

    #[must_use]
    pub fn attempt(&self, attempt_id: impl Into<String>) -> Self {
        Self { run_id: self.run_id.clone(), attempt_id: Some(attempt_id.into()) }
    }
}

/// An event with its place in time and among runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Envelope {
    pub version: u32,
    /// Milliseconds since the epoch, UTC.
    pub at_ms: i64,
    #[serde(flatten)]
    pub place: Place,
    #[serde(flatten)]
    pub event: Event,
}

impl Envelope {
    pub fn new(now: Timestamp, event: Event) -> Self {
        Self::at(now, Place::default(), event)
    }

    pub fn at(now: Timestamp, place: Place, event: Event) -> Self {
        Self { version: VERSION, at_ms: now.as_millisecond(), place, event }
    }
}

/// How a run or an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    Succeeded,
    Failed,
    /// Ended from outside, by a person or the system.
    Canceled,
}

/// How the process of an attempt ended and what it used. Unknown is unknown, never 0.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AttemptResult {
    pub exit_code: Option<i32>,
    pub signal: Option<i32>,
    /// `none`, `exit`, `signal`, `inactivity`, `timeout`, `interrupted`, …
    pub error_kind: Option<String>,
    pub error: Option<String>,
    pub input_tokens: Option<u64>,
    pub output_tokens: Option<u64>,
    pub cost_usd: Option<f64>,
    pub session_id: Option<String>,
    /// `from..to`: the commits of the attempt.
    pub commits: Option<String>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::VariantNames)]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Event {
    RunCreated {
        /// `turns`, `oneshot`, `batch` or `workstream`.
        run_kind: String,
        parent_run_id: Option<String>,
    },
    RunStarted {
        mode: String,
        branch: Option<String>,
        /// Role and agent, in the order of the workflow.
        agents: Vec<(String, String)>,
        limits: String,
        state: String,
    },
    RunEnded {
        outcome: Ended,
        turns: u64,
        #[serde(rename = "duration_ms", with = "millis")]
        duration: Duration,
        cost_usd: Option<f64>,
        why: String,
        /// The command a person would run next.
        next: String,
    },
    /// A signal or a person ended the run early; `run_ended` follows.
    RunInterrupted {
        reason: String,
    },
    RunQuarantined {
        reason: String,
        evidence: Vec<String>,
    },
    /// A quarantined run was given a successor.
    RunReleased {
        reason: String,
        new_run_id: String,
    },
    StepReady {
        step: String,
    },
    StepSkipped {
        step: String,
        reason: String,
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
        /// What it is an attempt at, unique within the run: a turn is `iteration/role`.
        step: String,
        turn_id: Option<String>,
    },
    /// A piece of the agent's output, ready to be shown.
    AttemptOutput {
        role: String,
        text: String,
    },
    /// Still alive and still silent; every ten seconds, for whoever watches.
    AttemptQuiet {
        role: String,
        silent_ms: u64,
        running_ms: u64,
    },
    AttemptWarning {
        role: String,
        text: String,
    },
    /// Silent for so long.
    AttemptIdle {
        role: String,
        silent_ms: u64,
    },
    /// Heard again after it was idle.
    AttemptActive {
        role: String,
    },
    AttemptEnded {
        role: String,
        /// The turn in one line.
        line: String,
        outcome: Ended,
        result: AttemptResult,
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
    RetryScheduled {
        step: String,
        /// The number of the attempt to come.
        attempt: u32,
        delay_ms: u64,
        reason: String,
    },
    BudgetReached {
        /// `turns`, `wall_secs`, `tokens`, `cost_usd` or `no_progress_turns`.
        budget: String,
        limit: f64,
        used: f64,
    },
    ToolRouted {
        step: String,
        rule: Option<String>,
        strategy: String,
        /// Each candidate, and why it was dropped.
        candidates: Vec<(String, Option<String>)>,
        choice: Option<String>,
    },
    OneshotState {
        from: String,
        to: String,
        iteration: u32,
        reason: Option<String>,
    },
    Verdict {
        iteration: u32,
        verdict: String,
        text: Option<String>,
    },
    GatePassed {
        step: String,
        gate: String,
    },
    GateFailed {
        step: String,
        gate: String,
        status: String,
    },
    BreakerOpened {
        tool: String,
        failures: u32,
    },
    BreakerHalfOpen {
        tool: String,
    },
    BreakerClosed {
        tool: String,
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
    /// The state was pushed.
    StatePublished {
        iteration: u64,
        role: String,
        epoch: u64,
        commit: String,
    },
    /// The remote did not take the state.
    StateRejected {
        iteration: u64,
        role: String,
        epoch: u64,
        reason: String,
    },
    LeaseRenewed {
        role: String,
        epoch: u64,
    },
    LeaseLost {
        role: String,
        epoch: u64,
        reason: String,
    },
    /// This machine's turn belongs to another one now.
    Fenced {
        role: String,
        epoch: u64,
        reason: String,
    },
    /// This machine took over a dead one's turn.
    Takeover {
        role: String,
        epoch: u64,
        /// The holder before.
        from: String,
        reason: String,
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
    HookFailed {
        hook: String,
        error: String,
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

/// Durations as whole milliseconds.
mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(time: &Duration, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_u64(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
        u64::deserialize(d).map(Duration::from_millis)
    }
}

/// Kind and data apart, as a table keeps them.
#[derive(Debug, Clone, Deserialize)]
pub struct Parts {
    pub kind: String,
    pub data: Box<serde_json::value::RawValue>,
}

impl Event {
    /// Takes the serialised form apart.
    ///
    /// # Errors
    /// A number that JSON does not have (a cost that is not finite).
    pub fn parts(&self) -> serde_json::Result<Parts> {
        serde_json::from_str(&serde_json::to_string(self)?)
    }

    /// The event of a kind and its data; `None` for what a newer program wrote.
    pub fn of_parts(kind: &str, data: &serde_json::value::RawValue) -> Option<Self> {
        let kind = serde_json::Value::from(kind);
        serde_json::from_str(&format!("{{\"kind\":{kind},\"data\":{data}}}")).ok()
    }
}

/// Whoever wants to hear of events.
pub trait Sink {
    fn emit(&mut self, event: Event);

    /// The same, with the run and the attempt it belongs to; for who does not care it is the same.
    fn emit_at(&mut self, place: &Place, event: Event) {
        let _ = place;
        self.emit(event);
    }

    /// Told of an event that is about to be emitted, so that whoever writes it down durably can begin while its
    /// cause is still being made durable elsewhere.
    fn ahead(&mut self, place: &Place, event: &Event) {
        let _ = (place, event);
    }

    /// Returns when the death of the program cannot undo what was told ahead any more, or when that takes too long.
    fn settle(&mut self) {}
}

impl<F: FnMut(Event)> Sink for F {
    fn emit(&mut self, event: Event) {
        self(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_put_together_again() {
        let event = Event::HookFailed { hook: "turn_end".into(), error: "exit \"1\"".into() };
        let parts = event.parts().unwrap();
        assert_eq!(parts.kind, "hook_failed");
        assert_eq!(parts.data.get(), r#"{"hook":"turn_end","error":"exit \"1\""}"#);
        assert_eq!(Event::of_parts(&parts.kind, &parts.data), Some(event));
        assert_eq!(Event::of_parts("from_the_future", &parts.data), None);
    }

    #[test]
    fn an_envelope_names_its_place() {
        let place = Place::run("r").attempt("a");
        let text = serde_json::to_string(&Envelope::at(
            Timestamp::UNIX_EPOCH,
            place,
            Event::Signal { name: "SIGINT".into() },
        ));
        let expected = r#"{"version":1,"at_ms":0,"run_id":"r","attempt_id":"a","kind":"signal","data":{"name":"SIGINT"}}"#;
        assert_eq!(text.unwrap(), expected);
    }
}

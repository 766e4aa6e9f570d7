//! The states of a session and the ways between them (oneshot.md O1, O9): pure.
//!
//! | from | event → to |
//! | --- | --- |
//! | created | start → worker-executing · interrupt → interrupted |
//! | worker-executing | success → audit-pending · crash, inactivity → recovery-pending · interrupt → interrupted |
//! | audit-pending | next → auditor-executing · interrupt → interrupted |
//! | auditor-executing | done → completed · retry → reiteration-pending · impossible → rejected · crash, inactivity → failed · interrupt → interrupted |
//! | reiteration-pending | next → worker-executing · max-iterations → failed · interrupt → interrupted |
//! | recovery-pending | zombie-success → audit-pending · zombie-partial → reiteration-pending · zombie-dead → failed · interrupt → interrupted |
//! | interrupted | resume → see [`State::apply`] |
//! | failed by budget | raise → reiteration-pending |
//!
//! Anything else is an error value.

use serde::{Deserialize, Serialize};

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case")]
pub enum State {
    Created,
    WorkerExecuting,
    AuditPending,
    AuditorExecuting,
    ReiterationPending,
    RecoveryPending,
    Completed,
    Rejected,
    Failed { why: Why },
    Interrupted { from: Paused },
}

/// Why a session failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// The worker ended early and left nothing.
    WorkerDead,
    AuditorCrash,
    AuditorSilent,
    /// All worker runs are used.
    MaxIterations,
}

/// What was interrupted: any state that is not an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Paused {
    Created,
    WorkerExecuting,
    AuditPending,
    AuditorExecuting,
    ReiterationPending,
    RecoveryPending,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    Start,
    Next,
    Success,
    Crash,
    Inactivity,
    Done,
    Retry,
    Impossible,
    MaxIterations,
    ZombieSuccess,
    ZombiePartial,
    ZombieDead,
    Interrupt,
    Resume,
    /// More worker runs are allowed than before.
    Raise,
}

/// What a state asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Start,
    /// A process works.
    Hot,
    /// Between two actions.
    Checkpoint,
    Paused,
    Terminal,
}

/// A way that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no event `{}` in the state `{}`", .event.name(), .from.name())]
pub struct Illegal {
    pub from: State,
    pub event: Event,
}

impl State {
    /// Where the event leads. An interrupted worker may have done its work, so it is recovered; an
    /// interrupted audit is simply done again (O9).
    pub fn apply(self, event: Event) -> Result<Self, Illegal> {
        use Event as E;
        Ok(match (self, event) {
            (Self::Created, E::Start) | (Self::ReiterationPending, E::Next) => Self::WorkerExecuting,
            (Self::WorkerExecuting, E::Success) | (Self::RecoveryPending, E::ZombieSuccess) => {
                Self::AuditPending
            }
            (Self::WorkerExecuting, E::Crash | E::Inactivity) => Self::RecoveryPending,
            (Self::AuditPending, E::Next) => Self::AuditorExecuting,
            (Self::AuditorExecuting, E::Done) => Self::Completed,
            (Self::AuditorExecuting, E::Retry) | (Self::RecoveryPending, E::ZombiePartial) => {
                Self::ReiterationPending
            }
            (Self::AuditorExecuting, E::Impossible) => Self::Rejected,
            (Self::AuditorExecuting, E::Crash) => Self::Failed { why: Why::AuditorCrash },
            (Self::AuditorExecuting, E::Inactivity) => Self::Failed { why: Why::AuditorSilent },
            (Self::ReiterationPending, E::MaxIterations) => Self::Failed { why: Why::MaxIterations },
            (Self::RecoveryPending, E::ZombieDead) => Self::Failed { why: Why::WorkerDead },
            (Self::Interrupted { from }, E::Resume) => match from {
                Paused::Created => Self::Created,
                Paused::WorkerExecuting | Paused::RecoveryPending => Self::RecoveryPending,
                Paused::AuditPending | Paused::AuditorExecuting => Self::AuditPending,
                Paused::ReiterationPending => Self::ReiterationPending,
            },
            (Self::Failed { why: Why::MaxIterations }, E::Raise) => Self::ReiterationPending,
            (from, E::Interrupt) => match from.pausable() {
                Some(from) => Self::Interrupted { from },
                None => return Err(Illegal { from, event }),
            },
            (from, event) => return Err(Illegal { from, event }),
        })
    }

    fn pausable(self) -> Option<Paused> {
        Some(match self {
            Self::Created => Paused::Created,
            Self::WorkerExecuting => Paused::WorkerExecuting,
            Self::AuditPending => Paused::AuditPending,
            Self::AuditorExecuting => Paused::AuditorExecuting,
            Self::ReiterationPending => Paused::ReiterationPending,
            Self::RecoveryPending => Paused::RecoveryPending,
            Self::Completed | Self::Rejected | Self::Failed { .. } | Self::Interrupted { .. } => return None,
        })
    }

    pub fn kind(self) -> Kind {
        match self {
            Self::Created => Kind::Start,
            Self::WorkerExecuting | Self::AuditorExecuting => Kind::Hot,
            Self::AuditPending | Self::ReiterationPending | Self::RecoveryPending => Kind::Checkpoint,
            Self::Completed | Self::Rejected | Self::Failed { .. } => Kind::Terminal,
            Self::Interrupted { .. } => Kind::Paused,
        }
    }

    /// The state's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::WorkerExecuting => "worker-executing",
            Self::AuditPending => "audit-pending",
            Self::AuditorExecuting => "auditor-executing",
            Self::ReiterationPending => "reiteration-pending",
            Self::RecoveryPending => "recovery-pending",
            Self::Completed => "completed",
            Self::Rejected => "rejected",
            Self::Failed { .. } => "failed",
            Self::Interrupted { .. } => "interrupted",
        }
    }
}

impl Why {
    /// For the last line and for programs.
    pub fn reason(self) -> &'static str {
        match self {
            Self::WorkerDead => "worker_dead",
            Self::AuditorCrash => "auditor_crash",
            Self::AuditorSilent => "auditor_silent",
            Self::MaxIterations => "max_iterations",
        }
    }
}

impl Event {
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Next => "next",
            Self::Success => "success",
            Self::Crash => "crash",
            Self::Inactivity => "inactivity",
            Self::Done => "done",
            Self::Retry => "retry",
            Self::Impossible => "impossible",
            Self::MaxIterations => "max-iterations",
            Self::ZombieSuccess => "zombie-success",
            Self::ZombiePartial => "zombie-partial",
            Self::ZombieDead => "zombie-dead",
            Self::Interrupt => "interrupt",
            Self::Resume => "resume",
            Self::Raise => "raise",
        }
    }
}

/// The next thing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The first run, or one with feedback.
    Work {
        again: bool,
    },
    Audit,
    Recover,
    /// The budget is used.
    GiveUp,
    /// Nothing: the session has ended or is paused, or a process of it works.
    Nothing,
}

/// What a state asks for, after `iteration` worker runs of at most `max` (O2).
pub fn action(state: State, iteration: u64, max: u64) -> Action {
    match state {
        State::Created => Action::Work { again: false },
        State::AuditPending => Action::Audit,
        State::ReiterationPending if iteration >= max => Action::GiveUp,
        State::ReiterationPending => Action::Work { again: true },
        State::RecoveryPending => Action::Recover,
        State::WorkerExecuting
        | State::AuditorExecuting
        | State::Completed
        | State::Rejected
        | State::Failed { .. }
        | State::Interrupted { .. } => Action::Nothing,
    }
}

/// Why a session is not resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the task is done already")]
    Completed,
    #[error("the auditor found the task impossible")]
    Rejected,
    #[error("all {max} worker runs are used")]
    Budget { max: u64 },
    #[error("it failed: {}", .0.reason())]
    Failed(Why),
}

impl Refusal {
    /// For programs.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Rejected => "rejected",
            Self::Budget { .. } => "max_iterations",
            Self::Failed(why) => why.reason(),
        }
    }
}

/// The events that bring a session whose owner is gone to where it goes on (O9).
pub fn resumption(state: State, iteration: u64, max: u64) -> Result<Vec<Event>, Refusal> {
    match state {
        State::Completed => Err(Refusal::Completed),
        State::Rejected => Err(Refusal::Rejected),
        State::Failed { why: Why::MaxIterations } if iteration < max => Ok(vec![Event::Raise]),
        State::Failed { why: Why::MaxIterations } => Err(Refusal::Budget { max }),
        State::Failed { why } => Err(Refusal::Failed(why)),
        State::Interrupted { .. } => Ok(vec![Event::Resume]),
        // The owner died in the middle: that is an interruption nobody could write down.
        State::WorkerExecuting | State::AuditorExecuting => Ok(vec![Event::Interrupt, Event::Resume]),
        State::Created | State::AuditPending | State::ReiterationPending | State::RecoveryPending => {
            Ok(Vec::new())
        }
    }
}

#[cfg(test)]
mod tests_edges;

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [State; 18] = [
        State::Created,
        State::WorkerExecuting,
        State::AuditPending,
        State::AuditorExecuting,
        State::ReiterationPending,
        State::RecoveryPending,
        State::Completed,
        State::Rejected,
        State::Failed { why: Why::WorkerDead },
        State::Failed { why: Why::AuditorCrash },
        State::Failed { why: Why::AuditorSilent },
        State::Failed { why: Why::MaxIterations },
        State::Interrupted { from: Paused::Created },
        State::Interrupted { from: Paused::WorkerExecuting },
        State::Interrupted { from: Paused::AuditPending },
        State::Interrupted { from: Paused::AuditorExecuting },
        State::Interrupted { from: Paused::ReiterationPending },
        State::Interrupted { from: Paused::RecoveryPending },
    ];
    const EVENTS: [Event; 15] = [
        Event::Start,
        Event::Next,
        Event::Success,
        Event::Crash,
        Event::Inactivity,
        Event::Done,
        Event::Retry,
        Event::Impossible,
        Event::MaxIterations,
        Event::ZombieSuccess,
        Event::ZombiePartial,
        Event::ZombieDead,
        Event::Interrupt,
        Event::Resume,
        Event::Raise,
    ];

    fn words(state: State) -> String {
        match state {
            State::Failed { why } => format!("failed({})", why.reason()),
            State::Interrupted { from } => format!("interrupted({from:?})"),
            other => other.name().into(),
        }
    }

    /// O1, O9: every pair of state and event; what is not listed is an error value.
    #[test]
    fn the_whole_table() {
        let legal = "\
created start worker-executing
created interrupt interrupted(Created)
worker-executing success audit-pending
worker-executing crash recovery-pending
worker-executing inactivity recovery-pending
worker-executing interrupt interrupted(WorkerExecuting)
audit-pending next auditor-executing
audit-pending interrupt interrupted(AuditPending)
auditor-executing crash failed(auditor_crash)
auditor-executing inactivity failed(auditor_silent)
auditor-executing done completed
auditor-executing retry reiteration-pending
auditor-executing impossible rejected
auditor-executing interrupt interrupted(AuditorExecuting)
reiteration-pending next worker-executing
reiteration-pending max-iterations failed(max_iterations)
reiteration-pending interrupt interrupted(ReiterationPending)
recovery-pending zombie-success audit-pending
recovery-pending zombie-partial reiteration-pending
recovery-pending zombie-dead failed(worker_dead)
recovery-pending interrupt interrupted(RecoveryPending)
failed(max_iterations) raise reiteration-pending
interrupted(Created) resume created
interrupted(WorkerExecuting) resume recovery-pending
interrupted(AuditPending) resume audit-pending
interrupted(AuditorExecuting) resume audit-pending
interrupted(ReiterationPending) resume reiteration-pending
interrupted(RecoveryPending) resume recovery-pending";
        let mut found = Vec::new();
        for from in STATES {
            for event in EVENTS {
                match from.apply(event) {
                    Ok(to) => found.push(format!("{} {} {}", words(from), event.name(), words(to))),
                    Err(e) => assert_eq!(e, Illegal { from, event }),
                }
            }
        }
        assert_eq!(found.join("\n"), legal);
    }

    /// O9: whatever is resumed stands where a next action is known, and ends are refused.
    #[test]
    fn resuming_leads_to_an_action_or_a_refusal() {
        let mut found = Vec::new();
        for state in STATES {
            let shown = match resumption(state, 2, 5) {
                Err(e) => e.to_string(),
                Ok(events) => {
                    let at = events.into_iter().try_fold(state, State::apply).unwrap();
                    format!("{:?}", action(at, 2, 5))
                }
            };
            found.push(format!("{}: {shown}", words(state)));
        }
        assert_eq!(
            found.join("\n"),
            "\
created: Work { again: false }
worker-executing: Recover
audit-pending: Audit
auditor-executing: Audit
reiteration-pending: Work { again: true }
recovery-pending: Recover
completed: the task is done already
rejected: the auditor found the task impossible
failed(worker_dead): it failed: worker_dead
failed(auditor_crash): it failed: auditor_crash
failed(auditor_silent): it failed: auditor_silent
failed(max_iterations): Work { again: true }
interrupted(Created): Work { again: false }
interrupted(WorkerExecuting): Recover
interrupted(AuditPending): Audit
interrupted(AuditorExecuting): Audit
interrupted(ReiterationPending): Work { again: true }
interrupted(RecoveryPending): Recover"
        );
    }

    /// O2: the budget is looked at before a worker is started, and only then.
    #[test]
    fn the_budget_stops_the_next_worker() {
        assert_eq!(action(State::ReiterationPending, 3, 3), Action::GiveUp);
        assert_eq!(action(State::AuditPending, 3, 3), Action::Audit);
        assert_eq!(action(State::RecoveryPending, 3, 3), Action::Recover);
        let used = State::Failed { why: Why::MaxIterations };
        assert_eq!(resumption(used, 3, 3), Err(Refusal::Budget { max: 3 }));
    }

    /// The form in `session.json` reads back.
    #[test]
    fn states_survive_the_file() {
        for state in STATES {
            let text = serde_json::to_string(&state).unwrap();
            assert_eq!(serde_json::from_str::<State>(&text).unwrap(), state, "{text}");
        }
    }

    /// O1: what runs, what rests and what is over; nothing is over that can still be raised but by its budget.
    #[test]
    fn each_state_is_of_one_kind() {
        let kinds: Vec<(String, Kind)> = STATES.iter().map(|s| (words(*s), s.kind())).collect();
        for (name, kind) in &kinds {
            let expected = match name.as_str() {
                "created" => Kind::Start,
                "worker-executing" | "auditor-executing" => Kind::Hot,
                "audit-pending" | "reiteration-pending" | "recovery-pending" => Kind::Checkpoint,
                "completed" | "rejected" => Kind::Terminal,
                name if name.starts_with("failed(") => Kind::Terminal,
                _ => Kind::Paused,
            };
            assert_eq!(*kind, expected, "{name}");
        }
        for state in STATES.into_iter().filter(|s| s.kind() == Kind::Terminal) {
            assert_eq!(action(state, 1, 5), Action::Nothing);
        }
    }

    /// O9: why a session is not resumed, for people and for programs.
    #[test]
    fn refusals_have_words_and_reasons() {
        let cases = [
            (Refusal::Completed, "the task is done already", "completed"),
            (Refusal::Rejected, "the auditor found the task impossible", "rejected"),
            (Refusal::Budget { max: 3 }, "all 3 worker runs are used", "max_iterations"),
            (Refusal::Failed(Why::AuditorSilent), "it failed: auditor_silent", "auditor_silent"),
        ];
        for (refusal, words, reason) in cases {
            assert_eq!((refusal.to_string().as_str(), refusal.reason()), (words, reason));
        }
        let illegal = State::Created.apply(Event::Done).unwrap_err();
        assert_eq!(illegal.to_string(), "no event `done` in the state `created`");
    }
}

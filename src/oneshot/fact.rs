//! What happens in a session, for whoever wants to know: console, records, tests.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::End;
use super::machine::{Event, State};
use super::session::Session;
use super::verdict::Verdict;
use crate::event;
use crate::supervise::{Activity, Outcome};

/// Who sits at the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Worker,
    Auditor,
}

impl Role {
    pub fn name(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::Auditor => "auditor",
        }
    }
}

/// One fact, told when it has become true. A transition is on the disk when it is told.
#[derive(Debug)]
pub enum Fact<'a> {
    /// The session is ours; its folder holds everything that follows.
    Began {
        session: &'a Session,
        folder: &'a Path,
        resumed: bool,
    },
    Moved {
        session: &'a Session,
        from: State,
        event: Event,
        to: State,
    },
    AttemptStarted {
        session: &'a Session,
        attempt: &'a str,
        role: Role,
        agent: &'a str,
        log: &'a Path,
    },
    Activity {
        role: Role,
        /// The agent's output is prose, no records.
        plain: bool,
        activity: &'a Activity,
    },
    AttemptEnded {
        session: &'a Session,
        attempt: &'a str,
        role: Role,
        outcome: &'a Outcome,
    },
    Verdict {
        session: &'a Session,
        verdict: Verdict,
        feedback: &'a str,
        /// The auditor was asked twice and gave no verdict; it counts as RETRY.
        unclear: bool,
    },
    /// A command that we ran ourselves; `failed` says how.
    Check {
        command: &'a str,
        failed: Option<&'a str>,
    },
    Warning {
        text: &'a str,
    },
    Ended {
        session: &'a Session,
        end: &'a End,
    },
}

impl Fact<'_> {
    /// The event that a transition, a verdict, a check or a warning is; what else happens is told by whoever knows
    /// the run that it belongs to.
    pub fn event(&self) -> Option<event::Event> {
        let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        match self {
            Self::Moved { session, from, event, to } => Some(event::Event::OneshotState {
                from: from.name().into(),
                to: to.name().into(),
                iteration: number(session.iteration),
                reason: Some(event.name().into()),
            }),
            Self::Verdict { session, verdict, feedback, .. } => Some(event::Event::Verdict {
                iteration: number(session.iteration),
                verdict: verdict.word().into(),
                text: Some((*feedback).to_owned()).filter(|text| !text.is_empty()),
            }),
            Self::Check { command, failed } => {
                let (role, command) = (Role::Auditor.name().to_owned(), (*command).to_owned());
                Some(match failed {
                    None => event::Event::CheckPassed { role, command },
                    Some(status) => event::Event::CheckFailed { role, command, status: (*status).to_owned() },
                })
            }
            Self::Warning { text } => Some(event::Event::Warning { text: (*text).to_owned() }),
            Self::Began { .. }
            | Self::AttemptStarted { .. }
            | Self::Activity { .. }
            | Self::AttemptEnded { .. }
            | Self::Ended { .. } => None,
        }
    }
}

/// Whoever is told. It cannot change a run.
pub trait Observer {
    fn hear(&mut self, fact: &Fact<'_>);
}

impl<F: FnMut(&Fact<'_>)> Observer for F {
    fn hear(&mut self, fact: &Fact<'_>) {
        self(fact);
    }
}

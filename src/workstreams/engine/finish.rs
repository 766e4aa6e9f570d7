//! After the last step: what the run comes to.

use std::time::Duration;

use super::book::Book;
use crate::event::{Ended, Event};
use crate::ledger::{Change, RunMove, RunState};
use crate::supervise::StopReason;
use crate::workstreams::progress::Counts;
use crate::workstreams::quarantine::Reason;

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    Succeeded,
    Failed(String),
    /// Set aside; it goes on only by being released.
    Quarantined(Reason),
    /// It can be resumed.
    Interrupted(StopReason),
    /// For good.
    Canceled(StopReason),
    Budget {
        name: &'static str,
        limit: f64,
        used: f64,
    },
}

/// What a run came to.
#[derive(Debug, Clone)]
pub struct Report {
    pub run_id: String,
    pub outcome: Outcome,
    pub counts: Counts,
    pub attempts: u64,
    pub took: Duration,
    /// None: of some attempt it is unknown.
    pub cost_usd: Option<f64>,
}

impl Outcome {
    fn parts(&self) -> (RunState, Ended, Option<String>) {
        match self {
            Self::Succeeded => (RunState::Succeeded, Ended::Succeeded, None),
            Self::Failed(why) => (RunState::Failed, Ended::Failed, Some(why.clone())),
            Self::Quarantined(reason) => (RunState::Quarantined, Ended::Failed, Some(reason.reason.clone())),
            Self::Interrupted(_) => (RunState::Failed, Ended::Failed, Some("interrupted".into())),
            Self::Canceled(reason) => (RunState::Canceled, Ended::Canceled, Some(reason.text.clone())),
            Self::Budget { name, .. } => {
                (RunState::Failed, Ended::Failed, Some(format!("the budget is used up: {name}")))
            }
        }
    }
}

impl Report {
    /// What a person would run next.
    pub fn next(&self) -> String {
        match &self.outcome {
            Outcome::Succeeded | Outcome::Canceled(_) => format!("orchestrator report {}", self.run_id),
            Outcome::Quarantined(_) => {
                format!("orchestrator workstream release {} --reason TEXT", self.run_id)
            }
            Outcome::Failed(_) | Outcome::Interrupted(_) | Outcome::Budget { .. } => {
                format!("orchestrator workstream resume {}", self.run_id)
            }
        }
    }

    /// Records the end of the run, durably.
    pub(super) fn record(&self, book: &Book<'_>, exit_code: Option<i32>) -> bool {
        let (to, ended, error) = self.outcome.parts();
        let event = Event::RunEnded {
            outcome: ended,
            turns: self.attempts,
            duration: self.took,
            cost_usd: self.cost_usd,
            why: error.clone().unwrap_or_else(|| self.counts.words()),
            next: self.next(),
        };
        let mut carried = event.clone();
        if let Outcome::Quarantined(reason) = &self.outcome {
            carried =
                Event::RunQuarantined { reason: reason.reason.clone(), evidence: reason.evidence.clone() };
            book.show(book.place(), carried.clone());
            book.record(book.place(), &event);
        }
        let change = Change::MoveRun(RunMove {
            run_id: self.run_id.clone(),
            from: RunState::Running,
            to,
            at: book.now_ms(),
            exit_code: exit_code.filter(|_| error.is_some()),
            error,
            event: carried,
        });
        book.change(change, book.place().clone(), Some(event));
        book.sync()
    }
}

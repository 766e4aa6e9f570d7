//! The machine: what it knows, what it is doing, and which event leads where.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use super::action::{Action, ClaimKind, Control};
use super::config::Config;
use super::event::{Event, Lost, Signal};
use super::journal::{Journal, Memory};
use super::names::{CommitId, RefName};
use super::retry::Retry;
use super::say::Reason;
use super::takeover::Now;
use super::view::{Facts, Listing};

/// One clone's part in the protocol. Driven by [`Machine::step`]; holds no clock and no handle.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Machine {
    pub config: Arc<Config>,
    /// What is on disk in `turn.json`, or will be after the deeds returned.
    pub journal: Journal,
    pub memory: Memory,
    pub(super) errand: Errand,
    pub(super) stage: Stage,
    /// The last tip accepted; `None` while the branch does not exist.
    pub(super) tip: Option<Facts>,
    pub(super) sent: Sent,
    pub(super) wishes: Wishes,
    pub(super) waiting: super::poll::Wait,
    /// What the last rescue put on local refs.
    pub(super) saved: Vec<CommitId>,
    /// Ladder rounds of the open stamp.
    pub(super) rounds: u32,
    /// The turn was run, or the work put aside, by this process rather than found at its start.
    pub(super) own: bool,
    /// What to end with once the last thing is published.
    pub(super) leaving: Option<Reason>,
    pub(super) turns_left: Option<u64>,
    pub(super) suspicion: Option<Suspicion>,
    pub(super) offline: Retry,
}

/// What is being done.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Errand {
    Poll,
    /// A claim is being built.
    Bid {
        kind: ClaimKind,
        epoch: u64,
    },
    /// A claim is in the journal and may be on its way.
    Claim,
    /// The turn is won and its agent runs, or is about to.
    Run,
    /// The turn's end is in the journal.
    Publish,
    Rescue(super::rescue::Step),
    Control {
        what: Control,
        built: Option<CommitId>,
    },
}

/// Which answer is awaited.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Stage {
    Fresh,
    Listing { lease_ref: RefName, asked: Now },
    Fetching { sighting: Sighting },
    Building,
    Pushing,
    Running,
    Rescuing,
    Moving,
    Waiting(Then),
    Over,
}

/// What follows a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Then {
    Look,
    Push,
}

/// A listing, the lease ref it was asked for, and when.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Sighting {
    pub lease_ref: RefName,
    pub asked: Now,
    pub listing: Listing,
}

/// How the commit being sent has fared in this process.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Sent {
    /// The tip it was last pushed on; `None` is a branch that does not exist.
    pub on: Option<CommitId>,
    /// When it was sent first, if it was.
    pub at: Option<Duration>,
    pub refused: Option<String>,
    pub again: Retry,
    /// It was waited for a busy branch (rung d).
    pub rested: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Wishes {
    pub stop: bool,
    pub interrupt: Option<Signal>,
    pub lost: Option<Lost>,
}

/// Listings in a row that do not descend from the last tip accepted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Suspicion {
    pub since: Duration,
    pub listings: u32,
}

impl Machine {
    /// A process that starts, with what the clone remembers.
    pub fn new(config: Arc<Config>, journal: Journal, memory: Memory) -> Self {
        let turns_left = config.turns;
        Self {
            config,
            journal,
            memory,
            errand: Errand::Poll,
            stage: Stage::Fresh,
            tip: None,
            sent: Sent::default(),
            wishes: Wishes::default(),
            waiting: super::poll::Wait::default(),
            saved: Vec::new(),
            rounds: 0,
            own: false,
            leaving: None,
            turns_left,
            suspicion: None,
            offline: Retry::default(),
        }
    }

    /// The next actions. See [`Action`] for their contract.
    pub fn step(&mut self, now: Now, event: Event) -> Vec<Action> {
        let mut out = Vec::new();
        match (mem::replace(&mut self.stage, Stage::Over), event) {
            (stage, Event::LeaseLost(lost)) => self.note(stage, &mut out, |w| w.lost = Some(lost)),
            (stage, Event::Interrupted(by)) => self.note(stage, &mut out, |w| w.interrupt = Some(by)),
            (stage, Event::StopRequested) => {
                self.wishes.stop = true;
                self.stage = stage;
            }
            (stage, Event::AgentStarted(mark)) => {
                self.agent_started(mark, &mut out);
                self.stage = stage;
            }
            (Stage::Fresh, Event::Started) => self.start(now, &mut out),
            (Stage::Waiting(then), Event::Woke) => self.woke(now, then, &mut out),
            (Stage::Listing { lease_ref, asked }, Event::Listed(Ok(listing))) => {
                self.heard(now, Sighting { lease_ref, asked, listing }, &mut out);
            }
            (Stage::Fetching { sighting }, Event::Fetched(Ok(facts))) => {
                self.learned(now, &sighting, facts, &mut out);
            }
            (Stage::Listing { .. }, Event::Listed(Err(t)))
            | (Stage::Fetching { .. }, Event::Fetched(Err(t))) => self.troubled(now, t, &mut out),
            (Stage::Building, Event::ClaimBuilt { turn, commit }) => {
                self.claim_built(now, turn, commit, &mut out);
            }
            (Stage::Building, Event::Built(commit)) => self.built(now, commit, &mut out),
            (Stage::Building, Event::NotBuilt(obstacle)) => self.not_built(obstacle, &mut out),
            (Stage::Pushing, Event::Pushed(reply)) => self.pushed(now, reply, &mut out),
            (Stage::Running, Event::AgentEnded(ended)) => self.agent_ended(now, ended, &mut out),
            (Stage::Rescuing, Event::Rescued(saved)) => self.rescued(now, saved, &mut out),
            (Stage::Moving, Event::Moved) => self.moved(now, &mut out),
            (Stage::Moving, Event::InTheWay(files)) => self.exit(Reason::InTheWay(files), &mut out),
            (stage, _) => self.exit(Reason::OutOfStep(stage.name()), &mut out),
        }
        out
    }

    /// A note changes what is wished for, and ends a running agent; the rest waits for the answer.
    fn note(&mut self, stage: Stage, out: &mut Vec<Action>, wish: impl FnOnce(&mut Wishes)) {
        wish(&mut self.wishes);
        if stage == Stage::Running {
            out.push(Action::StopAgent);
            if self.wishes.interrupt.is_some() {
                out.push(Action::StopLease);
            }
        }
        self.stage = stage;
    }
}

impl Stage {
    fn name(&self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Listing { .. } => "listing",
            Self::Fetching { .. } => "fetching",
            Self::Building => "building",
            Self::Pushing => "pushing",
            Self::Running => "running",
            Self::Rescuing => "rescuing",
            Self::Moving => "moving",
            Self::Waiting(_) => "waiting",
            Self::Over => "over",
        }
    }
}

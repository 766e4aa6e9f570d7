//! What the shell reports. Every event but the last three answers the action asked for last.

use super::journal::AgentMark;
use super::names::{CommitId, RefName, TurnId};
use super::view::{Facts, Listing, PushReply, Trouble};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Event {
    /// The process started and holds the clone's lock.
    Started,
    Listed(Result<Listing, Trouble>),
    Fetched(Result<Facts, Trouble>),
    ClaimBuilt {
        turn: TurnId,
        commit: CommitId,
    },
    /// A stamp or a control commit.
    Built(CommitId),
    NotBuilt(Obstacle),
    Pushed(PushReply),
    /// The agent's group is known. Not an answer: `AgentEnded` is.
    AgentStarted(AgentMark),
    AgentEnded(Ended),
    /// The work is on local rescue refs; none: there was nothing to save.
    Rescued(Vec<Saved>),
    Moved,
    /// Moving the branch would overwrite these files; nothing was touched.
    InTheWay(Vec<String>),
    Woke,

    /// From the lease's thread.
    LeaseLost(Lost),
    /// `orchestrator stop`, recorded on disk by whoever asked (T6).
    StopRequested,
    /// A signal to end.
    Interrupted(Signal),
}

/// Why a commit was not built. Nothing was changed by trying.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Obstacle {
    /// Commits of the turn itself do not fit on the tip.
    TurnConflict(Vec<String>),
    /// Commits of a person do not.
    Conflict(Vec<String>),
    /// No merge base, dirty files in the way, an operation in progress, the wrong branch (G6, G8).
    Refused(String),
}

/// How the agent's run ended, after checks and auto-commit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ended {
    pub how: How,
    pub head: CommitId,
    pub line: Line,
    /// The agent set `exit` and is entitled to (T6b).
    pub exit: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum How {
    Succeeded,
    Failed,
    /// It was stopped by us, before it had ended by itself.
    Stopped,
}

/// How HEAD lies to the claim (G11).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Line {
    /// From the commit the agent was started on (the claim, or what was on it by then) to HEAD
    /// there are only plain commits, none of which touches the state file.
    Straight,
    /// HEAD descends from the claim, but with merges or state changes between. Those may bring
    /// another's claim in from the side, so the work is replayed on the tip before it is stamped.
    Bent,
    /// HEAD left the branch, does not descend from the claim, or an operation is in progress.
    Astray(String),
}

/// Commits put aside under a local ref, and the name they get on the remote.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Saved {
    pub name: RefName,
    pub commit: CommitId,
    /// 1 for the plain name, 2 for `-2`, and so on.
    pub number: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lost {
    /// The branch says that the turn is somebody else's.
    Fenced,
    /// The lease ended and nobody could be asked.
    Unreachable,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signal {
    Interrupt,
    Terminate,
}

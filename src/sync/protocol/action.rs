//! What the shell is to do.
//!
//! Each answer of [`super::Machine::step`] is a list carried out in order: any number of *deeds*,
//! which give no answer, and then exactly one *ask*, whose answer is the next event, or
//! [`Action::Exit`]. The answer to a note (lease lost, stop, interrupt, agent started) has deeds
//! only: the ask before it still stands. A deed that fails is to be treated as a crash, because
//! what follows relies on it; the journal makes the restart right.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::journal::{AgentMark, Journal, Memory, OpenTurn, Outcome};
use super::names::{CommitId, RefName, TurnId};
use super::say::{Message, Reason};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Action {
    // Deeds.
    /// Durable (fsync) before anything that follows.
    WriteJournal(Journal),
    WriteMemory(Memory),
    /// Start the lease's own thread.
    StartLease(LeaseOrder),
    StopLease,
    /// End the running agent; `AgentEnded` still follows.
    StopAgent,
    /// End what lives of an agent started before a crash.
    EndOldAgent(AgentMark),
    /// The recorded stop request is in the published state: forget it.
    StopPublished,
    Say(Message),

    // Asks.
    /// List the branch, the lease ref and, if given, a rescue ref, in one listing if possible.
    List {
        lease: RefName,
        rescue: Option<RefName>,
    },
    /// Bring the objects of `tip` here, unless they are, and say how the commits `about` lie to
    /// it and whether a resume commit follows `exit` on its first-parent line.
    Fetch {
        tip: CommitId,
        about: Vec<CommitId>,
        exit: Option<CommitId>,
    },
    /// Build a commit, without index and working tree, out of reach of any branch.
    Build(Order),
    /// Compare and swap. For the branch the transport's caller checks once more that `expected`
    /// is on the first-parent line of `new` and sends nothing if it is not (G18).
    Push {
        to: Target,
        expected: Option<CommitId>,
        new: CommitId,
    },
    /// Route and run the turn. The local branch is at `on`, which contains the claim.
    RunAgent {
        turn: OpenTurn,
        on: CommitId,
    },
    /// Put every unpublished local commit (of HEAD, and of the branch if HEAD left it) on local
    /// refs, and the uncommitted files on one that stays local; idempotent. The stamp is never
    /// among them, as it is on no branch. `from`: the first number to try, since lower names are
    /// taken on the remote.
    Rescue {
        turn: TurnId,
        from: u32,
    },
    /// Move the local branch and the files to `to`. Local commits that none of `above` contains
    /// are kept on top of it: a person made them meanwhile. Files changed since are kept.
    /// Idempotent.
    Move {
        to: CommitId,
        above: Vec<CommitId>,
    },
    /// Sleep a random time between the two, or until a note came.
    Wait {
        least: Duration,
        most: Duration,
    },

    /// The end of the process.
    Exit(Reason),
}

impl Action {
    /// Whether it is answered by an event, or ends the process.
    pub fn is_ask(&self) -> bool {
        match self {
            Self::WriteJournal(_)
            | Self::WriteMemory(_)
            | Self::StartLease(_)
            | Self::StopLease
            | Self::StopAgent
            | Self::EndOldAgent(_)
            | Self::StopPublished
            | Self::Say(_) => false,
            Self::List { .. }
            | Self::Fetch { .. }
            | Self::Build(_)
            | Self::Push { .. }
            | Self::RunAgent { .. }
            | Self::Rescue { .. }
            | Self::Move { .. }
            | Self::Wait { .. }
            | Self::Exit(_) => true,
        }
    }
}

/// A commit to build (G8, G11). All state commits are made from the state at a fresh tip.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Order {
    /// Preflight; the local branch becomes `tip` with its unpublished commits on top, checked out
    /// where nothing is overwritten; the claim goes on that. The shell draws the turn id.
    Claim {
        kind: ClaimKind,
        tip: CommitId,
        epoch: u64,
    },
    Stamp {
        turn: TurnId,
        epoch: u64,
        outcome: Outcome,
        exit: bool,
        base: Base,
    },
    /// One state commit on `tip`; on nothing if the branch does not exist.
    Control {
        what: Control,
        tip: Option<CommitId>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ClaimKind {
    /// A free turn.
    Fresh,
    /// This clone's own turn after a crash: its work is on the branch.
    Resume,
    /// Another's, taken for dead.
    TakeOver,
}

/// What a stamp is put on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Base {
    /// HEAD as it is.
    Head,
    /// The work that is not on this tip, replayed on it with the state file left as it is there;
    /// work that has merges as one merge commit whose first parent is the tip.
    Replay(CommitId),
    /// This tip alone: the work was put aside, or there is none.
    Bare(CommitId),
}

/// A state commit that belongs to no turn of this clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Control {
    Create,
    Stop,
    Resume,
    /// Give a turn back (`orchestrator takeover`).
    Release {
        turn: TurnId,
        epoch: u64,
    },
    /// The same for a running turn of a peer that writes no `turn` (G13): the iteration tells it apart.
    ReleaseBare {
        iteration: u64,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    Branch,
    Rescue(RefName),
}

/// What the lease's thread needs to know.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LeaseOrder {
    pub turn: TurnId,
    pub epoch: u64,
    pub claim: CommitId,
    pub lease_ref: RefName,
    /// The ref's value when the claim was seen to be won.
    pub found: Option<CommitId>,
    /// When the claim was first sent.
    pub since: Duration,
}

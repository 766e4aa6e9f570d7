//! What the protocol has to say to people: as data, the words are the shell's.

use std::fmt;

use super::action::ClaimKind;
use super::decide::Waiting;
use super::event::Signal;
use super::journal::Outcome;
use super::names::{CommitId, RefName, TurnId};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Message {
    /// At the first wait, when its cause changes, and every now and then.
    Waiting {
        why: Waiting,
        /// When the turn that runs last gave a sign, by this machine's wall clock, in seconds.
        sign: Option<i64>,
    },
    /// A turn that nobody here may take over.
    LooksDead {
        turn: TurnId,
        /// The last sign of it.
        sign: Option<i64>,
    },
    Claiming {
        kind: ClaimKind,
        epoch: u64,
    },
    /// The claim is on the remote: the turn is ours.
    Won {
        kind: ClaimKind,
        epoch: u64,
    },
    /// The turn is another machine's now: the work is about to be put aside.
    Fenced {
        turn: TurnId,
        epoch: u64,
    },
    LostRace,
    /// A start found a hand-off or a claim whose fate was not known.
    Settling,
    Published {
        turn: TurnId,
        outcome: Outcome,
    },
    Replaying {
        turn: TurnId,
        round: u32,
    },
    Offline(String),
    /// One more listing that does not descend from the tip seen before (G14).
    Suspicious {
        seen: CommitId,
        now: Option<CommitId>,
    },
    Rescued {
        name: RefName,
        commit: CommitId,
    },
    /// The remote refuses the rescue ref: it stays in this clone.
    RescueKeptHere {
        commit: CommitId,
        why: String,
    },
}

/// Why the process ends.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reason {
    /// All turns asked for, or the one control commit.
    Done,
    /// `exit` is set.
    ExitSet,
    /// `--if-turn`, and it is not.
    NotOurTurn,
    /// Our own turn, published as failed.
    TurnFailed,
    /// A failed turn that these flags do not claim again (T20).
    FailedSeen,
    /// The work did not fit on the tip; published as failed, work on a rescue ref.
    Conflict,
    Damaged(String),
    /// There is no state file; `removed` if a commit of the branch once had it (T3).
    NoState {
        removed: bool,
    },
    /// No answer for `retry_secs`.
    Offline(String),
    /// The remote will not have it; what was built is kept.
    Refused(String),
    /// What was sent did not arrive, for `retry_secs` or twenty rounds; it is kept.
    Unpublished,
    /// Forced backwards or sideways, or gone (G14).
    Rewritten {
        seen: CommitId,
        now: Option<CommitId>,
    },
    /// Nothing was claimed: a conflict, dirty files, an operation in progress.
    Blocked(Vec<String>),
    /// These files keep the branch from being moved.
    InTheWay(Vec<String>),
    Fenced,
    /// The lease ended unreachable; the work is saved here and the next start looks.
    LeaseEnded,
    WaitedTooLong,
    /// A budget is used up, in words.
    Limit(String),
    Interrupted(Signal),
    /// The shell answered what was not asked: a bug.
    OutOfStep(&'static str),
}

/// What a run's record says of its end.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "done",
            Self::ExitSet => "exit is set",
            Self::NotOurTurn => "not this role's turn",
            Self::TurnFailed => "a turn failed",
            Self::FailedSeen => "a failed turn is not claimed again",
            Self::Conflict => "the work conflicts with what others pushed",
            Self::Damaged(_) => "the state is damaged",
            Self::NoState { .. } => "there is no state",
            Self::Offline(_) => "the remote is out of reach",
            Self::Refused(_) => "the remote refuses it",
            Self::Unpublished => "the turn could not be published",
            Self::Rewritten { .. } => "the remote branch was rewritten",
            Self::Blocked(_) => "nothing could be claimed here",
            Self::InTheWay(_) => "files are in the way",
            Self::Fenced => "the turn was taken over",
            Self::LeaseEnded => "the lease ended",
            Self::WaitedTooLong => "waited too long",
            Self::Limit(limit) => limit,
            Self::Interrupted(_) => "interrupted",
            Self::OutOfStep(_) => "a bug",
        })
    }
}

impl Reason {
    /// The exit code (interface.md I1).
    pub fn code(&self) -> u8 {
        match self {
            Self::Done | Self::ExitSet | Self::NotOurTurn => 0,
            Self::OutOfStep(_) => 1,
            Self::Damaged(_) | Self::NoState { .. } => 2,
            Self::TurnFailed | Self::FailedSeen => 3,
            Self::Conflict
            | Self::Offline(_)
            | Self::Refused(_)
            | Self::Unpublished
            | Self::Rewritten { .. }
            | Self::Blocked(_)
            | Self::InTheWay(_) => 4,
            Self::Fenced | Self::LeaseEnded => 5,
            Self::WaitedTooLong | Self::Limit(_) => 6,
            Self::Interrupted(Signal::Interrupt) => 130,
            Self::Interrupted(Signal::Terminate) => 143,
        }
    }
}

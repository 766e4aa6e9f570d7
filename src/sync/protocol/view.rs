//! What a look at the remote shows: the state at the tip, and how our own commits lie to it.

use std::sync::Arc;
use std::time::Duration;

use crate::ids::RoleId;

use super::names::{CommitId, RefName, TurnId};

/// The part of a state file the protocol decides by (turns.md T1).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StateView {
    pub iteration: u64,
    pub expected: RoleId,
    pub status: Status,
    /// Every loop must stop before its next turn (T6).
    pub exit: bool,
    /// `None` when a peer that does not know turns wrote the file last.
    pub turn: Option<TurnView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Status {
    Idle,
    Running(RoleId),
    Waiting(RoleId),
    Complete,
    Failed,
}

/// The claim in the state (G4).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TurnView {
    pub id: TurnId,
    pub epoch: u64,
    /// How long without a renewal until a standby may take over: the holder's, not the observer's.
    pub lease: Duration,
    /// `None`: no lease is kept, so silence proves nothing and only a command takes over (G13).
    pub lease_ref: Option<RefName>,
    /// Failures in a row.
    pub failures: u64,
}

impl StateView {
    /// Whether this very turn is running for `role`.
    pub fn runs(&self, role: &RoleId, id: &TurnId, epoch: u64) -> bool {
        self.status == Status::Running(role.clone())
            && self.turn.as_ref().is_some_and(|t| t.id == *id && t.epoch == epoch)
    }

    /// The epoch the state itself knows of. Not enough to count from: a peer may have dropped it.
    pub fn epoch(&self) -> u64 {
        self.turn.as_ref().map_or(0, |t| t.epoch)
    }
}

/// The state file at a commit. Shared: a look is repeated far more often than it changes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AtTip {
    State(Arc<StateView>),
    /// No state file; `removed` if a commit of the branch once had it (T3).
    Missing {
        removed: bool,
    },
    /// Not readable as a state: the text says file, line and field (T3).
    Damaged(String),
}

/// How a commit of ours lies to the tip.
///
/// `Extends` is about the commit's *first-parent* line on purpose. An agent that merges the tip
/// into its work makes a commit that descends from the tip but leaves it on a side line; pushing
/// that would take the claims and hand-offs between out of the branch's first-parent chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relation {
    /// It is the tip.
    Same,
    /// The tip descends from it, over any parent.
    Contained,
    /// The tip lies on its first-parent line: a push of it would be an extension.
    Extends,
    /// Neither, or it is not known here.
    Apart,
}

impl Relation {
    /// Whether the commit is part of what the remote has.
    pub fn is_published(self) -> bool {
        matches!(self, Self::Same | Self::Contained)
    }
}

/// One listing of the remote. A value that was not asked for is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Listing {
    pub branch: Option<CommitId>,
    pub lease: Option<CommitId>,
    pub rescue: Option<CommitId>,
}

/// What is known about a tip once its objects are here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Facts {
    pub tip: CommitId,
    pub state: AtTip,
    /// The highest `Epoch` trailer on the tip's first-parent line; 0 if there is none.
    pub epoch: u64,
    /// Whether a resume commit follows the commit asked about (T6).
    pub resumed: bool,
    /// An answer for each commit asked about.
    pub relations: Vec<(CommitId, Relation)>,
    /// The limit that lets no further turn begin here, in words.
    pub limit: Option<String>,
}

impl Facts {
    /// How `commit` lies to the tip; what was not asked counts as apart.
    pub fn relation(&self, commit: CommitId) -> Relation {
        if commit == self.tip {
            return Relation::Same;
        }
        self.relations.iter().find(|(c, _)| *c == commit).map_or(Relation::Apart, |(_, r)| *r)
    }

    /// The state, if there is a readable one.
    pub fn view(&self) -> Option<&StateView> {
        match &self.state {
            AtTip::State(state) => Some(state),
            AtTip::Missing { .. } | AtTip::Damaged(_) => None,
        }
    }
}

/// Why a network operation gave no answer (G15).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// Name resolution, refused, reset, time-out, 5xx: worth another try.
    Passing(String),
    /// Authentication, no such repository: trying again changes nothing.
    Lasting(String),
}

/// What a push said. Never believed (G12) but for one thing: that trying again is useless.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PushReply {
    /// Anything from "accepted" to "somebody was faster" to no answer at all.
    Unsure,
    /// A hook, a protection rule or the server's permissions said no: its message.
    Refused(String),
}

//! What a clone remembers on disk, in `.orchestrator/`: the journal (G5a) makes a turn *mine*,
//! the memory (G4, G13, G14, T6) makes a repeated history visible.
//!
//! Both are written durably before the action that follows them; a write that fails is treated
//! by the shell as a crash.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::action::ClaimKind;
use super::names::{BootId, CommitId, RefName, TurnId};

/// The turn journal: what this clone owes or is owed.
///
/// At most one turn is open, one claim unanswered and one rescue unfinished; a start works them
/// off in the order rescue, stamp, claim, turn.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Journal {
    /// Won and not yet settled.
    pub turn: Option<OpenTurn>,
    /// Sent, outcome not known. Kept beside `turn`, as a reclaim that loses its race must not
    /// make the clone forget the turn it already holds.
    pub claim: Option<SentClaim>,
    /// Work that is being put aside; repeated at every start until done.
    pub rescue: Option<Rescue>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SentClaim {
    pub turn: TurnId,
    pub epoch: u64,
    pub commit: CommitId,
    pub kind: ClaimKind,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OpenTurn {
    pub id: TurnId,
    pub epoch: u64,
    pub claim: CommitId,
    pub kind: ClaimKind,
    /// The agent's process group, once started: a restart ends what lives of it.
    pub agent: Option<AgentMark>,
    pub end: Option<End>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AgentMark {
    pub group: u32,
    /// Start time of the group's leader: a process id alone is reused.
    pub started: String,
}

/// How the run ended. From the moment this is journalled the agent never runs again for the turn:
/// a restart only publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct End {
    pub outcome: Outcome,
    /// Where HEAD was. Local commits above it are a person's.
    pub head: CommitId,
    /// Whether the stamp sets `exit` (T6).
    pub exit: bool,
    /// The stamp, once built.
    pub stamp: Option<CommitId>,
}

/// How a turn ends in the state (T5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Outcome {
    Succeeded,
    Failed,
    Interrupted,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rescue {
    pub turn: TurnId,
    pub why: RescueWhy,
    /// Whether the turn asked for `exit`, for the stamp that reports it failed.
    pub exit: bool,
}

/// Why work is put aside rather than published.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RescueWhy {
    /// The turn is no longer ours (G11e).
    Fenced,
    /// The work cannot be replayed on the tip (G11d); the turn is handed off as failed.
    Conflict(String),
    /// The agent left the branch or an operation open (G11); handed off as failed.
    Astray(String),
}

/// What this clone has seen of the branch.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Memory {
    /// The last tip that descended from the one before (G14). A new clone begins with its
    /// remote-tracking ref: that is what it has seen, and a stale replica may show less.
    pub tip: Option<CommitId>,
    /// The highest epoch seen anywhere (G4).
    pub epoch: u64,
    /// The newest tip seen with `exit` set, until a resume commit follows (T6).
    pub exit: Option<CommitId>,
    /// What a short-lived run has observed of another's turn (G13).
    pub observed: Option<Observation>,
}

/// One turn and one value of its lease ref, and since when this machine has seen just them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Observation {
    pub turn: TurnId,
    pub lease_ref: RefName,
    /// Absent is a value too.
    pub lease: Option<CommitId>,
    pub boot: BootId,
    /// First seen, on the boot-time clock of that boot.
    pub mono: Duration,
    /// First seen, in seconds of the wall clock: all there is to compare after a reboot.
    pub wall: i64,
}

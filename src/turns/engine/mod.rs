//! The loop on one machine (turns.md §3): claim, route, run, check, commit, stamp.
//!
//! The state file is the truth. Before it changes, the journal says what is about to be; after it
//! changed, the commit follows. A crash between any two steps is repaired by [`start`]:
//!
//! | crash after | on disk | the next start |
//! | --- | --- | --- |
//! | nothing | old state | takes the turn |
//! | journal of a claim | old state | takes the turn; the journal is replaced |
//! | claimed state file | `running-<role>`, HEAD has the old state | commits the claim from the journal, reclaims |
//! | claim commit | `running-<role>` | ends the old agent's processes, reclaims |
//! | auto-commits | `running-<role>`, work committed | reclaims: the turn was not stamped |
//! | stamped state file | the next role's turn, HEAD has the old state | commits the stamp from the journal, goes on |
//! | stamp commit | the next role's turn | goes on |

mod attempts;
mod audited;
mod checks;
mod control;
mod error;
mod finish;
mod folder;
mod limits;
mod looping;
mod manual;
mod prompt;
mod record;
mod role;
mod route;
mod scope;
mod start;
mod stopping;
mod told;
mod turn;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use error::{End, LoopError, Report, TurnFailure};
pub use looping::run;
pub use manual::{beside_roles, resume, stop};
pub use prompt::{Past, context_for, rescues};
pub use role::{
    AtTip, Beat, ByHand, ExitSet, Glimpse, RoleReport, RoleWorld, control_remote, hand_off, hand_off_here,
    look, run_role, through_remote,
};
pub use start::{read_state, state_may_begin};

use crate::clock::Clock;
use crate::config::Watched;
use crate::control::{Board, Server};
use crate::event::{Place, Sink};
use crate::ids::Ids;
use crate::state::State;
use crate::supervise::Stop;
use crate::sync::driver::{Desk, Work};
use crate::sync::journal::Journal;
use crate::sync::memory::Memory;
use crate::sync::seen::Seen;
use crate::sync::worktree::Repo;
use crate::turns::autocommit::Rules;
use crate::turns::budget::Spent;
use crate::turns::settings::Settings;

/// What the world gives a loop.
pub struct World<'a> {
    pub clock: Arc<dyn Clock>,
    pub ids: &'a dyn Ids,
    pub stop: &'a Stop,
    pub sink: &'a mut dyn Sink,
}

/// The loop in motion.
pub(super) struct Engine<'a> {
    settings: &'a Settings,
    world: World<'a>,
    git: Option<Git>,
    state: State,
    seen: Seen,
    memory: Memory,
    journal: Option<Journal>,
    run_id: String,
    /// What others may know and ask of this run.
    board: Board,
    /// Answers them; none for commands that only change the state.
    server: Option<Server>,
    /// What happens now belongs here: the run, and the attempt while there is one.
    place: Place,
    turns: u64,
    watched: Option<Watched>,
    began: Duration,
    /// Of the time since then, what was waited for other roles' loops.
    idle: Duration,
    spent: Spent,
    warned_blind: bool,
    /// Agents that stated a rate limit in this run, and when it ends (seconds since the epoch).
    resting: BTreeMap<String, i64>,
    /// Why the running turn was cut short, if neither its agent nor a signal did it.
    cut: Option<limits::Cut>,
    /// What all machines used before this turn, and when it began; none where this run counts alone.
    shared: Option<(Spent, Duration)>,
    /// The line to whoever keeps this turn's lease.
    desk: Option<Desk>,
    /// Why what this turn did may not be published as it is.
    astray: Option<String>,
    /// Other loops change the state too.
    folder: Option<folder::Folder>,
    /// Where the end of a turn is put down that a driver stamps; none where this loop stamps it.
    hand: Option<Hand>,
}

/// The end of a turn, for whoever publishes it.
pub(super) enum Hand {
    Empty,
    Full(Box<Work>),
}

/// The repository, as far as the loop uses it.
pub(super) struct Git {
    repo: Repo,
    branch: String,
    rules: Rules,
    /// The state file's name in the repository.
    state_path: PathBuf,
    /// Claims and stamps are commits: the file is tracked and the group is on.
    commits_state: bool,
}

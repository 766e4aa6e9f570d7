//! What was seen: plain values.

use std::path::PathBuf;

/// Everything that is judged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// What is wrong with the configuration, a line each; its notices.
    pub config_problems: Vec<String>,
    pub notices: Vec<String>,
    /// This project takes turns with other machines.
    pub role_mode: bool,
    /// The role of this machine, where it is known.
    pub role: Option<String>,
    /// `None`: no repository here.
    pub git: Option<Git>,
    /// Why there is no looking at it, such as a repository of another user.
    pub git_problem: Option<Trouble>,
    pub remote: Remote,
    pub prompts: Vec<BadPrompt>,
    pub goal: Goal,
    pub agents: Vec<Agent>,
    /// The last turn's failure, if a known refusal of an agent caused it: whose turn, and the remedy.
    pub refusal: Option<(String, String)>,
    pub state: StateFile,
    /// Neither configuration nor prompts nor a state: this project uses no loop, and nothing is said of its parts.
    pub no_loop: bool,
    /// Runs beside the loop that were killed, and the command that goes on with each.
    pub killed: Vec<(String, String)>,
    /// Folders that a run writes into and cannot.
    pub unwritable: Vec<Trouble>,
    /// Files of `.orchestrator/` that cannot be used.
    pub private_problems: Vec<Trouble>,
    /// A turn runs by the state, no loop is live here, and this clone claimed it.
    pub cut_turn: Option<String>,
    /// A finished turn that the remote is not known to have.
    pub unpublished: Option<String>,
    pub live_loops: Vec<String>,
    pub rescues: Vec<(String, String)>,
    pub dead_sockets: usize,
    pub disks: Vec<Disk>,
    /// The newest commit lies so many seconds in the future of this machine's clock.
    pub ahead_secs: i64,
    /// The remote's server is so many seconds ahead of this machine's clock, if it says the time.
    pub server_ahead_secs: Option<i64>,
    /// The newest protocol version that a peer's commits name, and this program's.
    pub peer_protocol: Option<u32>,
    pub own_protocol: u32,
}

/// Something that cannot be used, and what helps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Trouble {
    pub what: String,
    pub remedy: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Git {
    /// `None`: detached.
    pub branch: Option<String>,
    /// The only branch to run on, by configuration or environment.
    pub wanted_branch: Option<String>,
    /// Why no turn can run here now: an operation in progress, a locked index, conflict markers.
    pub unfit: Option<Trouble>,
    /// A lock that a killed run of this program left.
    pub own_lock: bool,
    /// Changed files that no rule would commit before a claim.
    pub dirty: Vec<String>,
    /// Nobody is named in git's configuration.
    pub nameless: Option<String>,
    /// `.orchestrator/` could be committed by mistake.
    pub private_visible: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Remote {
    /// Nothing was asked.
    #[default]
    NotAsked,
    /// None is configured.
    None,
    /// It is configured and cannot be read.
    Unreadable {
        url: String,
        way: Option<String>,
        trouble: Trouble,
    },
    Readable(Box<Reached>),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reached {
    pub name: String,
    pub url: String,
    /// The transport, and why it is that one.
    pub way: String,
    pub notices: Vec<String>,
    pub default_branch: Option<String>,
    /// The branch is there.
    pub has_branch: bool,
    /// Why a push is refused.
    pub push_refused: Option<String>,
    /// Locks of our refs in it, with their age in seconds.
    pub locks: Vec<(PathBuf, u64)>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct BadPrompt {
    pub role: String,
    pub what: String,
    /// The program ships one of this name, and nothing is in its place.
    pub shipped: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Goal {
    #[default]
    Written,
    Missing(String),
    Template(String),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Agent {
    pub roles: Vec<String>,
    pub name: String,
    /// Why it cannot be run, and what helps.
    pub missing: Option<Trouble>,
    pub path: Option<String>,
    pub version: Option<String>,
    /// The installed version is older than the one whose command line was checked.
    pub checked: Option<String>,
    pub too_old: bool,
    /// What helps, if there is no sign of a login.
    pub login: Option<String>,
    /// What helps, if it does not start as root.
    pub root: Option<String>,
    /// Variables that it needs and that are not set.
    pub keys: Vec<String>,
    pub consent: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum StateFile {
    Good {
        summary: String,
    },
    #[default]
    Missing,
    Damaged(Trouble),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Disk {
    pub place: String,
    pub free_bytes: u64,
}

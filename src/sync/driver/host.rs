//! What the driver asks of whoever runs the turns, and what it tells them.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::backdrop::Backdrop;
use super::inbox::Mail;
use crate::state::State;
use crate::sync::message::Trailers;
use crate::sync::protocol::{AgentMark, How, Lost, Message, OpenTurn};
use crate::sync::worktree::{Oid, Repo};

/// Runs turns. Everything about prompts, agents, checks and automatic commits is behind it.
pub trait Runner: Send {
    /// Asked before each claim, once the repository is fit for it: commits what a person left for the
    /// turn, and names what must not be there (turns.md T23a). `Err`: nothing is claimed, exit 4.
    fn before_claim(&mut self, repo: &Repo) -> Result<(), Vec<String>>;

    /// The prompt that a claim on this state stores (T11); none where no router is on.
    fn routed(&self, _state: &State) -> Option<String> {
        None
    }

    /// The limit that lets no further turn begin, in words; asked at each fresh tip, whoever's turn it is.
    fn limit(&mut self, _repo: &Repo, _tip: Oid) -> Option<String> {
        None
    }

    /// A person's wish to stop that was left for this run (T6); asked before everything the run does next.
    fn asked_to_stop(&mut self) -> Option<Exit> {
        None
    }

    /// Runs the turn to its end, checks and automatic commits included, in a thread of its own.
    fn run(&mut self, turn: &Claimed, desk: &Desk) -> Work;

    /// Ends what lives of an agent that was started before a crash.
    fn end_old(&mut self, mark: &AgentMark);
}

/// Hears what happens, in the words of data; never asked anything.
pub trait Listener {
    /// What stands on the remote, just before a message that it explains.
    fn see(&mut self, _backdrop: Backdrop) {}

    fn hear(&mut self, said: &Said);
}

/// Something a person may want to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    Message(Message),
    /// A transport was chosen for a reason, a stale lock was removed, or the like.
    Notice(String),
    /// A network operation failed; what follows is up to the protocol.
    Trouble(String),
    /// Commits of a person that are published with the claim (G8).
    TakesAlong(Vec<String>),
    /// Two thirds of the lease have passed without a confirmed renewal.
    LeaseLate,
    /// It ended unconfirmed, but the turn is still ours.
    LeaseGoesOn,
    /// A person asked this run to stop, and why.
    StopRequested(Option<String>),
    /// The lease was lost while the turn ran: its agent is being ended.
    LeaseLost {
        lost: Lost,
        epoch: u64,
    },
    /// The remote, which was out of reach, is not any more.
    Answers,
    /// The recorded stop request is in the published state: forget it (T6).
    StopPublished,
}

/// A turn that was won.
#[derive(Debug, Clone)]
pub struct Claimed {
    pub turn: OpenTurn,
    /// Where the local branch and the working tree are.
    pub on: Oid,
    /// The state as claimed.
    pub state: State,
}

/// The running turn's line to the driver.
#[derive(Clone)]
pub struct Desk {
    pub(super) mail: Sender<Mail>,
    pub(super) stop: watch::Receiver<bool>,
    pub(super) rest: Rest,
}

/// What the holder waits for, for its lease to tell: a time in UTC.
pub(super) type Rest = Arc<Mutex<Option<String>>>;

impl Desk {
    /// Tells which process group the agent is. Returns once that is on disk: let no agent work before,
    /// or a crash leaves one that nobody ends.
    pub fn started(&self, mark: AgentMark) {
        let (done, written) = channel();
        if self.mail.send(Mail::AgentStarted(mark, done)).is_ok() {
            // An error is a driver that is ending, which the stop tells too.
            let _ = written.recv();
        }
    }

    /// The turn waits until then (UTC) and keeps its lease, which tells it to everybody; `None`: no longer.
    pub fn not_before(&self, until: Option<String>) {
        *self.rest.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }

    /// Becomes `true` when the agent is to be ended. Both to look at and to wait for.
    pub fn stop(&self) -> watch::Receiver<bool> {
        self.stop.clone()
    }
}

/// How a turn's run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Work {
    pub how: How,
    /// The agent asked to stop all loops, and may (T6b).
    pub exit: Option<Exit>,
    /// What it did may not be published as it is (T7a), and why: it is put aside, and the turn fails.
    pub astray: Option<String>,
    pub details: Details,
}

impl Work {
    /// A turn that failed, and why.
    pub fn failed(reason: String) -> Self {
        let details = Details { reason: Some(reason), ..Details::default() };
        Self { how: How::Failed, exit: None, astray: None, details }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    pub reason: Option<String>,
}

/// What the stamp tells of the run beside its outcome. Kept on disk with the journal, so that a
/// stamp that is made after a crash tells the same.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    /// Path of the prompt as routed, for the state.
    pub routed: Option<String>,
    /// File name and SHA-256.
    pub prompt: Option<(String, String)>,
    pub agent: Option<String>,
    pub exit: Option<String>,
    pub reason: Option<String>,
    pub checks: Option<(u32, u32)>,
    pub seconds: Option<u64>,
    pub tokens: Option<u64>,
    pub cost: Option<f64>,
    /// Of [`Work::exit`]; the driver fills it in.
    pub exit_reason: Option<String>,
}

impl Details {
    pub(super) fn trailers(&self) -> Trailers {
        Trailers {
            prompt: self.prompt.clone(),
            agent: self.agent.clone(),
            exit: self.exit.clone(),
            reason: self.reason.clone(),
            checks: self.checks,
            duration: self.seconds.map(std::time::Duration::from_secs),
            tokens: self.tokens,
            cost: self.cost,
            ..Trailers::default()
        }
    }
}

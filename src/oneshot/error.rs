//! Why the engine cannot go on.

use std::io;
use std::path::PathBuf;

use super::machine::{Illegal, Refusal};
use super::prompts::TemplateError;
use super::session::Owner;
use crate::agents::AgentError;
use crate::supervise::StopReason;
use crate::sync::worktree::GitError;

#[derive(Debug, thiserror::Error)]
pub enum OneshotError {
    #[error("{}: {source}", .path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{}: {message}", .path.display())]
    Damaged { path: PathBuf, message: String },
    #[error("{}: written by a newer version of the program (form {found}, known: {known})", .path.display())]
    Newer { path: PathBuf, found: u64, known: u64 },
    #[error("there is no session yet")]
    NoSession,
    #[error("no session `{0}`")]
    UnknownSession(String),
    #[error("`{name}` stands for several sessions: {}", .found.join(", "))]
    Ambiguous { name: String, found: Vec<String> },
    #[error("the session is at work{}", owner_words(.0.as_ref()))]
    Busy(Option<Owner>),
    #[error("{refusal}")]
    Refused { id: String, refusal: Refusal },
    #[error("the task is empty")]
    NoTask,
    #[error("no worker run is allowed: the number of iterations is 0")]
    NoIterations,
    #[error("the task is {chars} characters long, more than {most}")]
    LongTask { chars: usize, most: usize },
    #[error("the {role} is the shell agent, and its prompt has no `sh run` block")]
    NoBlock { role: &'static str },
    #[error(
        "the model of the {role} cannot be handed to agent `{agent}`: it has neither a model flag nor {{model}} in its command"
    )]
    NoModelFlag { role: &'static str, agent: String },
    #[error("the agent of the {role}: {source}")]
    Agent { role: &'static str, source: AgentError },
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error(transparent)]
    Illegal(#[from] Illegal),
    #[error(transparent)]
    Git(#[from] GitError),
}

fn owner_words(owner: Option<&Owner>) -> String {
    owner.map_or_else(String::new, |o| format!(": pid {}, since {}", o.pid, o.started))
}

/// How a session was left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    Completed,
    Rejected,
    Failed(super::machine::Why),
    Interrupted(StopReason),
}

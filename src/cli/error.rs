//! Exit codes and the words of failures: the only place of both (interface.md I1, I2).

use std::fmt::Write as _;

use super::io_hint::io_hint;
use crate::config::ConfigError;
use crate::ids::RoleId;
use crate::oneshot::OneshotError;
use crate::oneshot::machine::Refusal;
use crate::state::{FieldProblem, StateError};
use crate::sync::journal::JournalError;
use crate::sync::remote::RemoteError;
use crate::sync::seen::SeenError;
use crate::turns::budget::Reached;
use crate::turns::engine::{LoopError, TurnFailure};
use crate::turns::lock::LockError;
use crate::turns::settings::SettingsError;
use crate::turns::state_lock::StateLockError;
use crate::turns::words::after_failure;

/// Success.
pub const OK: u8 = 0;
/// Internal or I/O error; `doctor` found an error.
pub const INTERNAL: u8 = 1;
/// Usage, configuration, damaged state.
pub const USAGE: u8 = 2;
/// A turn, task or run failed; `audit` found something.
pub const FAILED: u8 = 3;
/// Sync failed or refused, or busy.
pub const REFUSED: u8 = 4;
/// Fenced: the lease was lost.
pub const FENCED: u8 = 5;
/// A limit was reached: wait, budget, stall, iterations of oneshot.
pub const LIMIT: u8 = 6;
/// Rejected as impossible.
pub const IMPOSSIBLE: u8 = 7;

/// A failed command, in the words a person reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub code: u8,
    /// Which of the code's reasons, for programs: `busy`, `config`, `turn_failed`, …
    pub reason: &'static str,
    /// What failed: lower case, no full stop.
    pub what: String,
    pub causes: Vec<String>,
    pub hint: Option<String>,
}

impl Failure {
    pub fn new(code: u8, reason: &'static str, what: impl Into<String>) -> Self {
        Self { code, reason, what: what.into(), causes: Vec::new(), hint: None }
    }

    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With this hint, where there is one.
    #[must_use]
    pub fn or_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint.or(self.hint);
        self
    }

    /// `error:`, `cause:` and `hint:` lines.
    pub fn text(&self) -> String {
        let mut out = format!("error: {}\n", self.what);
        for cause in &self.causes {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "cause: {cause}");
        }
        if let Some(hint) = &self.hint {
            let _ = writeln!(out, "hint: {hint}");
        }
        out
    }

    /// The same for programs.
    pub fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "version": 1,
            "error": self.what,
            "reason": self.reason,
            "exit_code": self.code,
            "causes": self.causes,
            "hint": self.hint,
        })
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let mut failure = Self::new(USAGE, "config", "read the configuration");
        failure.causes = error.lines();
        failure.hint("every key: orchestrator man config; `orchestrator check` reads the file again")
    }
}

impl Failure {
    /// A role that the workflow does not have.
    pub(super) fn no_role(role: &str, known: &[RoleId]) -> Self {
        let known: Vec<&str> = known.iter().map(RoleId::as_str).collect();
        Self::new(USAGE, "usage", format!("`{role}` is not a role of the workflow"))
            .hint(format!("one of {}", known.join(", ")))
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        Self::new(USAGE, "config", "use the configuration").cause(error.to_string())
    }
}

impl From<LoopError> for Failure {
    fn from(error: LoopError) -> Self {
        let text = error.to_string();
        match error {
            LoopError::Dirty(_) => Self::new(REFUSED, "dirty", "take a turn")
                .cause(text)
                .hint("commit them or put them aside (git stash)"),
            LoopError::Unfinished => Self::new(REFUSED, "unfinished", "start role mode")
                .cause(text)
                .hint("let it end first: orchestrator --mode combined --once"),
            LoopError::Driver(e) => {
                Self::new(INTERNAL, "sync", "take turns through the remote").cause(text).or_hint(e.hint())
            }
            LoopError::Remote(e) => {
                let none = matches!(e, RemoteError::NoRemote(_));
                let reason = if none { "no_remote" } else { "sync" };
                Self::new(REFUSED, reason, "reach the remote").cause(text).or_hint(e.hint())
            }
            LoopError::Lock(LockError::Busy(_)) => Self::new(REFUSED, "busy", "start a loop")
                .cause(text)
                .hint("wait for it, or ask it to stop: orchestrator stop"),
            LoopError::StateLock(StateLockError::Held(_)) => Self::new(REFUSED, "busy", "change the state")
                .cause(text)
                .hint("end the program that holds it; a loop that was stopped (SIGSTOP) does"),
            LoopError::TakenOver { .. } => Self::new(
                FENCED,
                "fenced",
                "keep the turn: another program has taken it over",
            )
            .cause(text)
            .hint("its files are in the folder as it left them; locks do not reach all who use this disk"),
            LoopError::State(StateError::Missing { .. }) => {
                Self::new(USAGE, "state", "read the state").cause(text).hint("orchestrator init")
            }
            LoopError::State(StateError::Bad { problem: FieldProblem::StepDialect { .. }, .. }) => {
                Self::new(USAGE, "state", "read the state")
                    .cause(text)
                    .hint("orchestrator init --import-state")
            }
            LoopError::State(StateError::Io { ref path, ref source }) => {
                // Where it is read, it is a file; a folder that cannot be written is no fault of the file.
                let failure = Self::new(INTERNAL, "io", "read or write the state").cause(text);
                failure.or_hint(io_hint(path, source))
            }
            LoopError::State(StateError::TooLarge { ref path, .. } | StateError::Bad { ref path, .. }) => {
                let hint = format!(
                    "mend that place, or take the last one from git: git checkout HEAD -- {}",
                    path.display()
                );
                Self::new(USAGE, "state", "read the state").cause(text).hint(hint)
            }
            LoopError::StateRemoved { ref path, ref commit, .. } => {
                let hint = format!("git checkout {commit}~1 -- :/{}", path.display());
                Self::new(USAGE, "state", "find the state").cause(text).hint(hint)
            }
            // From HEAD, not from a commit before it: no turn may be taken a second time.
            LoopError::StateLost { ref path } => {
                let hint = format!("git checkout HEAD -- :/{}", path.display());
                Self::new(USAGE, "state", "find the state").cause(text).hint(hint)
            }
            LoopError::Preflight(e) => {
                Self::new(REFUSED, "preflight", "begin a turn").cause(text).or_hint(e.hint())
            }
            LoopError::NoRepository => Self::new(USAGE, "no_repository", "start the loop")
                .cause(text)
                .hint("git init, or run without git: orchestrator --no-git"),
            LoopError::Agent(e) => Self::new(USAGE, "agent", "choose an agent").cause(text).hint(e.hint()),
            LoopError::LaterAgent { ref source, .. } => {
                Self::new(USAGE, "agent", "choose an agent").cause(text).hint(source.hint())
            }
            LoopError::GoalIsTemplate(file) => Self::new(USAGE, "goal", "start a model")
                .cause(text)
                .hint(format!("write the goal into {file}, and remove its template line")),
            LoopError::Journal(JournalError::Io { ref path, ref source })
            | LoopError::Seen(SeenError::Io { ref path, ref source }) => private(text, io_hint(path, source)),
            LoopError::Journal(e) => private(text, e.hint()),
            LoopError::Seen(e) => private(text, e.hint()),
            LoopError::Memory(_) => private(text, None),
            LoopError::Git(e) => Self::new(INTERNAL, "git", "run the loop").cause(text).or_hint(e.hint()),
            LoopError::Lock(LockError::Io { ref path, ref source })
            | LoopError::StateLock(StateLockError::Io { ref path, ref source })
            | LoopError::Io { ref path, ref source } => {
                Self::new(INTERNAL, "io", "run the loop").cause(text).or_hint(io_hint(path, source))
            }
            LoopError::Illegal(_) | LoopError::Glob(_) => {
                Self::new(INTERNAL, "io", "run the loop").cause(text)
            }
        }
    }
}

impl From<OneshotError> for Failure {
    fn from(error: OneshotError) -> Self {
        let text = error.to_string();
        let fail = |code, reason, what: &str| Self::new(code, reason, what).cause(text.clone());
        let list = "orchestrator oneshot list";
        match error {
            OneshotError::Damaged { path, .. } => {
                let folder = path.parent().unwrap_or(&path).display().to_string();
                fail(USAGE, "session", "read the session").hint(format!(
                    "its prompts and results are whole: see {folder}; then put the session aside: mv {folder} {folder}.damaged"
                ))
            }
            OneshotError::Newer { .. } => fail(USAGE, "session", "read the session")
                .hint("use the version of the program that wrote it"),
            OneshotError::NoSession => fail(USAGE, "session", "find a session")
                .hint("begin one: orchestrator oneshot \"TASK\""),
            OneshotError::UnknownSession(_) | OneshotError::Ambiguous { .. } => {
                fail(USAGE, "session", "find the session").hint(list)
            }
            OneshotError::Busy(_) => fail(REFUSED, "busy", "take the session")
                .hint("watch it: orchestrator oneshot follow"),
            OneshotError::Refused { id, refusal } => {
                let failure = fail(USAGE, refusal.reason(), "resume the session");
                match refusal {
                    Refusal::Budget { max } => failure
                        .hint(format!("orchestrator oneshot resume {id} --max-iterations {}", max.saturating_mul(2))),
                    _ => failure.hint(format!("orchestrator oneshot view {id}")),
                }
            }
            OneshotError::NoTask | OneshotError::LongTask { .. } | OneshotError::NoIterations => {
                Self::new(USAGE, "usage", text)
            }
            OneshotError::NoBlock { role } => fail(USAGE, "agent", "use the shell agent").hint(match role {
                "worker" => "put a ```sh run block into the task, or choose another agent: --worker-agent NAME".to_owned(),
                _ => format!(
                    "put a ```sh run block into a template of your own and name it as oneshot.prompts.{role}, or choose \
                     another agent: --{role}-agent NAME"
                ),
            }),
            OneshotError::NoModelFlag { agent, .. } => fail(USAGE, "agent", "choose a model")
                .hint(format!("agents: {{{agent}: {{model: {{flag: --model}}}}}} in orchestration.yaml")),
            OneshotError::Agent { role, source } => fail(USAGE, "agent", "choose an agent")
                .hint(source.hint().replace("--agent ", &format!("--{role}-agent "))),
            OneshotError::Template(_) => fail(USAGE, "template", "read a template of oneshot.prompts")
                .hint("mend the file; without the key the built-in template is used"),
            OneshotError::Illegal(_) | OneshotError::Io { .. } => fail(INTERNAL, "io", "go on with the session")
                .hint("orchestrator oneshot resume goes on from what was saved"),
            OneshotError::Git(_) => fail(INTERNAL, "git", "look at the repository")
                .hint("orchestrator oneshot resume goes on from what was saved"),
        }
    }
}

/// A file of the private folder that cannot be used.
fn private(cause: String, hint: Option<String>) -> Failure {
    let failure = Failure::new(INTERNAL, "private", "read .orchestrator/").cause(cause);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

impl From<TurnFailure> for Failure {
    fn from(f: TurnFailure) -> Self {
        let mut failure = Self::new(
            FAILED,
            "turn_failed",
            format!(
                "turn failed: {} iteration {} prompt {} agent {}: {}{}",
                f.role,
                f.iteration,
                f.prompt,
                f.agent,
                f.status,
                f.log.as_ref().map_or_else(String::new, |l| format!(" · log {l}"))
            ),
        );
        failure.causes = f.causes;
        failure.hint(f.hint.unwrap_or_else(|| after_failure(&f.again)))
    }
}

impl From<Reached> for Failure {
    fn from(limit: Reached) -> Self {
        let failure = match limit {
            Reached::NoProgress(_) => Self::new(LIMIT, "stall", "go on without progress"),
            _ => Self::new(LIMIT, "budget", "go on within the budget"),
        };
        let hint = match limit {
            Reached::NoProgress(_) => {
                "look at the last turns' summaries: orchestrator logs --source summaries"
            }
            _ => "the next start counts anew",
        };
        failure.cause(limit.words()).hint(hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_in_three_kinds_of_lines() {
        let f = Failure::new(USAGE, "config", "read x").cause("a").cause("b").hint("do y");
        assert_eq!(f.text(), "error: read x\ncause: a\ncause: b\nhint: do y\n");
        assert_eq!(f.json()["reason"], "config");
    }
}

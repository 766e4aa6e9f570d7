//! The words of the commits: state commits (git-sync.md G5) and their trailers.
//!
//! Written once here and read by audit, recap and the next turn's context, on every machine and
//! in histories of the earlier orchestrator. What comes out of an agent (a reason) is folded into
//! one line first: it must not be able to write trailers of its own.

use std::fmt::{self, Write as _};
use std::time::Duration;

use crate::ids::RoleId;

/// The protocol version that the `Orchestrator` trailer names.
pub const PROTOCOL: u32 = 1;

/// The longest value of a trailer, in characters.
const MAX_VALUE: usize = 400;

/// What a state commit says happened (G5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Init,
    Running,
    /// The turn succeeded. The iteration is the state's after it; `commit` is the role's.
    Ok {
        next: RoleId,
        commit: String,
    },
    Fail {
        commit: String,
    },
    Released,
    Interrupted,
    Exit,
    Resume,
    StartActor,
}

/// Subject and trailers of a state commit.
#[derive(Debug, Clone, PartialEq)]
pub struct StateMessage {
    pub step: Step,
    pub actor: RoleId,
    /// Not written by [`Step::Init`], where it is 1.
    pub iteration: u64,
    pub trailers: Trailers,
}

/// What the body of a state commit records. All of it is optional: the earlier orchestrator
/// writes none, and each step has its own.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trailers {
    pub turn_id: Option<String>,
    pub epoch: Option<u64>,
    pub role: Option<String>,
    /// File name and SHA-256 (hexadecimal) of the prompt.
    pub prompt: Option<(String, String)>,
    pub agent: Option<String>,
    /// How the agent ended: an exit status, a signal, `timeout`.
    pub exit: Option<String>,
    pub reason: Option<String>,
    /// Checks passed and run.
    pub checks: Option<(u32, u32)>,
    /// Written in whole seconds.
    pub duration: Option<Duration>,
    pub tokens: Option<u64>,
    /// US dollars.
    pub cost: Option<f64>,
    pub orchestrator: Option<u32>,
}

impl StateMessage {
    /// The whole message, `suffix` (`sync.message_suffix`) at the end of the subject.
    pub fn render(&self, suffix: Option<&str>) -> String {
        let suffix = suffix.map(one_line).filter(|s| !s.is_empty());
        let suffix = suffix.map(|s| format!(" {s}")).unwrap_or_default();
        let trailers = self.trailers.to_string();
        let gap = if trailers.is_empty() { "" } else { "\n" };
        format!("{}{suffix}\n{gap}{trailers}", self.subject())
    }

    /// The subject, exactly as G5 has it.
    pub fn subject(&self) -> String {
        let Self { actor, iteration, .. } = self;
        let head = match self.step {
            Step::Init => format!("[SYNC init] actor={actor}"),
            _ => format!("[SYNC i={iteration}] actor={actor}"),
        };
        match &self.step {
            Step::Init => format!("{head} status=idle"),
            Step::Running => format!("{head} status=running"),
            Step::Ok { next, commit } => {
                format!("{head} → next={next} status=ok {}={commit}", actor.commit_key())
            }
            Step::Fail { commit } => format!("{head} status=fail {}={commit}", actor.commit_key()),
            Step::Released => format!("{head} status=released"),
            Step::Interrupted => format!("{head} status=interrupted"),
            Step::Exit => format!("{head} exit=true"),
            Step::Resume => format!("{head} resume"),
            Step::StartActor => format!("{head} start-actor"),
        }
    }

    /// Reads a message back; `None` if it is not one of a state commit. Words it does not know
    /// (a suffix) are passed over.
    pub fn parse(message: &str) -> Option<Self> {
        let subject = message.lines().next()?;
        let (tag, rest) = subject.strip_prefix("[SYNC ")?.split_once(']')?;
        let iteration = match tag {
            "init" => 1,
            _ => tag.strip_prefix("i=")?.parse().ok()?,
        };
        let words: Vec<&str> = rest.split_whitespace().collect();
        let value = |key: &str| words.iter().find_map(|w| w.strip_prefix(key)?.strip_prefix('='));
        let actor = RoleId::parse(value("actor")?).ok()?;
        let commit = || value(&actor.commit_key()).unwrap_or_default().to_owned();
        let step = match value("status") {
            Some("idle") if tag == "init" => Step::Init,
            Some("running") => Step::Running,
            Some("ok") => Step::Ok { next: RoleId::parse(value("next")?).ok()?, commit: commit() },
            Some("fail") => Step::Fail { commit: commit() },
            Some("released") => Step::Released,
            Some("interrupted") => Step::Interrupted,
            None if value("exit") == Some("true") => Step::Exit,
            None if words.contains(&"resume") => Step::Resume,
            None if words.contains(&"start-actor") => Step::StartActor,
            _ => return None,
        };
        Some(Self { step, actor, iteration, trailers: Trailers::parse(message) })
    }
}

impl fmt::Display for Trailers {
    /// One `Key: value` line each, in the order of G5.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |key: &str, value: Option<String>| match value.map(|v| one_line(&v)) {
            Some(value) if !value.is_empty() => writeln!(f, "{key}: {value}"),
            _ => Ok(()),
        };
        line("Turn-Id", self.turn_id.clone())?;
        line("Epoch", self.epoch.map(|n| n.to_string()))?;
        line("Role", self.role.clone())?;
        line("Prompt", self.prompt.as_ref().map(|(name, sha)| format!("{name} sha256:{sha}")))?;
        line("Agent", self.agent.clone())?;
        line("Exit", self.exit.clone())?;
        line("Reason", self.reason.clone())?;
        line("Checks", self.checks.map(|(passed, run)| format!("{passed}/{run}")))?;
        line("Duration", self.duration.map(|d| format!("{}s", d.as_secs())))?;
        line("Tokens", self.tokens.map(|n| n.to_string()))?;
        line("Cost", self.cost.map(|c| format!("${c:.4}")))?;
        line("Orchestrator", self.orchestrator.map(|v| v.to_string()))
    }
}

impl Trailers {
    /// Reads the last paragraph of a message. Unknown keys and broken values are passed over:
    /// people and agents write messages too.
    pub fn parse(message: &str) -> Self {
        let mut found = Self::default();
        let body = message.trim_end().split_once("\n\n").map_or("", |(_, body)| body);
        let last = body.rsplit("\n\n").next().unwrap_or("");
        for line in last.lines() {
            if let Some((key, value)) = line.split_once(": ") {
                found.set(key, value.trim());
            }
        }
        found
    }

    fn set(&mut self, key: &str, value: &str) {
        let text = Some(value.to_owned());
        match key {
            "Turn-Id" => self.turn_id = text,
            "Epoch" => self.epoch = value.parse().ok(),
            "Role" => self.role = text,
            "Prompt" => {
                self.prompt =
                    value.rsplit_once(" sha256:").map(|(name, sha)| (name.to_owned(), sha.to_owned()));
            }
            "Agent" => self.agent = text,
            "Exit" => self.exit = text,
            "Reason" => self.reason = text,
            "Checks" => self.checks = ratio(value),
            "Duration" => {
                let seconds = value.strip_suffix('s').and_then(|v| v.parse().ok());
                self.duration = seconds.map(Duration::from_secs);
            }
            "Tokens" => self.tokens = value.parse().ok(),
            "Cost" => self.cost = value.strip_prefix('$').and_then(|v| v.parse().ok()),
            "Orchestrator" => self.orchestrator = value.parse().ok(),
            _ => {}
        }
    }
}

/// The groups of automatic commits, in the order in which they are made (T22), and the commit of
/// a person's steering before a claim (T23a).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    Reports,
    Tracked,
    Docs,
    Work,
    Steering,
}

impl Group {
    /// The word in the subject (T24).
    pub fn words(self) -> &'static str {
        match self {
            Self::Reports => "reports evidence",
            Self::Tracked => "tracked outputs",
            Self::Docs => "doc/meta hygiene",
            Self::Work => "work left uncommitted",
            Self::Steering => "steering",
        }
    }
}

/// Message of an automatic commit (T24).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutoMessage {
    pub group: Group,
    /// `SUPERVISOR` for galph, else the role in capitals; see [`auto_name`].
    pub who: String,
    /// The prompt file's name; a steering commit has none.
    pub prompt: Option<String>,
    pub iteration: u64,
    /// Checks passed and run in this turn, if any ran.
    pub tests: Option<(u32, u32)>,
}

/// How automatic commits call a role.
pub fn auto_name(role: &RoleId) -> String {
    match role.as_str() {
        "galph" => "SUPERVISOR".to_owned(),
        other => other.to_ascii_uppercase(),
    }
}

impl AutoMessage {
    /// The whole message; `files` are texts of one line each.
    pub fn render(&self, files: &[String], suffix: Option<&str>) -> String {
        let mut out = self.subject();
        if let Some(suffix) = suffix.map(one_line).filter(|s| !s.is_empty()) {
            let _ = write!(out, " {suffix}");
        }
        out.push_str("\n\nFiles:\n");
        for file in files {
            let _ = writeln!(out, " - {file}");
        }
        out
    }

    pub fn subject(&self) -> String {
        let Self { group, who, prompt, iteration, tests } = self;
        let mut out = format!("{who} AUTO");
        if let Some(prompt) = prompt {
            let _ = write!(out, " (prompt={})", one_line(prompt));
        }
        let _ = write!(out, " (iter={iteration:05}): {}", group.words());
        if *group != Group::Steering {
            let tests = tests.map_or("not run".to_owned(), |(n, m)| format!("passed {n}/{m}"));
            let _ = write!(out, " — tests: {tests}");
        }
        out
    }

    /// Reads a subject back; `None` if it is not one of an automatic commit.
    pub fn parse(message: &str) -> Option<Self> {
        let (who, rest) = message.lines().next()?.split_once(" AUTO ")?;
        let (prompt, rest) = match rest.strip_prefix("(prompt=") {
            Some(rest) => {
                let (prompt, rest) = rest.split_once(") (iter=")?;
                (Some(prompt.to_owned()), rest)
            }
            None => (None, rest.strip_prefix("(iter=")?),
        };
        let (iteration, rest) = rest.split_once("): ")?;
        let groups = [Group::Reports, Group::Tracked, Group::Docs, Group::Work, Group::Steering];
        let group = groups.into_iter().find(|g| rest.starts_with(g.words()))?;
        let tests = rest.split_once("tests: passed ").and_then(|(_, t)| ratio(t.split(' ').next()?));
        Some(Self { group, who: who.to_owned(), prompt, iteration: iteration.parse().ok()?, tests })
    }
}

fn ratio(text: &str) -> Option<(u32, u32)> {
    let (a, b) = text.split_once('/')?;
    Some((a.parse().ok()?, b.parse().ok()?))
}

/// Folds white space and control characters into single spaces and bounds the length.
fn one_line(text: &str) -> String {
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let folded = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    if folded.chars().count() <= MAX_VALUE {
        return folded;
    }
    folded.chars().take(MAX_VALUE - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests;

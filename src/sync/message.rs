//! Commit messages: subjects, trailers and the auto-commit form (git-sync.md G5, turns.md T24). Pure.

use std::fmt::Write as _;

use crate::ids::RoleId;

/// Written as the `Orchestrator` trailer.
pub const PROTOCOL: u32 = 1;

/// The subject of a state commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    Init {
        actor: RoleId,
    },
    Claim {
        iteration: u64,
        actor: RoleId,
    },
    /// `iteration` is the new one.
    Ok {
        iteration: u64,
        actor: RoleId,
        next: RoleId,
        commit: String,
    },
    Fail {
        iteration: u64,
        actor: RoleId,
        commit: String,
    },
    Released {
        iteration: u64,
        actor: RoleId,
    },
    Interrupted {
        iteration: u64,
        actor: RoleId,
    },
    Exit {
        iteration: u64,
        actor: RoleId,
    },
    Resume {
        iteration: u64,
        actor: RoleId,
    },
    StartActor {
        iteration: u64,
        actor: RoleId,
    },
}

impl Subject {
    /// The first line, exactly as G5 has it.
    pub fn line(&self) -> String {
        match self {
            Self::Init { actor } => format!("[SYNC init] actor={actor} status=idle"),
            Self::Claim { iteration, actor } => format!("[SYNC i={iteration}] actor={actor} status=running"),
            Self::Ok { iteration, actor, next, commit } => {
                format!("[SYNC i={iteration}] actor={actor} → next={next} status=ok {actor}_commit={commit}")
            }
            Self::Fail { iteration, actor, commit } => {
                format!("[SYNC i={iteration}] actor={actor} status=fail {actor}_commit={commit}")
            }
            Self::Released { iteration, actor } => {
                format!("[SYNC i={iteration}] actor={actor} status=released")
            }
            Self::Interrupted { iteration, actor } => {
                format!("[SYNC i={iteration}] actor={actor} status=interrupted")
            }
            Self::Exit { iteration, actor } => format!("[SYNC i={iteration}] actor={actor} exit=true"),
            Self::Resume { iteration, actor } => format!("[SYNC i={iteration}] actor={actor} resume"),
            Self::StartActor { iteration, actor } => {
                format!("[SYNC i={iteration}] actor={actor} start-actor")
            }
        }
    }
}

/// What a state commit says beyond its subject.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Trailers {
    pub turn_id: Option<String>,
    pub epoch: Option<u64>,
    pub role: Option<String>,
    /// Name and SHA-256.
    pub prompt: Option<(String, String)>,
    pub agent: Option<String>,
    /// Exit status, `signal N`.
    pub exit: Option<String>,
    pub reason: Option<String>,
    pub checks: Option<String>,
    pub duration: Option<String>,
    pub tokens: Option<u64>,
    pub cost: Option<f64>,
}

/// A state commit's whole message.
pub fn state_message(subject: &Subject, suffix: Option<&str>, trailers: &Trailers) -> String {
    let mut out = subject.line();
    if let Some(suffix) = suffix.filter(|s| !s.is_empty()) {
        out.push(' ');
        out.push_str(&flat(suffix));
    }
    out.push_str("\n\n");
    let mut put = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{key}: {}", flat(&value));
        }
    };
    put("Turn-Id", trailers.turn_id.clone());
    put("Epoch", trailers.epoch.map(|e| e.to_string()));
    put("Role", trailers.role.clone());
    put("Prompt", trailers.prompt.as_ref().map(|(name, sha)| format!("{name} {sha}")));
    put("Agent", trailers.agent.clone());
    put("Exit", trailers.exit.clone());
    put("Reason", trailers.reason.clone());
    put("Checks", trailers.checks.clone());
    put("Duration", trailers.duration.clone());
    put("Tokens", trailers.tokens.map(|t| t.to_string()));
    put("Cost", trailers.cost.map(|c| format!("{c:.4}")));
    put("Orchestrator", Some(PROTOCOL.to_string()));
    out
}

/// The value of a trailer in a message's last paragraph.
pub fn trailer<'a>(message: &'a str, key: &str) -> Option<&'a str> {
    let block = message.trim_end().rsplit("\n\n").next()?;
    block.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix(": ")).map(str::trim)
}

/// The auto-commit groups of T22, by the words of T24.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    Reports,
    Tracked,
    Docs,
    Work,
}

impl Group {
    pub fn words(self) -> &'static str {
        match self {
            Self::Reports => "reports evidence",
            Self::Tracked => "tracked outputs",
            Self::Docs => "doc/meta hygiene",
            Self::Work => "work left uncommitted",
        }
    }
}

/// `SUPERVISOR AUTO` for galph, else the upper-cased id.
fn auto_name(role: &RoleId) -> String {
    if role.as_str() == "galph" {
        "SUPERVISOR AUTO".into()
    } else {
        format!("{} AUTO", role.as_str().to_uppercase())
    }
}

/// An auto-commit's message (T24).
pub fn auto_message(
    role: &RoleId,
    prompt: &str,
    iteration: u64,
    group: Group,
    tests: &str,
    paths: &[String],
) -> String {
    let head = auto_name(role);
    let words = group.words();
    let mut out =
        format!("{head} (prompt={prompt}) (iter={iteration:05}): {words} — tests: {tests}\n\nFiles:\n");
    for path in paths {
        let _ = writeln!(out, " - {}", flat(path));
    }
    out
}

/// The message of documents a person changed between turns (T23a).
pub fn steering_message(role: &RoleId, iteration: u64, paths: &[String]) -> String {
    let mut out = format!("{} (iter={iteration:05}): steering\n\nFiles:\n", auto_name(role));
    for path in paths {
        let _ = writeln!(out, " - {}", flat(path));
    }
    out
}

/// Text from outside stays on its line.
fn flat(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(name: &str) -> RoleId {
        RoleId::parse(name).unwrap()
    }

    /// G5: subjects, to the letter.
    #[test]
    fn subjects_are_exact() {
        let (galph, ralph) = (role("galph"), role("ralph"));
        let commit = || "abc1234".to_owned();
        let lines = [
            Subject::Init { actor: galph.clone() },
            Subject::Claim { iteration: 17, actor: galph.clone() },
            Subject::Ok { iteration: 17, actor: galph.clone(), next: ralph.clone(), commit: commit() },
            Subject::Ok { iteration: 18, actor: ralph.clone(), next: galph.clone(), commit: commit() },
            Subject::Fail { iteration: 17, actor: ralph.clone(), commit: commit() },
            Subject::Released { iteration: 17, actor: ralph.clone() },
            Subject::Interrupted { iteration: 17, actor: ralph },
            Subject::Exit { iteration: 17, actor: galph.clone() },
            Subject::Resume { iteration: 17, actor: galph.clone() },
            Subject::StartActor { iteration: 17, actor: galph },
        ]
        .map(|s| s.line());
        assert_eq!(
            lines,
            [
                "[SYNC init] actor=galph status=idle",
                "[SYNC i=17] actor=galph status=running",
                "[SYNC i=17] actor=galph → next=ralph status=ok galph_commit=abc1234",
                "[SYNC i=18] actor=ralph → next=galph status=ok ralph_commit=abc1234",
                "[SYNC i=17] actor=ralph status=fail ralph_commit=abc1234",
                "[SYNC i=17] actor=ralph status=released",
                "[SYNC i=17] actor=ralph status=interrupted",
                "[SYNC i=17] actor=galph exit=true",
                "[SYNC i=17] actor=galph resume",
                "[SYNC i=17] actor=galph start-actor",
            ]
        );
    }

    #[test]
    fn trailers_are_read_back_and_cannot_be_forged_by_a_reason() {
        let trailers = Trailers {
            turn_id: Some("t-1".into()),
            epoch: Some(7),
            reason: Some("line\nEpoch: 99".into()),
            cost: Some(0.5),
            ..Trailers::default()
        };
        let subject = Subject::Claim { iteration: 1, actor: role("galph") };
        let text = state_message(&subject, Some("[skip ci]"), &trailers);
        assert!(
            text.starts_with("[SYNC i=1] actor=galph status=running [skip ci]\n\nTurn-Id: t-1\nEpoch: 7\n")
        );
        assert_eq!(trailer(&text, "Epoch"), Some("7"));
        assert_eq!(trailer(&text, "Cost"), Some("0.5000"));
        assert_eq!(trailer(&text, "Orchestrator"), Some("1"));
        assert_eq!(trailer(&text, "Exit"), None);
    }

    /// T24: the forms of auto-commits.
    #[test]
    fn auto_messages_have_their_form() {
        let text =
            auto_message(&role("galph"), "supervisor.md", 17, Group::Reports, "not run", &["a b".into()]);
        assert_eq!(
            text,
            "SUPERVISOR AUTO (prompt=supervisor.md) (iter=00017): reports evidence — tests: not run\n\nFiles:\n - a b\n"
        );
        let text = auto_message(&role("ralph"), "main.md", 3, Group::Work, "passed 1/2", &[]);
        assert!(text.starts_with(
            "RALPH AUTO (prompt=main.md) (iter=00003): work left uncommitted — tests: passed 1/2\n"
        ));
        assert!(steering_message(&role("ralph"), 17, &[]).starts_with("RALPH AUTO (iter=00017): steering\n"));
    }
}

//! Which prompt runs next (turns.md T9 to T12): pure.

use std::fmt;

use super::prompt_name::{PromptError, normalise};
use super::workflow::Workflow;
use crate::ids::RoleId;

/// In which order the deterministic choice and the router prompt's answer count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Deterministic first; an answer may replace it.
    #[default]
    RouterDefault,
    /// The answer if a router prompt is configured, else deterministic.
    RouterFirst,
    /// The answer is required (for the first role).
    RouterOnly,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RouterDefault => "router_default",
            Self::RouterFirst => "router_first",
            Self::RouterOnly => "router_only",
        })
    }
}

/// The router's settings. Names are normalised.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    pub enabled: bool,
    pub mode: Mode,
    /// The prompt whose answer may replace the choice.
    pub prompt: Option<String>,
    /// 0: never.
    pub review_every_n: u64,
    /// Empty: every prompt that T10 (b) and (c) let through.
    pub allowlist: Vec<String>,
    pub prompts_dir: String,
}

/// Who made a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Deterministic,
    Router,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deterministic => "deterministic",
            Self::Router => "router",
        })
    }
}

/// A routing decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    pub prompt: String,
    pub source: Source,
    /// Which rule chose, in words.
    pub reason: String,
    /// The router prompt's raw answer, if it was asked.
    pub answer: Option<String>,
}

/// Why nothing may run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    #[error("router mode router_only needs an answer, and no router prompt is configured")]
    NoRouterPrompt,
    #[error("the router prompt gave no answer")]
    EmptyAnswer,
    #[error("the router prompt answered {0} lines; one prompt name was expected")]
    SeveralLines(usize),
    #[error("the router prompt answered a name that cannot be taken: {0}")]
    BadName(PromptError),
    #[error("`{prompt}` (chosen by {rule}) is not in the allowlist: {}", .allowed.join(", "))]
    NotInAllowlist { prompt: String, rule: String, allowed: Vec<String> },
    #[error("`{prompt}` (chosen by {rule}) is not allowed for {role}: {}", .allowed.join(", "))]
    NotForActor { prompt: String, rule: String, role: RoleId, allowed: Vec<String> },
    #[error("`{0}` is not a role of the workflow")]
    UnknownRole(RoleId),
}

/// The deterministic choice: the role's own prompt, but the reviewer for the first role on a
/// cadence hit. One hit an iteration, however many roles there are (T9).
pub fn deterministic(
    workflow: &Workflow,
    rules: &Rules,
    role: &RoleId,
    iteration: u64,
) -> Result<Choice, RouteError> {
    let step = workflow.step(role).ok_or_else(|| RouteError::UnknownRole(role.clone()))?;
    let own = |reason: String| Choice {
        prompt: step.prompt.clone(),
        source: Source::Deterministic,
        reason,
        answer: None,
    };
    if !rules.enabled {
        return Ok(own(format!("{role}'s own prompt (router off)")));
    }
    let n = rules.review_every_n;
    if n > 0 && iteration.is_multiple_of(n) {
        if workflow.is_first(role) {
            return Ok(Choice {
                prompt: workflow.reviewer.clone(),
                source: Source::Deterministic,
                reason: format!("review cadence: iteration {iteration} is a multiple of {n}"),
                answer: None,
            });
        }
        return Ok(own(format!("{role}'s own prompt (the review cadence is the first role's)")));
    }
    Ok(own(format!("{role}'s own prompt")))
}

/// Whether the router prompt is run for this turn, and its name. `Err`: `router_only` lacks one.
pub fn override_prompt<'a>(
    workflow: &Workflow,
    rules: &'a Rules,
    role: &RoleId,
) -> Result<Option<&'a str>, RouteError> {
    if !rules.enabled || !workflow.is_first(role) {
        return Ok(None);
    }
    match (&rules.prompt, rules.mode) {
        (Some(prompt), _) => Ok(Some(prompt)),
        (None, Mode::RouterOnly) => Err(RouteError::NoRouterPrompt),
        (None, Mode::RouterDefault | Mode::RouterFirst) => Ok(None),
    }
}

/// Reads the router prompt's answer: a single non-empty line that names a prompt (T9, T10).
pub fn read_answer(rules: &Rules, answer: &str) -> Result<Choice, RouteError> {
    let lines: Vec<&str> = answer.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    let line = match lines.as_slice() {
        [] => return Err(RouteError::EmptyAnswer),
        [one] => *one,
        several => return Err(RouteError::SeveralLines(several.len())),
    };
    let prompt = normalise(line, &rules.prompts_dir).map_err(RouteError::BadName)?;
    Ok(Choice {
        prompt,
        source: Source::Router,
        reason: format!("the router prompt's answer ({})", rules.mode),
        answer: Some(answer.to_owned()),
    })
}

/// T10 (a) and (b). (c), the existing file, is the caller's: it needs the disk.
pub fn check(workflow: &Workflow, rules: &Rules, role: &RoleId, choice: &Choice) -> Result<(), RouteError> {
    let prompt = choice.prompt.clone();
    let rule = choice.reason.clone();
    if rules.enabled && !rules.allowlist.is_empty() && !rules.allowlist.contains(&prompt) {
        return Err(RouteError::NotInAllowlist { prompt, rule, allowed: rules.allowlist.clone() });
    }
    let allowed = workflow.allowed_for(role);
    if !allowed.contains(&prompt) {
        return Err(RouteError::NotForActor { prompt, rule, role: role.clone(), allowed });
    }
    Ok(())
}

#[cfg(test)]
#[path = "router_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "router_tests_edges.rs"]
mod tests_edges;

//! The environment names of the earlier orchestrator (turns.md T34): pure.

use super::layers::{Override, Source};

/// How a variable's text becomes values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    One,
    /// Separated by commas.
    Commas,
}

/// A name may stand twice: it then sets two keys.
const TABLE: &[(&str, &str, Form)] = &[
    ("ORCHESTRATOR_MODE", "run.mode", Form::One),
    ("ORCHESTRATOR_ROLE", "run.role", Form::One),
    ("ORCHESTRATION_BRANCH", "run.branch", Form::One),
    ("SYNC_LOOPS", "run.sync_loops", Form::One),
    ("POLL_INTERVAL", "sync.poll_interval", Form::One),
    ("POLL_INTERVAL", "run.pause_secs", Form::One),
    ("MAX_WAIT_SEC", "run.max_wait_secs", Form::One),
    ("STATE_FILE", "state_file", Form::One),
    ("ORCHESTRATOR_AGENT", "agent.default", Form::One),
    ("ORCHESTRATOR_AGENT_ROLE", "run.agent_roles", Form::Commas),
    ("ORCHESTRATOR_AGENT_PROMPT", "run.agent_prompts", Form::Commas),
    ("SUPERVISOR_PROMPT", "supervisor_prompt", Form::One),
    ("LOOP_PROMPT", "main_prompt", Form::One),
    ("REVIEWER_PROMPT", "reviewer_prompt", Form::One),
    ("ROUTER_PROMPT", "router.prompt", Form::One),
    ("ROUTER_MODE", "router.mode", Form::One),
    ("ROUTER_ALLOWLIST", "router.allowlist", Form::Commas),
    ("ROUTER_REVIEW_EVERY_N", "router.review_every_n", Form::One),
    ("CLAUDE_CMD", "agents.claude.command", Form::One),
    ("CODEX_CMD", "agents.codex.command", Form::One),
];

/// Each variable that counts, and the key it sets.
pub fn env_names() -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLE.iter().map(|(name, path, _)| (*name, *path))
}

/// The overrides that an environment holds. Empty values count as unset.
pub(super) fn overrides(vars: &[(String, String)]) -> Vec<Override> {
    let value =
        |name: &str| vars.iter().find(|(k, _)| k == name).map(|(_, v)| v.trim()).filter(|v| !v.is_empty());
    TABLE
        .iter()
        .filter_map(|(name, path, form)| {
            let text = value(name)?;
            let texts = match form {
                Form::One => vec![text.to_owned()],
                Form::Commas => {
                    text.split(',').map(|t| t.trim().to_owned()).filter(|t| !t.is_empty()).collect()
                }
            };
            Some(Override { path: (*path).into(), texts, source: Source::Env { name: (*name).into() } })
        })
        .collect()
}

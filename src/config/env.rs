//! The environment names of the earlier orchestrator (turns.md T34): pure.

use super::layers::{Override, Source};

/// How a variable's text becomes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    One,
    /// Separated by commas.
    Commas,
    /// Words as a shell would split them, without expansion.
    Words,
}

const TABLE: &[(&str, &str, Form)] = &[
    ("STATE_FILE", "state_file", Form::One),
    ("ORCHESTRATOR_AGENT", "agent.default", Form::One),
    ("SUPERVISOR_PROMPT", "supervisor_prompt", Form::One),
    ("LOOP_PROMPT", "main_prompt", Form::One),
    ("REVIEWER_PROMPT", "reviewer_prompt", Form::One),
    ("ROUTER_PROMPT", "router.prompt", Form::One),
    ("ROUTER_MODE", "router.mode", Form::One),
    ("ROUTER_ALLOWLIST", "router.allowlist", Form::Commas),
    ("ROUTER_REVIEW_EVERY_N", "router.review_every_n", Form::One),
    ("CLAUDE_CMD", "agents.claude.command", Form::Words),
    ("CODEX_CMD", "agents.codex.command", Form::Words),
];

/// Names that set loop options rather than configuration keys; the command line reads them.
pub const ENV_NAMES: &[&str] = &[
    "ORCHESTRATOR_MODE",
    "ORCHESTRATOR_ROLE",
    "ORCHESTRATION_BRANCH",
    "SYNC_LOOPS",
    "POLL_INTERVAL",
    "MAX_WAIT_SEC",
    "ORCHESTRATOR_AGENT_ROLE",
    "ORCHESTRATOR_AGENT_PROMPT",
];

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
                Form::Words => words(text),
            };
            Some(Override { path: (*path).into(), texts, source: Source::Env { name: (*name).into() } })
        })
        .collect()
}

/// Splits at blanks; quotes and backslashes group as in a shell.
fn words(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            (c, Some(q)) if c == q => quote = None,
            ('\\', None | Some('"')) => word.get_or_insert_default().extend(chars.next()),
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, None) if c.is_whitespace() => out.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    out.extend(word);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_split_like_a_shell() {
        assert_eq!(words(r#"a 'b c' "d \" e" f\ g ''"#), ["a", "b c", "d \" e", "f g", ""]);
    }
}

//! What agents say when they will not start, and what helps (agents.md A8): pure. This is advice for a person;
//! nothing is decided by it.

/// Words of a refusal, all in one line, and its remedy. Those of the first agents were seen with the versions in the
/// table.
const KNOWN: &[(&[&str], &str)] = &[
    (
        &["the prompt has no `sh run` block"],
        "the shipped prompts are for models: choose one (--agent claude), or write a ```sh run block into the prompt",
    ),
    (
        &["--dangerously-skip-permissions", "root/sudo"],
        "claude does not run without permission prompts as root: use another user or, in a container, set IS_SANDBOX=1",
    ),
    (
        &["Not logged in", "/login"],
        "run `claude` once by hand and log in with /login, or set ANTHROPIC_API_KEY",
    ),
    (&["token has expired"], EXPIRED),
    (&["authentication_error"], EXPIRED),
    (&["API Error: 401"], EXPIRED),
    (
        &["Invalid API key"],
        "the key in ANTHROPIC_API_KEY is not accepted: set another, or unset it and log in with /login",
    ),
    (&["Please set an Auth method"], "run `gemini` once by hand and log in, or set GEMINI_API_KEY"),
    (
        &["folder is not trusted"],
        "pass --skip-trust in the agent's command, or trust the folder by running `gemini` in it by hand",
    ),
    (
        &["Not inside a trusted directory"],
        "run it in a git repository, or add --skip-git-repo-check to the agent's command",
    ),
    (
        &["401 Unauthorized"],
        "log in once by hand (`codex login`, `opencode auth login`), or set the provider's API key",
    ),
    (
        &["ProviderModelNotFoundError"],
        "opencode knows no such model: choose one with `opencode models` and set it in its configuration",
    ),
    (&["Authentication required"], "log in once by hand, or set the agent's API key"),
    (&["unknown option"], OLD),
    (&["unexpected argument"], OLD),
    (&["Unknown argument"], OLD),
];

const EXPIRED: &str = "the login is not valid any more: run the agent once by hand and log in again (`claude`: /login), or set its API key \
     (`claude`: ANTHROPIC_API_KEY)";

const OLD: &str = "the installed version does not know this command line (`orchestrator agents` shows both): update it, or set the agent's `command` in orchestration.yaml";

/// The remedy for a refusal that these lines hold, if it is a known one.
pub fn remedy<'a>(lines: impl IntoIterator<Item = &'a str>) -> Option<&'static str> {
    let lines: Vec<&str> = lines.into_iter().flat_map(str::lines).collect();
    let said = |words: &[&str]| lines.iter().any(|line| words.iter().all(|word| line.contains(word)));
    KNOWN.iter().find(|(words, _)| said(words)).map(|(_, remedy)| *remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A8: what the real CLIs said.
    #[test]
    fn known_refusals() {
        for (line, word) in [
            (
                "--dangerously-skip-permissions cannot be used with root/sudo privileges for security reasons",
                "IS_SANDBOX",
            ),
            (
                "API Error: 401 {\"type\":\"error\",\"error\":{\"type\":\"authentication_error\",\"message\":\"OAuth token has expired.\"}}",
                "log in again",
            ),
            ("Not logged in · Please run /login", "/login"),
            (
                "Please set an Auth method in your /home/user/.gemini/settings.json or specify one of the following environment variables before running: GEMINI_API_KEY",
                "GEMINI_API_KEY",
            ),
            (
                "Approval mode overridden to \"default\" because the current folder is not trusted.",
                "--skip-trust",
            ),
            ("error: unexpected argument '--jsonx' found", "update"),
        ] {
            assert!(remedy(["before", line]).is_some_and(|r| r.contains(word)), "{line}");
        }
        assert_eq!(remedy(["Not logged", "in /login"]), None);
        assert_eq!(remedy([]), None);
    }
}

//! Where a login of an agent shows: in a variable or in a file (agents.md A8). Part of the table; pure.
//!
//! The files are those that the checked versions write. What is not listed here has no known place, and nothing is
//! said about it.

struct Known {
    agent: &'static str,
    /// One that is set is a login.
    vars: &'static [&'static str],
    /// Below the home folder; one that is there is a login.
    files: &'static [&'static str],
    remedy: &'static str,
}

const KNOWN: &[Known] = &[
    Known {
        agent: "claude",
        vars: &[
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_AUTH_TOKEN",
            "CLAUDE_CODE_OAUTH_TOKEN",
            "CLAUDE_CODE_USE_BEDROCK",
            "CLAUDE_CODE_USE_VERTEX",
            "CLAUDE_CONFIG_DIR",
        ],
        files: &[".claude/.credentials.json", "Library/Keychains"],
        remedy: "run `claude` once by hand and log in with /login, or set ANTHROPIC_API_KEY",
    },
    Known {
        agent: "codex",
        vars: &["OPENAI_API_KEY", "CODEX_API_KEY", "CODEX_HOME"],
        files: &[".codex/auth.json", ".codex/config.toml"],
        remedy: "codex login, or set OPENAI_API_KEY",
    },
    Known {
        agent: "gemini",
        vars: &["GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI"],
        files: &[".gemini/oauth_creds.json", ".gemini/.env"],
        remedy: "run `gemini` once by hand and log in, or set GEMINI_API_KEY",
    },
];

/// What helps if no sign of a login is to be seen; none if there is one, or if nobody knows where to look. `set`: a
/// variable has a value; `there`: a file below the home folder exists.
pub fn login_missing(
    agent: &str,
    set: &dyn Fn(&str) -> bool,
    there: &dyn Fn(&str) -> bool,
) -> Option<&'static str> {
    let known = KNOWN.iter().find(|known| known.agent == agent)?;
    let seen = known.vars.iter().any(|v| set(v)) || known.files.iter().any(|f| there(f));
    (!seen).then_some(known.remedy)
}

/// Why an agent with this command line does not start as root, and what helps.
pub fn refuses_root(command: &[String], set: &dyn Fn(&str) -> bool) -> Option<&'static str> {
    let skips = command.iter().any(|word| word == "--dangerously-skip-permissions");
    (skips && !set("IS_SANDBOX"))
        .then_some("it does not run without permission prompts as root: use another user or, in a container, set IS_SANDBOX=1")
}

/// Whether version `a` is older than `b`, both numbers with dots.
pub fn older(a: &str, b: &str) -> bool {
    let numbers = |text: &str| -> Vec<u64> {
        let digits =
            text.split(['.', '-', '+']).map(|part| part.chars().take_while(char::is_ascii_digit).collect());
        digits.map_while(|part: String| part.parse().ok()).collect()
    };
    numbers(a) < numbers(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_a_variable_or_a_file() {
        let none = |_: &str| false;
        assert!(login_missing("claude", &none, &none).unwrap().contains("/login"));
        assert_eq!(login_missing("claude", &|v| v == "ANTHROPIC_API_KEY", &none), None);
        assert_eq!(login_missing("codex", &none, &|f| f == ".codex/auth.json"), None);
        assert_eq!(login_missing("mine", &none, &none), None, "nobody knows");
        let argv = ["x".to_owned(), "--dangerously-skip-permissions".to_owned()];
        assert!(refuses_root(&argv, &none).is_some());
        assert_eq!(refuses_root(&argv, &|v| v == "IS_SANDBOX"), None);
        assert_eq!(refuses_root(&argv[..1], &none), None);
    }

    #[test]
    fn versions_are_numbers() {
        assert!(older("2.1.9", "2.1.197") && older("0.86", "0.86.1") && older("1.9", "1.10.0"));
        assert!(!older("2.1.197", "2.1.197") && !older("3", "2.9"));
    }
}

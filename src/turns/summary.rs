//! The Markdown summary of a turn (turns.md T29): pure.

use std::fmt::Write as _;

use crate::supervise::Usage;

/// What a summary tells.
pub(super) struct Summary<'a> {
    pub title: String,
    pub outcome: &'a str,
    pub cause: Option<&'a str>,
    pub message: Option<&'a str>,
    pub commits: &'a [String],
    pub files: &'a [String],
    pub checks: &'a [String],
    pub usage: Option<Usage>,
    /// The agent's own, by which it can be asked again.
    pub session: Option<&'a str>,
    pub log: &'a str,
}

impl Summary<'_> {
    pub(super) fn render(&self) -> String {
        let mut out = format!("# {}\n\n{}\n", self.title, self.outcome);
        // Writing to a String cannot fail.
        if let Some(cause) = self.cause {
            let _ = writeln!(out, "\nCause: {cause}");
        }
        let message = self.message.map_or("(the agent gave none)", str::trim);
        let _ = writeln!(out, "\n## Final message\n\n{message}");
        list(&mut out, "Commits", self.commits);
        list(&mut out, "Files changed", self.files);
        list(&mut out, "Checks", self.checks);
        let tokens = |n: Option<u64>| n.map_or_else(|| "unknown".into(), |n| n.to_string());
        let usage = self.usage.unwrap_or_default();
        let cost = usage.cost_usd.map_or_else(|| "unknown".into(), |c| format!("${c:.4}"));
        let _ = writeln!(
            out,
            "\n## Cost\n\ninput tokens {}, output tokens {}, cost {cost}\n",
            tokens(usage.input_tokens),
            tokens(usage.output_tokens)
        );
        if let Some(session) = self.session {
            let _ = writeln!(out, "Session: {session}");
        }
        let _ = writeln!(out, "Log: {}", self.log);
        out
    }
}

fn list(out: &mut String, title: &str, items: &[String]) {
    if items.is_empty() {
        return;
    }
    let _ = write!(out, "\n## {title}\n\n");
    for item in items.iter().take(200) {
        let _ = writeln!(out, "- {item}");
    }
    if items.len() > 200 {
        let _ = writeln!(out, "- and {} more", items.len() - 200);
    }
}

//! Which version of an agent is installed: the one thing that is run of an agent nobody asked to work.

use std::path::Path;
use std::time::Duration;

use crate::clock::Clock;
use crate::supervise::{self, Activity, Kind, Limits, Request, Stop};

/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(15);

/// Asks `PROGRAM --version`. `None`: it gave no number.
pub async fn version(
    program: &Path,
    root: &Path,
    attempt: String,
    stop: &Stop,
    clock: &dyn Clock,
) -> Option<String> {
    let argv = vec![program.as_os_str().to_owned(), "--version".into()];
    let mut request = Request::new(argv, root.to_owned(), attempt);
    request.env_remove = super::runner::REFUSALS.iter().map(|name| (*name).into()).collect();
    request.limits = Limits { timeout: PATIENCE, grace: Duration::from_secs(1), ..Limits::default() };
    let mut said = String::new();
    let mut hear = |activity: &Activity| {
        if let Kind::Output { bytes } = &activity.kind
            && said.len() < 4096
        {
            said.push_str(&String::from_utf8_lossy(bytes));
        }
    };
    let outcome = supervise::run(request, stop, clock, &mut hear).await;
    outcome.succeeded().then(|| number(&said)).flatten()
}

/// The first word that begins with two numbers and a dot between.
fn number(text: &str) -> Option<String> {
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ','));
    let plain = words.map(|word| word.strip_prefix('v').unwrap_or(word));
    plain
        .filter(|word| {
            let mut parts = word.split('.');
            let mut digits =
                || parts.next().is_some_and(|p| !p.is_empty() && p.chars().all(|c| c.is_ascii_digit()));
            digits() && digits()
        })
        .map(str::to_owned)
        .next()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the real CLIs answer, and others like them.
    #[test]
    fn the_number_in_an_answer() {
        let found: Vec<_> = [
            "2.1.197 (Claude Code)",
            "codex-cli 0.169.0\n",
            "warn: x\n0.61.0",
            "v1.18.33",
            "aider 0.86",
            "none",
            "7",
        ]
        .map(number)
        .into_iter()
        .map(Option::unwrap_or_default)
        .collect();
        assert_eq!(found, ["2.1.197", "0.169.0", "0.61.0", "1.18.33", "0.86", "", ""]);
    }
}

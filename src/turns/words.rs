//! The loop's own words (turns.md T38): pure.

use std::time::Duration;

use crate::clock::duration;

/// What is told of one turn at its end.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TurnLine {
    pub iteration: u64,
    pub role: String,
    pub prompt: String,
    pub agent: String,
    /// `ok`, `failed (exit 7)`, `interrupted`.
    pub outcome: String,
    pub duration: Duration,
    /// `None` without git.
    pub commits: Option<usize>,
    /// Files, lines added and removed; `None` without git.
    pub changes: Option<(usize, usize, usize)>,
    /// `None`: unknown, which is not 0.
    pub cost_usd: Option<f64>,
    /// Who is next; `None` when the loop stops here.
    pub next: Option<String>,
}

impl TurnLine {
    /// `iter 3 ralph main.md claude ok 4m12s 2 commits 5 files +120 -14 $0.42 → galph`
    pub fn render(&self) -> String {
        let commits = match self.commits {
            Some(1) => "1 commit".into(),
            Some(n) => format!("{n} commits"),
            None => "- commits".into(),
        };
        let changes = match self.changes {
            Some((1, plus, minus)) => format!("1 file +{plus} -{minus}"),
            Some((n, plus, minus)) => format!("{n} files +{plus} -{minus}"),
            None => "- files".into(),
        };
        let cost = self.cost_usd.map_or_else(String::new, |c| format!(" ${c:.2}"));
        let next = self.next.as_ref().map_or_else(String::new, |n| format!(" → {n}"));
        format!(
            "iter {} {} {} {} {} {} {commits} {changes}{cost}{next}",
            self.iteration,
            self.role,
            self.prompt,
            self.agent,
            self.outcome,
            duration(self.duration)
        )
    }
}

/// What to do about a failed turn: one sentence, wherever one is told of. `again`: the command that starts its loop.
pub fn after_failure(again: &str) -> String {
    format!("mend the cause, then: {again}")
}

/// What to say before a loop works on a branch that others take for what is finished.
pub fn on_default_branch(branch: &str, work_exists: bool) -> Option<String> {
    let create = if work_exists { "" } else { "-c " };
    let text =
        format!("on {branch}: every turn is committed to it; a branch for the loop: git switch {create}work");
    matches!(branch, "main" | "master").then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T38's example, to the letter.
    #[test]
    fn a_turn_is_one_line() {
        let line = TurnLine {
            iteration: 3,
            role: "ralph".into(),
            prompt: "main.md".into(),
            agent: "claude".into(),
            outcome: "ok".into(),
            duration: Duration::from_secs(252),
            commits: Some(2),
            changes: Some((5, 120, 14)),
            cost_usd: Some(0.42),
            next: Some("galph".into()),
        };
        assert_eq!(
            line.render(),
            "iter 3 ralph main.md claude ok 4m12s 2 commits 5 files +120 -14 $0.42 → galph"
        );
        let bare = TurnLine { commits: None, changes: None, cost_usd: None, next: None, ..line };
        assert_eq!(bare.render(), "iter 3 ralph main.md claude ok 4m12s - commits - files");
    }
}

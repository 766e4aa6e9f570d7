//! What came of the tasks, and how it is shown. Pure.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use crate::supervise::StopReason;

/// Where a task ended: the terminal states of supervision.md §1, and those an earlier run had finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Completed,
    Failed,
    /// Also one that was never begun.
    Interrupted,
    /// Completed by the run that is resumed.
    Done,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Done => "done before",
        }
    }

    pub fn is_good(self) -> bool {
        matches!(self, Self::Completed | Self::Done)
    }
}

/// One object of `--format json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskResult {
    pub id: String,
    pub state: State,
    pub exit_code: Option<i32>,
    pub signal: Option<i32>,
    /// How long its process ran; none: there was none.
    pub seconds: Option<f64>,
    /// Relative to the project root; none: nothing was printed.
    pub log: Option<String>,
    /// The branch of its worktree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// It left nothing on that branch.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub empty: bool,
    /// Why it did not complete.
    pub error: Option<String>,
}

impl TaskResult {
    pub(super) fn never(id: &str, state: State, error: Option<String>) -> Self {
        Self {
            id: id.to_owned(),
            state,
            exit_code: None,
            signal: None,
            seconds: None,
            log: None,
            branch: None,
            empty: false,
            error,
        }
    }

    fn state_words(&self) -> &'static str {
        match (self.state, self.seconds) {
            (State::Interrupted, None) => "not begun",
            (state, _) => state.name(),
        }
    }

    fn branch_words(&self) -> String {
        let branch = self.branch.clone().unwrap_or_else(|| "-".to_owned());
        if self.empty { format!("{branch} (nothing in it)") } else { branch }
    }

    fn exit(&self) -> String {
        match (self.exit_code, self.signal) {
            (Some(code), _) => code.to_string(),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => "-".to_owned(),
        }
    }
}

/// A batch that was run to its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    pub run_id: String,
    pub results: Vec<TaskResult>,
    /// Somebody ended it.
    pub interrupted: Option<StopReason>,
    pub took: Duration,
}

impl Report {
    /// How many of each state: completed (now or before), failed, interrupted.
    pub fn counts(&self) -> (usize, usize, usize) {
        let count = |pick: &dyn Fn(State) -> bool| self.results.iter().filter(|r| pick(r.state)).count();
        (count(&|s: State| s.is_good()), count(&|s| s == State::Failed), count(&|s| s == State::Interrupted))
    }
}

/// The results as a table with a heading.
pub fn table(results: &[TaskResult]) -> String {
    let branches = results.iter().any(|r| r.branch.is_some());
    let rows: Vec<[String; 6]> = results
        .iter()
        .map(|r| {
            [
                r.id.clone(),
                r.state_words().to_owned(),
                r.exit(),
                r.seconds.map_or_else(|| "-".to_owned(), |s| format!("{s:.1}")),
                r.log.clone().unwrap_or_else(|| "-".to_owned()),
                r.branch_words(),
            ]
        })
        .collect();
    let head = ["task", "state", "exit", "seconds", "log", "branch"].map(str::to_owned);
    let columns = if branches { 6 } else { 5 };
    let all = || std::iter::once(&head).chain(&rows);
    let width = |c: usize| all().map(|row| row[c].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for row in all() {
        let cells = row.iter().take(columns).zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// W2: a table, and one object per task.
    #[test]
    fn results_are_shown() {
        let ok = TaskResult {
            id: "1".into(),
            state: State::Completed,
            exit_code: Some(0),
            signal: None,
            seconds: Some(1.25),
            log: Some("logs/batch/r/1.log".into()),
            branch: None,
            empty: false,
            error: None,
        };
        let killed = TaskResult { state: State::Failed, exit_code: None, signal: Some(9), ..ok.clone() };
        let never = TaskResult::never("lint", State::Interrupted, Some("never begun".into()));
        let expected = "task  state      exit      seconds  log\n\
                        1     completed  0         1.2      logs/batch/r/1.log\n\
                        1     failed     signal 9  1.2      logs/batch/r/1.log\n\
                        lint  not begun  -         -        -\n";
        assert_eq!(table(&[ok.clone(), killed, never.clone()]), expected);
        let json = serde_json::to_value(&ok).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"id": "1", "state": "completed", "exit_code": 0, "signal": null,
                "seconds": 1.25, "log": "logs/batch/r/1.log", "error": null})
        );
        let with_branch = TaskResult { branch: Some("b".into()), ..never };
        assert!(table(&[with_branch]).starts_with("task  state      exit  seconds  log  branch\n"));
    }
}

//! The turns of a branch, read back from its state commits (turns.md T39): pure.
//!
//! All machines are in it, since each one's claims and hand-offs are commits of the same line.

use std::time::Duration;

use crate::sync::message::{StateMessage, Step, Trailers};
use crate::sync::worktree::{LineCommit, Oid, StateChange};

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Ok,
    Failed,
    Interrupted,
    Released,
    /// Claimed anew before it was handed off: its holder had crashed, or was taken over.
    Lost,
    Running,
}

impl Outcome {
    pub fn words(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Released => "released",
            Self::Lost => "lost",
            Self::Running => "running",
        }
    }
}

/// One turn.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub iteration: u64,
    pub role: String,
    pub outcome: Outcome,
    /// Who is next, where it went well.
    pub next: Option<String>,
    /// Seconds since the epoch, by the clocks of the machines that made the commits.
    pub began: Option<i64>,
    pub ended: Option<i64>,
    /// From the hand-off before to the claim.
    pub waited: Option<Duration>,
    /// The claim's commit and the last one of the turn: what is between them is its work.
    pub claim: Option<Oid>,
    pub last: Oid,
    /// Commits on the line between the two.
    pub commits: usize,
    /// Of the hand-off; of the claim while there is none.
    pub trailers: Trailers,
    /// Why the turn ended, where it did not go well.
    pub reason: Option<String>,
}

/// Folds a first-parent line, oldest first, into turns.
pub fn turns(line: &[LineCommit]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut open: Option<Row> = None;
    let mut free_since: Option<i64> = None;
    for commit in line {
        let message = match commit.state {
            StateChange::Is(_) => StateMessage::parse(&commit.message),
            StateChange::Same | StateChange::Removed => None,
        };
        let Some(message) = message else {
            if let Some(row) = &mut open {
                row.commits += 1;
                row.last = commit.id;
            }
            continue;
        };
        let outcome = match &message.step {
            Step::Running => None,
            Step::Ok { .. } => Some(Outcome::Ok),
            Step::Fail { .. } => Some(Outcome::Failed),
            Step::Interrupted => Some(Outcome::Interrupted),
            Step::Released => Some(Outcome::Released),
            // A stop, a resume or a first state lies between turns, or within one.
            _ => continue,
        };
        let Some(outcome) = outcome else {
            rows.extend(open.take().map(|row| lost(row, commit, &message)));
            open = Some(begun(commit, message, free_since.take()));
            continue;
        };
        let mut row = open.take().unwrap_or_else(|| Row {
            claim: None,
            began: None,
            ..begun(commit, message.clone(), None)
        });
        row.outcome = outcome;
        row.ended = Some(commit.at);
        row.last = commit.id;
        if let Step::Ok { next, .. } = &message.step {
            row.next = Some(next.to_string());
        } else {
            row.reason.clone_from(&message.trailers.reason);
        }
        row.trailers = message.trailers;
        free_since = Some(commit.at);
        rows.push(row);
    }
    rows.extend(open);
    rows
}

fn begun(commit: &LineCommit, message: StateMessage, free_since: Option<i64>) -> Row {
    let waited = free_since.and_then(|since| u64::try_from(commit.at - since).ok()).map(Duration::from_secs);
    Row {
        iteration: message.iteration,
        role: message.actor.to_string(),
        outcome: Outcome::Running,
        next: None,
        began: Some(commit.at),
        ended: None,
        waited,
        claim: Some(commit.id),
        last: commit.id,
        commits: 0,
        trailers: message.trailers,
        reason: None,
    }
}

fn lost(mut row: Row, by: &LineCommit, next: &StateMessage) -> Row {
    row.outcome = Outcome::Lost;
    row.ended = Some(by.at);
    row.reason.clone_from(&next.trailers.reason);
    row
}

impl Row {
    /// By the agent's own account, else from claim to hand-off.
    pub fn took(&self) -> Duration {
        let by_clock = || {
            let span = self.ended.zip(self.began).map_or(0, |(ended, began)| ended - began);
            Duration::from_secs(u64::try_from(span).unwrap_or(0))
        };
        self.trailers.duration.unwrap_or_else(by_clock)
    }

    /// When it was last heard of.
    pub fn at(&self) -> i64 {
        self.ended.or(self.began).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(n: u8, at: i64, message: &str) -> LineCommit {
        let state = if message.starts_with("[SYNC") { StateChange::Is(vec![n]) } else { StateChange::Same };
        let id = Oid::from_bytes(&[n; 20]).unwrap();
        LineCommit { id, short: n.to_string(), message: message.to_owned(), at, state }
    }

    /// T39.
    #[test]
    fn a_line_becomes_turns() {
        let line = [
            commit(1, 0, "[SYNC init] actor=galph status=idle"),
            commit(2, 10, "[SYNC i=1] actor=galph status=running"),
            commit(3, 20, "Plan"),
            commit(
                4,
                70,
                "[SYNC i=1] actor=galph → next=ralph status=ok galph_commit=a\n\nAgent: codex\nDuration: 55s\nCost: $0.5000\n",
            ),
            commit(5, 75, "A person's fix"),
            commit(6, 100, "[SYNC i=1] actor=ralph status=running"),
            commit(7, 900, "[SYNC i=1] actor=ralph status=running\n\nReason: taken over\n"),
            commit(8, 990, "[SYNC i=1] actor=ralph status=fail ralph_commit=b\n\nReason: exit 7\n"),
            commit(9, 1000, "[SYNC i=1] actor=ralph status=running"),
        ];
        let rows = turns(&line);
        let brief: Vec<_> = rows
            .iter()
            .map(|r| (r.role.as_str(), r.outcome, r.commits, r.took().as_secs(), r.reason.as_deref()))
            .collect();
        assert_eq!(
            brief,
            [
                ("galph", Outcome::Ok, 1, 55, None),
                ("ralph", Outcome::Lost, 0, 800, Some("taken over")),
                ("ralph", Outcome::Failed, 0, 90, Some("exit 7")),
                ("ralph", Outcome::Running, 0, 0, None),
            ]
        );
        assert_eq!(rows[1].waited, Some(Duration::from_secs(30)));
        assert_eq!(rows[0].next.as_deref(), Some("ralph"));
        assert_eq!(rows[0].trailers.cost, Some(0.5));
    }

    /// A line that begins in the middle of a turn.
    #[test]
    fn a_hand_off_without_its_claim_counts() {
        let rows = turns(&[commit(1, 5, "[SYNC i=4] actor=ralph status=interrupted")]);
        assert_eq!((rows.len(), rows[0].iteration, rows[0].claim), (1, 4, None));
        assert_eq!((rows[0].began, rows[0].at()), (None, 5));
    }

    /// T39: a turn that was given back is one, and is over.
    #[test]
    fn a_released_turn_is_over() {
        let rows = turns(&[
            commit(1, 10, "[SYNC i=1] actor=ralph status=running"),
            commit(2, 90, "[SYNC i=1] actor=ralph status=released\n\nReason: given back\n"),
            commit(3, 95, "[SYNC i=1] actor=ralph status=running"),
        ]);
        let brief: Vec<_> = rows.iter().map(|r| (r.outcome, r.at(), r.waited)).collect();
        let waited = Some(Duration::from_secs(5));
        assert_eq!(brief, [(Outcome::Released, 90, None), (Outcome::Running, 95, waited)]);
        assert_eq!(rows[0].reason.as_deref(), Some("given back"));
        assert_eq!(Row { began: None, ..rows[1].clone() }.at(), 0);
    }

    /// The word for people is the one for programs.
    #[test]
    fn an_outcome_is_one_word() {
        use Outcome::{Failed, Interrupted, Lost, Ok, Released, Running};
        for outcome in [Ok, Failed, Interrupted, Released, Lost, Running] {
            assert_eq!(serde_json::to_value(outcome).unwrap(), outcome.words());
        }
    }
}

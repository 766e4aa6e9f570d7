//! The line from its first state to its tip.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;

use super::judge::{by_hand, consistent, judge};
use crate::ids::RoleId;
use crate::state::{State, file};
use crate::sync::message::{StateMessage, Step, Trailers};
use crate::sync::worktree::{LineCommit, StateChange};

/// A commit that changed the state.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The commit's place on the line.
    pub at: usize,
    /// What its subject says; `None`: a person's, or a merge.
    pub message: Option<StateMessage>,
    /// The state that it made; `None`: removed, or not readable.
    pub state: Option<State>,
}

/// What is off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The commit's place on the line.
    pub at: usize,
    pub what: String,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Report {
    pub entries: Vec<Entry>,
    /// In the order of the line: the first is the first wrong commit.
    pub problems: Vec<Problem>,
    /// Hand-offs: turns that ended well, failed, were interrupted or given back.
    pub turns: usize,
}

/// What the line said so far.
#[derive(Default)]
struct Past {
    state: Option<State>,
    epoch: u64,
    /// Turn ids and epochs of claims and of hand-offs, each with its commit.
    claimed: BTreeMap<String, String>,
    ended: BTreeMap<String, String>,
    ended_epochs: BTreeMap<u64, String>,
}

/// Judges a first-parent line, oldest commit first. `roles` is the workflow's order, `path` names the state file.
pub fn audit(line: &[LineCommit], roles: &[RoleId], path: &Path) -> Report {
    let (mut report, mut past) = (Report::default(), Past::default());
    let known = all_roles(line, roles);
    for (at, commit) in line.iter().enumerate() {
        let bytes = match &commit.state {
            StateChange::Same => continue,
            StateChange::Removed => {
                report.problems.push(Problem { at, what: "the state file was removed".to_owned() });
                report.entries.push(Entry { at, message: None, state: None });
                past.state = None;
                continue;
            }
            StateChange::Is(bytes) => bytes,
        };
        let message = StateMessage::parse(&commit.message);
        let now = Timestamp::from_second(commit.at).unwrap_or_default();
        let mut entry = Entry { at, message, state: None };
        let wrong = match file::parse(path, bytes, &known, now) {
            Ok(state) => {
                let wrong = past.judge(commit, entry.message.as_ref(), &state, roles);
                report.turns += usize::from(entry.message.as_ref().is_some_and(|m| ends(&m.step)));
                past.learn(entry.message.as_ref().map(|m| &m.trailers), &state);
                entry.state = Some(state);
                wrong
            }
            // A file of another dialect before the first state is what an import begins with.
            Err(_) if past.state.is_none() && entry.message.is_none() => Vec::new(),
            Err(e) => vec![format!("the state cannot be read: {e}")],
        };
        report.problems.extend(wrong.into_iter().map(|what| Problem { at, what }));
        report.entries.push(entry);
    }
    report
}

/// The workflow's roles, and those that the line knows of beside them.
fn all_roles(line: &[LineCommit], roles: &[RoleId]) -> Vec<RoleId> {
    let mut all = roles.to_vec();
    for commit in line.iter().filter(|c| c.state != StateChange::Same) {
        let Some(message) = StateMessage::parse(&commit.message) else { continue };
        let next = match message.step {
            Step::Ok { next, .. } => Some(next),
            _ => None,
        };
        for role in [Some(message.actor), next].into_iter().flatten() {
            if !all.contains(&role) {
                all.push(role);
            }
        }
    }
    all
}

fn ends(step: &Step) -> bool {
    matches!(step, Step::Ok { .. } | Step::Fail { .. } | Step::Interrupted | Step::Released)
}

impl Past {
    fn judge(
        &mut self,
        commit: &LineCommit,
        message: Option<&StateMessage>,
        after: &State,
        roles: &[RoleId],
    ) -> Vec<String> {
        let before = self.state.clone();
        let Some(message) = message else {
            return before.and_then(|before| by_hand(&before, after, roles)).into_iter().collect();
        };
        let mut wrong = consistent(after, message);
        // What came before the first state is not known: a shallow clone, a state that was not tracked.
        if let Some(before) = &before {
            wrong.extend(judge(before, after, message, roles));
        }
        if message.step == Step::Running {
            wrong.extend(self.claim(commit, after));
        }
        if ends(&message.step) {
            wrong.extend(self.hand_off(commit, before.as_ref()));
        }
        wrong
    }

    fn claim(&mut self, commit: &LineCommit, after: &State) -> Vec<String> {
        let mut wrong = Vec::new();
        let Some(turn) = &after.turn else { return wrong };
        if turn.epoch <= self.epoch {
            wrong.push(format!("epoch {} does not grow: {} was there before", turn.epoch, self.epoch));
        }
        if let Some(first) = self.claimed.insert(turn.id.clone(), commit.short.clone()) {
            wrong.push(format!("turn {} was claimed before, by {first}", turn.id));
        }
        wrong
    }

    fn hand_off(&mut self, commit: &LineCommit, before: Option<&State>) -> Vec<String> {
        let mut wrong = Vec::new();
        let Some(turn) = before.and_then(|s| s.turn.as_ref()) else { return wrong };
        if let Some(first) = self.ended.insert(turn.id.clone(), commit.short.clone()) {
            wrong.push(format!("turn {} was handed off before, by {first}", turn.id));
        } else if let Some(first) = self.ended_epochs.insert(turn.epoch, commit.short.clone()) {
            wrong.push(format!("epoch {} was handed off before, by {first}", turn.epoch));
        }
        wrong
    }

    fn learn(&mut self, trailers: Option<&Trailers>, state: &State) {
        let said = trailers.and_then(|t| t.epoch).unwrap_or(0);
        self.epoch = self.epoch.max(state.epoch()).max(said);
        self.state = Some(state.clone());
    }
}

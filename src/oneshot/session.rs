//! A session on disk (oneshot.md O9): one folder, one record that is replaced as a whole, one owner.

mod folder;
mod lock;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use folder::{Folder, ids, pick};
pub use lock::{Held, Lock, Owner};

use super::changes::Before;
use super::fact::Role;
use super::machine::{Event, Illegal, State};
use super::verdict::Verdict;

/// The form of the record.
pub const VERSION: u64 = 1;

/// Everything a later start has to know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    pub version: u64,
    pub id: String,
    pub created: String,
    pub updated: String,
    pub state: State,
    pub task: String,
    pub worker: Seat,
    pub auditor: Seat,
    /// Worker runs begun so far.
    pub iteration: u64,
    pub max_iterations: u64,
    pub checks: Vec<Vec<String>>,
    /// What the next worker is told, word for word.
    pub feedback: Option<String>,
    /// What the next worker is told besides, of a run that was cut short.
    #[serde(default)]
    pub note: Option<String>,
    /// Of the last audit.
    pub verdict: Option<Verdict>,
    /// The worker run that goes on or was the last.
    pub run: Option<Run>,
    /// What failed last, in words.
    pub trouble: Option<String>,
    /// All runs so far; `None`: some cost is unknown.
    pub cost_usd: Option<f64>,
    pub history: Vec<Step>,
}

/// Who works and who judges, as the session was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    pub agent: String,
    pub model: Option<String>,
}

/// One worker run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Run {
    pub attempt: String,
    /// Its result was found after it had ended early.
    pub salvaged: bool,
    /// Where its part of the activity log begins, bytes.
    pub log_from: u64,
    /// The project when it began.
    pub before: Before,
}

/// One transition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub at: String,
    pub iteration: u64,
    pub event: Event,
    pub to: State,
}

/// Bytes of feedback that are kept; a record must stay readable.
const FEEDBACK_BYTES: usize = 256 * 1024;

/// The feedback, its middle left out and marked if it is very long.
pub(super) fn shortened_feedback(text: &str) -> String {
    if text.len() <= FEEDBACK_BYTES {
        return text.to_owned();
    }
    let boundary = |from: usize| (0..=from).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let (head, tail) = (boundary(FEEDBACK_BYTES / 2), boundary(text.len() - FEEDBACK_BYTES / 2));
    format!("{}\n[… {} bytes left out …]\n{}", &text[..head], tail - head, &text[tail..])
}

impl Session {
    /// What the next worker is told: the last audit's feedback word for word, then the note.
    pub fn orders(&self) -> String {
        match (&self.feedback, &self.note) {
            (Some(feedback), None) => feedback.clone(),
            (None, Some(note)) => note.clone(),
            (Some(feedback), Some(note)) => format!("{feedback}\n\n---\n\n{note}"),
            (None, None) => String::new(),
        }
    }

    /// Who sits there.
    pub fn seat(&self, role: Role) -> &Seat {
        match role {
            Role::Worker => &self.worker,
            Role::Auditor => &self.auditor,
        }
    }

    /// Follows one event and writes it down in memory; the caller saves.
    pub fn follow(&mut self, event: Event, at: String) -> Result<State, Illegal> {
        let to = self.state.apply(event)?;
        self.history.push(Step { at: at.clone(), iteration: self.iteration, event, to });
        self.state = to;
        self.updated = at;
        Ok(to)
    }
}

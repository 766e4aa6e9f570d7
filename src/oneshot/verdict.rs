//! What an auditor's message says (oneshot.md O6): pure.
//!
//! A wrong DONE costs the user's trust, a wrong RETRY one more run. So whatever is not plain is
//! [`Reading::Unclear`], and an unclear message is never DONE.

mod objects;
mod words;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

/// An auditor's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    Done,
    Retry,
    Impossible,
}

impl Verdict {
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "DONE",
            Self::Retry => "RETRY",
            Self::Impossible => "IMPOSSIBLE",
        }
    }

    /// The word alone, in any case.
    fn parse(text: &str) -> Option<Self> {
        let all = [Self::Done, Self::Retry, Self::Impossible];
        all.into_iter().find(|v| text.trim().eq_ignore_ascii_case(v.word()))
    }
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    Clear { verdict: Verdict, feedback: String },
    Unclear,
}

/// Reads an auditor's final message: a JSON object with `verdict`, the last one if there are
/// several; else a line that is a verdict.
pub fn read(message: &str) -> Reading {
    let (verdict, feedback) = match objects::last(message) {
        objects::Found::Clear(verdict, feedback) => (verdict, feedback),
        objects::Found::Broken => return Reading::Unclear,
        objects::Found::None => match words::verdict(message) {
            Some(verdict) => (verdict, String::new()),
            None => return Reading::Unclear,
        },
    };
    // A worker has to know what to do: without a feedback of its own the whole message is one.
    let feedback = if feedback.trim().is_empty() && verdict != Verdict::Done {
        message.trim().to_owned()
    } else {
        feedback
    };
    Reading::Clear { verdict, feedback }
}

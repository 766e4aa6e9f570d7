//! The states of runs and attempts, and what may become what (workstreams.md W7). Pure.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Enums whose words stand in columns.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                Self::ALL.iter().copied().find(|one| one.name() == word).ok_or_else(|| UnknownWord {
                    word: word.to_owned(),
                    known: Self::ALL.iter().map(|one| one.name()).collect::<Vec<_>>().join(", "),
                })
            }
        }
    };
}

/// A word that is none of these.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is none of {known}")]
pub struct UnknownWord {
    word: String,
    known: String,
}

words! {
    /// What a run is of.
    RunKind { Turns = "turns", Oneshot = "oneshot", Batch = "batch", Workstream = "workstream" }
}

words! {
    /// The life of a run.
    RunState {
        Pending = "pending",
        Running = "running",
        Succeeded = "succeeded",
        Failed = "failed",
        Quarantined = "quarantined",
        Canceled = "canceled",
    }
}

words! {
    /// The life of an attempt: a retry is a new one.
    AttemptState { Running = "running", Succeeded = "succeeded", Failed = "failed", Canceled = "canceled" }
}

words! {
    /// The life of a step of a workstream.
    StepState {
        Pending = "pending",
        Ready = "ready",
        Running = "running",
        Succeeded = "succeeded",
        Failed = "failed",
        Skipped = "skipped",
        Canceled = "canceled",
    }
}

/// A move that the tables of states do not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IllegalMove {
    #[error("a step that is {from} cannot become {to}: terminal state")]
    StepTerminal { from: StepState, to: StepState },
    #[error("a step that is {from} cannot become {to}: invalid transition")]
    StepInvalid { from: StepState, to: StepState },
    #[error("an attempt that is {from} cannot become {to}: terminal state")]
    AttemptTerminal { from: AttemptState, to: AttemptState },
    #[error("a run that is {from} cannot become {to}: terminal state")]
    Terminal { from: RunState, to: RunState },
    #[error("a run that is {from} cannot become {to}: invalid transition")]
    Invalid { from: RunState, to: RunState },
    #[error("an attempt cannot become {to}: invalid transition")]
    Attempt { to: AttemptState },
}

impl RunState {
    /// Nothing follows.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Quarantined | Self::Canceled)
    }

    /// Over, at least until it is resumed.
    pub fn is_over(self) -> bool {
        self.is_terminal() || self == Self::Failed
    }

    /// Checks a step. A failed run becomes running by being resumed, and by nothing else.
    pub fn step(self, to: Self) -> Result<(), IllegalMove> {
        use RunState::{Canceled, Failed, Pending, Quarantined, Running, Succeeded};
        match (self, to) {
            (Pending, Running | Canceled)
            | (Running, Succeeded | Failed | Quarantined | Canceled)
            | (Failed, Quarantined | Running) => Ok(()),
            (from, to) if from.is_terminal() => Err(IllegalMove::Terminal { from, to }),
            (from, to) => Err(IllegalMove::Invalid { from, to }),
        }
    }
}

impl AttemptState {
    pub fn step(self, to: Self) -> Result<(), IllegalMove> {
        match (self, to) {
            (Self::Running, Self::Succeeded | Self::Failed | Self::Canceled) => Ok(()),
            (Self::Running, Self::Running) => Err(IllegalMove::Attempt { to }),
            (from, to) => Err(IllegalMove::AttemptTerminal { from, to }),
        }
    }
}

impl StepState {
    /// Nothing follows within this run, until it is resumed.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Skipped | Self::Canceled)
    }

    /// Checks a move. A step stays `running` through its retries.
    pub fn step(self, to: Self) -> Result<(), IllegalMove> {
        use StepState::{Canceled, Failed, Pending, Ready, Running, Skipped, Succeeded};
        match (self, to) {
            (Pending, Ready | Skipped | Canceled)
            | (Ready, Running | Skipped | Canceled)
            | (Running, Succeeded | Failed | Canceled) => Ok(()),
            (from, to) if from.is_over() => Err(IllegalMove::StepTerminal { from, to }),
            (from, to) => Err(IllegalMove::StepInvalid { from, to }),
        }
    }

    /// Checks what resuming a run does to a step that is to be run again: nothing else does it.
    pub fn again(self) -> Result<Self, IllegalMove> {
        match self {
            Self::Succeeded => Err(IllegalMove::StepTerminal { from: self, to: Self::Pending }),
            _ => Ok(Self::Pending),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// W7: steps and attempts, as whole tables; both states are named.
    #[test]
    fn what_may_become_of_steps_and_attempts() {
        use StepState::{Canceled, Failed, Pending, Ready, Running, Skipped, Succeeded};
        let legal = [
            (Pending, Ready),
            (Pending, Skipped),
            (Pending, Canceled),
            (Ready, Running),
            (Ready, Skipped),
            (Ready, Canceled),
            (Running, Succeeded),
            (Running, Failed),
            (Running, Canceled),
        ];
        for from in StepState::ALL.iter().copied() {
            for to in StepState::ALL.iter().copied() {
                let step = from.step(to);
                assert_eq!(step.is_ok(), legal.contains(&(from, to)), "{from} {to}");
                if let Err(error) = step {
                    let word = if from.is_over() { "terminal state" } else { "invalid transition" };
                    assert_eq!(
                        error.to_string(),
                        format!("a step that is {from} cannot become {to}: {word}")
                    );
                }
            }
            assert_eq!(from.again().is_ok(), from != Succeeded);
        }
        for from in AttemptState::ALL.iter().copied() {
            for to in AttemptState::ALL.iter().copied() {
                let open = from == AttemptState::Running && to != AttemptState::Running;
                assert_eq!(from.step(to).is_ok(), open, "{from} {to}");
            }
        }
        let text = AttemptState::Failed.step(AttemptState::Succeeded).unwrap_err().to_string();
        assert_eq!(text, "an attempt that is failed cannot become succeeded: terminal state");
    }

    /// W7, as a whole table: a row per state, a column per next one.
    #[test]
    fn what_may_become_what() {
        use RunState::{Canceled, Failed, Pending, Quarantined, Running, Succeeded};
        let legal = [
            (Pending, Running),
            (Pending, Canceled),
            (Running, Succeeded),
            (Running, Failed),
            (Running, Quarantined),
            (Running, Canceled),
            (Failed, Quarantined),
            (Failed, Running),
        ];
        for from in RunState::ALL.iter().copied() {
            for to in RunState::ALL.iter().copied() {
                assert_eq!(from.step(to).is_ok(), legal.contains(&(from, to)), "{from} {to}");
            }
        }
        let text = Succeeded.step(Running).unwrap_err().to_string();
        assert_eq!(text, "a run that is succeeded cannot become running: terminal state");
        assert!(Pending.step(Failed).unwrap_err().to_string().ends_with("invalid transition"));
    }

    #[test]
    fn words_are_read_back() {
        for state in RunState::ALL {
            assert_eq!(state.name().parse(), Ok(*state));
        }
        let error = "walk".parse::<RunKind>().unwrap_err().to_string();
        assert_eq!(error, "`walk` is none of turns, oneshot, batch, workstream");
    }
}

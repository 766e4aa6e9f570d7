//! Whether a failed attempt is followed by another one, and when (workstreams.md W19). Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::duration::Secs;

/// How the waits between attempts grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backoff {
    /// At once.
    None,
    Fixed,
    /// Doubled each time; of that, any part (full jitter).
    #[default]
    Exponential,
}

/// A step's `retry`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Retry {
    /// In all; 1: no other.
    pub attempts: u64,
    pub backoff: Backoff,
    pub base_secs: Secs,
    pub max_secs: Secs,
    /// From the first attempt's start; none is begun after it.
    pub deadline_secs: Option<Secs>,
    /// Exit codes that another attempt would not change.
    pub no_retry_codes: Vec<i32>,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 1,
            backoff: Backoff::Exponential,
            base_secs: Secs(Duration::from_secs(1)),
            max_secs: Secs(Duration::from_secs(60)),
            deadline_secs: None,
            no_retry_codes: Vec::new(),
        }
    }
}

/// What went wrong, as far as another attempt is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    Timeout,
    Signal,
    Spawn,
    Exit(i32),
    /// The tool itself said that it failed.
    Reported,
    /// A gate, a check or a declared output.
    Gate,
    /// What was asked cannot be done, now or later.
    Invalid,
    Interrupted,
}

/// What follows.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    After(Duration),
    /// Why there is none.
    Over(&'static str),
}

impl Retry {
    /// After attempt number `attempt` (from 1). `since_first`: time from the first attempt's start to now. `unit`: a
    /// random number in `[0, 1)`.
    pub fn next(&self, attempt: u64, trouble: Trouble, since_first: Duration, unit: f64) -> Next {
        match trouble {
            Trouble::Invalid => return Next::Over("another attempt would be refused too"),
            Trouble::Interrupted => return Next::Over("it was ended from outside"),
            Trouble::Exit(code) if self.no_retry_codes.contains(&code) => {
                return Next::Over("its exit code is one of no_retry_codes");
            }
            Trouble::Exit(_)
            | Trouble::Timeout
            | Trouble::Signal
            | Trouble::Spawn
            | Trouble::Reported
            | Trouble::Gate => {}
        }
        if attempt >= self.attempts {
            return Next::Over("all attempts are used");
        }
        let wait = self.wait(attempt, unit);
        match self.deadline_secs {
            Some(deadline) if since_first.saturating_add(wait) > deadline.0 => {
                Next::Over("its deadline is before the next attempt")
            }
            _ => Next::After(wait),
        }
    }

    fn wait(&self, attempt: u64, unit: f64) -> Duration {
        let full = match self.backoff {
            Backoff::None => Duration::ZERO,
            Backoff::Fixed => self.base_secs.0,
            Backoff::Exponential => {
                let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(u32::MAX).min(31);
                let grown = self.base_secs.0.saturating_mul(1u32 << doublings);
                // Multiplied as whole nanoseconds: a huge base must not end in a panic.
                let nanos = u64::try_from(grown.as_nanos()).unwrap_or(u64::MAX);
                part(nanos, unit)
            }
        };
        full.min(self.max_secs.0)
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "jitter need not be exact, and casts of floats saturate"
)]
fn part(nanos: u64, unit: f64) -> Duration {
    Duration::from_nanos((nanos as f64 * unit.clamp(0.0, 1.0)) as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secs(n: u64) -> Secs {
        Secs(Duration::from_secs(n))
    }

    fn retry(backoff: Backoff) -> Retry {
        Retry { attempts: 4, backoff, no_retry_codes: vec![2], ..Retry::default() }
    }

    /// W19: which kinds are tried again at all.
    #[test]
    fn only_what_may_pass_is_tried_again() {
        let policy = retry(Backoff::Fixed);
        let next = |trouble| policy.next(1, trouble, Duration::ZERO, 0.5);
        for trouble in [
            Trouble::Timeout,
            Trouble::Signal,
            Trouble::Spawn,
            Trouble::Exit(1),
            Trouble::Reported,
            Trouble::Gate,
        ] {
            assert_eq!(next(trouble), Next::After(Duration::from_secs(1)), "{trouble:?}");
        }
        for trouble in [Trouble::Invalid, Trouble::Interrupted, Trouble::Exit(2)] {
            assert!(matches!(next(trouble), Next::Over(_)), "{trouble:?}");
        }
    }

    /// W19: the number of attempts, the cap after the jitter, the deadline.
    #[test]
    fn limits() {
        let policy = retry(Backoff::Exponential);
        let wait = |attempt, unit| policy.next(attempt, Trouble::Timeout, Duration::ZERO, unit);
        assert_eq!(wait(1, 0.5), Next::After(Duration::from_millis(500)));
        assert_eq!(wait(3, 0.5), Next::After(Duration::from_secs(2)));
        assert_eq!(wait(4, 0.5), Next::Over("all attempts are used"));
        let capped = Retry { max_secs: secs(3), attempts: 100, ..policy.clone() };
        // Half of 16 s is more than the cap; a quarter of 4 s is not cut.
        assert_eq!(capped.next(5, Trouble::Signal, Duration::ZERO, 0.5), Next::After(Duration::from_secs(3)));
        assert_eq!(
            capped.next(3, Trouble::Signal, Duration::ZERO, 0.25),
            Next::After(Duration::from_secs(1))
        );
        let hurried = Retry { deadline_secs: Some(secs(10)), ..retry(Backoff::Fixed) };
        let after = |s| hurried.next(1, Trouble::Timeout, Duration::from_secs(s), 0.0);
        assert_eq!(after(9), Next::After(Duration::from_secs(1)));
        assert!(matches!(after(10), Next::Over(why) if why.contains("deadline")));
        let none = retry(Backoff::None).next(1, Trouble::Exit(1), Duration::ZERO, 0.9);
        assert_eq!(none, Next::After(Duration::ZERO));
    }

    proptest! {
        /// Never longer than the cap, whatever the numbers; never a panic.
        #[test]
        fn never_beyond_the_cap(attempt in 1u64..u64::MAX, base in any::<u32>(), max in any::<u32>(), unit in 0.0f64..1.0) {
            let policy = Retry {
                attempts: u64::MAX,
                base_secs: secs(base.into()),
                max_secs: secs(max.into()),
                ..Retry::default()
            };
            match policy.next(attempt, Trouble::Timeout, Duration::ZERO, unit) {
                Next::After(wait) => prop_assert!(wait <= policy.max_secs.0),
                Next::Over(why) => prop_assert!(false, "{}", why),
            }
        }
    }
}

//! What a rate limit does to a turn (agents.md A6): pure.
//!
//! A limit is known from a structured record alone; what an agent writes about limits in prose is prose. A reset
//! that nobody stated is not made up: then the waits grow from a minute to an hour.

use std::time::Duration;

use jiff::Timestamp;

use crate::config::RateLimit as Policy;
use crate::supervise::Outcome;

/// The first wait without a stated reset, and the longest.
const FIRST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(3600);
/// Most that is added to a stated reset, so that several loops do not all come back at once.
const JITTER: Duration = Duration::from_secs(60);

/// A run that a limit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// Seconds since the epoch, if the agent stated it.
    pub resets_at: Option<i64>,
}

/// All that a decision needs to know of a refusal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Refused {
    /// Seconds since the epoch, if the agent stated it.
    pub resets_at: Option<i64>,
    pub now: Timestamp,
    /// How often this turn was refused, this time included.
    pub times: u32,
    /// A random number in `[0, 1)`.
    pub unit: f64,
    /// Another agent can take the turn.
    pub stand_in: bool,
}

/// What is done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The same turn again, after this long.
    Wait {
        span: Duration,
        stated: bool,
    },
    /// The next agent of the list takes the turn.
    Fallback,
    Fail,
}

/// `None` if no limit ended this run.
pub fn refusal(outcome: &Outcome) -> Option<Refusal> {
    let limit = outcome.rate_limit.as_ref().filter(|limit| limit.blocked && !outcome.succeeded())?;
    Some(Refusal { resets_at: limit.resets_at })
}

/// Decides. Who asked for another agent and has none left waits, like everybody else.
pub fn decide(policy: Policy, refused: Refused) -> Decision {
    match policy {
        Policy::Fail => Decision::Fail,
        Policy::Fallback if refused.stand_in => Decision::Fallback,
        Policy::Fallback | Policy::Wait => wait(refused),
    }
}

fn wait(refused: Refused) -> Decision {
    let left = refused.resets_at.map(|at| at.saturating_sub(refused.now.as_second()));
    // A reset that has passed and still refuses says nothing about the next one.
    if let Some(left) = left.and_then(|s| u64::try_from(s).ok()).filter(|s| *s > 0) {
        let left = Duration::from_secs(left);
        let jitter = (left / 20).clamp(Duration::from_secs(1), JITTER).mul_f64(refused.unit);
        return Decision::Wait { span: left + jitter, stated: true };
    }
    let doubled = FIRST.saturating_mul(1 << (refused.times.clamp(1, 8) - 1));
    let span = doubled.saturating_add(doubled.mul_f64(refused.unit / 10.0)).min(LONGEST);
    Decision::Wait { span, stated: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(resets_in: Option<i64>, times: u32, unit: f64) -> Refused {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let resets_at = resets_in.map(|s| now.as_second() + s);
        Refused { resets_at, now, times, unit, stand_in: false }
    }

    fn secs(decision: Decision) -> (u64, bool) {
        match decision {
            Decision::Wait { span, stated } => (span.as_secs(), stated),
            other => panic!("{other:?}"),
        }
    }

    /// A6: the stated reset plus jitter; never before it.
    #[test]
    fn a_stated_reset_is_waited_for() {
        let wait = |s, unit| secs(decide(Policy::Wait, refused(Some(s), 5, unit)));
        assert_eq!(wait(3600, 0.0), (3600, true));
        assert_eq!(wait(3600, 0.5), (3630, true));
        assert_eq!(wait(400, 0.99), (419, true));
        assert_eq!(wait(2, 0.99), (2, true));
    }

    /// A6: without one, exponential back-off from 60 s to 1 h; a reset in the past is none.
    #[test]
    fn without_a_reset_the_waits_grow() {
        let grown: Vec<_> = (1..9).map(|n| secs(decide(Policy::Wait, refused(None, n, 0.0))).0).collect();
        assert_eq!(grown, [60, 120, 240, 480, 960, 1920, 3600, 3600]);
        assert_eq!(secs(decide(Policy::Wait, refused(None, 1, 0.99))), (65, false));
        assert_eq!(secs(decide(Policy::Wait, refused(Some(-5), 2, 0.0))), (120, false));
        assert_eq!(secs(decide(Policy::Wait, refused(Some(i64::MIN), u32::MAX, 0.9))), (3600, false));
    }

    #[test]
    fn policies() {
        let other = Refused { stand_in: true, ..refused(Some(60), 1, 0.0) };
        assert_eq!(decide(Policy::Fail, other), Decision::Fail);
        assert_eq!(decide(Policy::Fallback, other), Decision::Fallback);
        assert_eq!(secs(decide(Policy::Wait, other)), (60, true));
        assert_eq!(secs(decide(Policy::Fallback, refused(Some(60), 1, 0.0))), (60, true));
    }
}

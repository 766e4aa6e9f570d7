//! Whether a tool is tried at all (workstreams.md W20). Pure; times are milliseconds since the epoch, so that a restart
//! goes on where the record ended.

use serde::{Deserialize, Serialize};

/// Failures in a row that open a circuit.
pub const FAILURES: u32 = 5;
/// How long it stays open.
pub const OPEN_MS: i64 = 60_000;

/// The state of one tool's circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "circuit", rename_all = "snake_case")]
pub enum Circuit {
    Closed {
        failures: u32,
    },
    Open {
        since: i64,
        failures: u32,
    },
    /// `trial`: the one trial is under way.
    HalfOpen {
        trial: bool,
        failures: u32,
    },
}

/// Whether the tool may be used now.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    Yes,
    /// The one trial of a half-open circuit.
    Trial,
    /// Not before this time.
    NotBefore(i64),
    /// The trial is under way.
    OnTrial,
}

impl Default for Circuit {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

impl Circuit {
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed { .. } => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen { .. } => "half_open",
        }
    }

    pub fn failures(self) -> u32 {
        match self {
            Self::Closed { failures } | Self::Open { failures, .. } | Self::HalfOpen { failures, .. } => {
                failures
            }
        }
    }

    pub fn admits(self, now: i64) -> Admission {
        match self {
            Self::Closed { .. } => Admission::Yes,
            Self::Open { since, .. } => {
                let until = since.saturating_add(OPEN_MS);
                // A clock that was set back must not hold a tool for ever.
                if now >= until || now < since { Admission::Trial } else { Admission::NotBefore(until) }
            }
            Self::HalfOpen { trial: false, .. } => Admission::Trial,
            Self::HalfOpen { trial: true, .. } => Admission::OnTrial,
        }
    }

    /// A use begins.
    #[must_use]
    pub fn begun(self, now: i64) -> Self {
        match (self, self.admits(now)) {
            (_, Admission::Trial) => Self::HalfOpen { trial: true, failures: self.failures() },
            (same, _) => same,
        }
    }

    /// `trial`: it was the use that [`Circuit::begun`] made the trial.
    #[must_use]
    pub fn succeeded(self, trial: bool) -> Self {
        match self {
            // Uses that began before it opened say nothing about now.
            Self::Open { .. } => self,
            Self::HalfOpen { .. } if !trial => self,
            Self::Closed { .. } | Self::HalfOpen { .. } => Self::default(),
        }
    }

    #[must_use]
    pub fn failed(self, now: i64, trial: bool) -> Self {
        match self {
            Self::Closed { failures } if failures + 1 < FAILURES => Self::Closed { failures: failures + 1 },
            Self::Closed { failures } => Self::Open { since: now, failures: failures + 1 },
            Self::HalfOpen { failures, .. } if trial => {
                Self::Open { since: now, failures: failures.saturating_add(1) }
            }
            Self::Open { .. } | Self::HalfOpen { .. } => self,
        }
    }

    /// It says nothing about the tool; a trial frees its slot.
    #[must_use]
    pub fn interrupted(self, trial: bool) -> Self {
        match self {
            Self::HalfOpen { failures, .. } if trial => Self::HalfOpen { trial: false, failures },
            same => same,
        }
    }

    /// As it was stored: a trial of a program that is gone has been interrupted.
    pub fn stored(circuit: &str, failures: u32, opened_at: Option<i64>) -> Self {
        match (circuit, opened_at) {
            ("open", Some(since)) => Self::Open { since, failures },
            ("open" | "half_open", _) => Self::HalfOpen { trial: false, failures },
            _ => Self::Closed { failures },
        }
    }

    pub fn opened_at(self) -> Option<i64> {
        if let Self::Open { since, .. } = self { Some(since) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn after(failures: u32) -> Circuit {
        (0..failures).fold(Circuit::default(), |c, n| c.failed(n.into(), false))
    }

    /// W20: every state and every event.
    #[test]
    fn the_whole_table() {
        use Circuit::{Closed, HalfOpen, Open};
        let open = Open { since: 100, failures: 5 };
        let half = HalfOpen { trial: false, failures: 5 };
        let tried = HalfOpen { trial: true, failures: 5 };
        let now = 100 + OPEN_MS;
        let rows = [
            // state, begun, succeeded, succeeded as trial, failed, failed as trial, interrupted as trial
            (
                Closed { failures: 3 },
                Closed { failures: 3 },
                Closed { failures: 0 },
                Closed { failures: 0 },
                Closed { failures: 4 },
                Closed { failures: 4 },
                Closed { failures: 3 },
            ),
            (
                Closed { failures: 4 },
                Closed { failures: 4 },
                Closed { failures: 0 },
                Closed { failures: 0 },
                Open { since: now, failures: 5 },
                Open { since: now, failures: 5 },
                Closed { failures: 4 },
            ),
            (open, tried, open, open, open, open, open),
            (half, tried, half, Closed { failures: 0 }, half, Open { since: now, failures: 6 }, half),
            (tried, tried, tried, Closed { failures: 0 }, tried, Open { since: now, failures: 6 }, half),
        ];
        for (state, begun, good, good_trial, bad, bad_trial, gone) in rows {
            assert_eq!(state.begun(now), begun, "{state:?}");
            assert_eq!(state.succeeded(false), good, "{state:?}");
            assert_eq!(state.succeeded(true), good_trial, "{state:?}");
            assert_eq!(state.failed(now, false), bad, "{state:?}");
            assert_eq!(state.failed(now, true), bad_trial, "{state:?}");
            assert_eq!(state.interrupted(true), gone, "{state:?}");
            assert_eq!(state.interrupted(false), state, "{state:?}");
        }
    }

    /// W20: five in a row, sixty seconds, one trial.
    #[test]
    fn five_sixty_one() {
        assert_eq!(after(4).admits(10), Admission::Yes);
        let open = after(5);
        assert_eq!(open.admits(4 + 59_999), Admission::NotBefore(4 + 60_000));
        assert_eq!(open.admits(4 + 60_000), Admission::Trial);
        let tried = open.begun(70_000);
        assert_eq!(tried.admits(70_001), Admission::OnTrial);
        assert_eq!(tried.interrupted(true).admits(70_002), Admission::Trial, "its slot is free");
        assert_eq!(tried.succeeded(true).admits(70_003), Admission::Yes);
        assert_eq!(tried.failed(80_000, true).admits(139_999), Admission::NotBefore(140_000));
        assert_eq!(after(4).succeeded(false).failed(9, false).admits(9), Admission::Yes, "in a row");
    }

    /// A clock that was set back holds no tool; the moment of opening is no such thing.
    #[test]
    fn a_clock_set_back_allows_a_trial() {
        let open = Circuit::Open { since: 100, failures: 5 };
        assert_eq!(open.admits(100), Admission::NotBefore(100 + OPEN_MS));
        assert_eq!(open.admits(99), Admission::Trial);
    }

    proptest! {
        /// A restart between any two events changes nothing but that a trial is given up.
        #[test]
        fn a_restart_remembers(events in prop::collection::vec((0u8..4, any::<bool>()), 0..40)) {
            let mut circuit = Circuit::default();
            for (n, (event, trial)) in (0i64..).zip(events) {
                let now = n * 9_000;
                circuit = match event {
                    0 => circuit.begun(now),
                    1 => circuit.succeeded(trial),
                    2 => circuit.failed(now, trial),
                    _ => circuit.interrupted(trial),
                };
                let read = Circuit::stored(circuit.name(), circuit.failures(), circuit.opened_at());
                prop_assert_eq!(read, circuit.interrupted(true));
            }
        }
    }
}

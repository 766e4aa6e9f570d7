//! When silence counts as death (G13).
//!
//! An observation starts with the first listing that shows a turn id together with a value of
//! *that turn's* lease ref; any change of either starts it again. It is ripe when a later listing
//! of the same machine shows both unchanged `lease + margin` after the first. The first counts from
//! when its answer was read, the later one from when it was asked for: a machine that slept between
//! asking and reading has not seen silence, it was absent.
//!
//! The pair matters. A hand-off leaves the lease ref as it was, so the value alone has often been
//! still for an hour when the next turn is claimed, and its holder would be taken for dead before
//! its first renewal. Time stamps of other machines play no part; only durations measured here.

use std::time::Duration;

use super::journal::Observation;
use super::names::{BootId, CommitId, RefName, TurnId};
use super::view::TurnView;

/// The clocks' readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Now {
    /// Since boot, suspend included.
    pub mono: Duration,
    /// Seconds of the wall clock.
    pub wall: i64,
}

/// One sight of a running turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight<'a> {
    pub turn: &'a TurnId,
    pub lease_ref: &'a RefName,
    pub lease: Option<CommitId>,
}

/// The observation after one more listing.
pub fn observe(before: Option<Observation>, sight: &Sight<'_>, boot: &BootId, now: Now) -> Observation {
    match before {
        Some(o) if same(&o, sight) && !clock_went_back(&o, boot, now) => o,
        _ => Observation {
            turn: sight.turn.clone(),
            lease_ref: sight.lease_ref.clone(),
            lease: sight.lease,
            boot: boot.clone(),
            mono: now.mono,
            wall: now.wall,
        },
    }
}

/// Whether the holder may be taken for dead, by a listing asked for at `asked`. `margin` covers drift between the two machines'
/// clocks, `skew` the jumps of a wall clock across a reboot.
pub fn is_ripe(
    seen: &Observation,
    turn: &TurnView,
    margin: Duration,
    skew: Duration,
    boot: &BootId,
    asked: Now,
) -> bool {
    let silence = turn.lease.saturating_add(margin);
    if seen.boot == *boot {
        return asked.mono.saturating_sub(seen.mono) >= silence;
    }
    let passed = u64::try_from(asked.wall.saturating_sub(seen.wall)).unwrap_or(0);
    Duration::from_secs(passed) >= silence.saturating_add(skew)
}

fn same(seen: &Observation, sight: &Sight<'_>) -> bool {
    seen.turn == *sight.turn && seen.lease_ref == *sight.lease_ref && seen.lease == sight.lease
}

/// A clock that was set back makes the stored reading worthless.
fn clock_went_back(seen: &Observation, boot: &BootId, now: Now) -> bool {
    if seen.boot == *boot { now.mono < seen.mono } else { now.wall < seen.wall }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARGIN: Duration = Duration::from_secs(60);
    const SKEW: Duration = Duration::from_secs(60);

    fn now(secs: u32) -> Now {
        Now { mono: Duration::from_secs(secs.into()), wall: 1_000_000 + i64::from(secs) }
    }

    fn turn(id: &str) -> TurnView {
        TurnView {
            id: TurnId::new(id),
            epoch: 4,
            lease: Duration::from_secs(600),
            lease_ref: Some(lease_ref()),
            failures: 0,
        }
    }

    fn lease_ref() -> RefName {
        RefName::new("refs/orchestrator/lease/main")
    }

    fn value(n: u8) -> CommitId {
        CommitId::from_bytes(&[n; 20]).unwrap()
    }

    fn see(
        before: Option<Observation>,
        id: &str,
        lease: impl Into<Option<CommitId>>,
        at: u32,
    ) -> Observation {
        let (turn, lease_ref, lease) = (TurnId::new(id), lease_ref(), lease.into());
        observe(before, &Sight { turn: &turn, lease_ref: &lease_ref, lease }, &BootId::new("b"), now(at))
    }

    fn ripe(seen: &Observation, boot: &str, at: u32) -> bool {
        is_ripe(seen, &turn("t"), MARGIN, SKEW, &BootId::new(boot), now(at))
    }

    /// G13: lease + margin, on this machine's own clock.
    #[test]
    fn silence_has_to_last() {
        let seen = see(None, "t", value(1), 100);
        let seen = see(Some(seen), "t", value(1), 759);
        assert!(!ripe(&seen, "b", 759));
        assert!(ripe(&seen, "b", 760));
    }

    /// G13: any change of either restarts the count; absent is a value.
    #[test]
    fn any_change_restarts_the_count() {
        let seen = see(None, "t", None, 0);
        assert!(ripe(&see(Some(seen.clone()), "t", None, 700), "b", 700));
        assert!(!ripe(&see(Some(seen.clone()), "t", value(1), 700), "b", 700));
        assert!(!ripe(&see(Some(seen), "u", None, 700), "b", 700));
    }

    /// G13: after a reboot the wall clock decides, with an allowance for skew.
    #[test]
    fn another_boot_falls_back_to_the_wall_clock() {
        let seen = see(None, "t", value(1), 0);
        assert!(!ripe(&seen, "other", 719));
        assert!(ripe(&seen, "other", 720));
    }

    /// Only a clock that went back is distrusted, each on its own boot; one that stands still is not.
    #[test]
    fn a_clock_that_stands_still_counts_on() {
        let seen = Observation { wall: 5, ..see(None, "t", None, 100) };
        assert_eq!(see(Some(seen.clone()), "t", None, 100), seen);
        assert_eq!(see(Some(seen), "t", None, 99), see(None, "t", None, 99));
        let before = |wall| Observation { boot: BootId::new("before"), wall, ..see(None, "t", None, 500) };
        let wall = now(100).wall;
        assert_eq!(see(Some(before(wall)), "t", None, 100), before(wall));
        assert_eq!(see(Some(before(wall + 1)), "t", None, 100), see(None, "t", None, 100));
    }

    /// A wall clock set back across a reboot must not keep an old reading alive for ever.
    #[test]
    fn a_clock_set_back_restarts_the_count() {
        let seen = Observation { boot: BootId::new("before"), wall: 2_000_000, ..see(None, "t", None, 0) };
        let again = see(Some(seen), "t", None, 50);
        assert_eq!(again.wall, now(50).wall);
    }
}

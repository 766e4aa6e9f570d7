//! Whether somebody holds the turn of a state, and gives signs of life (git-sync.md G13): pure, for display and for
//! commands. A standby never decides by it: these are time stamps of other machines.

use std::time::Duration;

use jiff::Timestamp;

use crate::state::{State, Status, Turn};
use crate::turns::engine::Beat;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// Nobody holds a turn.
    Free,
    /// The last sign is younger than the lease.
    Alive { age: Duration },
    /// The lease has run out.
    Silent { age: Duration },
    /// A turn without a lease: silence proves nothing.
    Untold { age: Duration },
}

/// The last sign of a running turn: its claim, or a later renewal of its lease.
pub fn life(state: &State, beat: Option<&Beat>, now: Timestamp) -> Life {
    if !matches!(state.status, Status::Running(_)) {
        return Life::Free;
    }
    let since = |t: Timestamp| Duration::try_from(now.duration_since(t)).unwrap_or_default();
    let Some(turn) = &state.turn else { return Life::Untold { age: since(state.last_update) } };
    let last = last_sign(state, turn, beat);
    let age = since(last);
    if turn.lease_ref.is_none() {
        Life::Untold { age }
    } else if age < Duration::from_secs(turn.lease_secs) {
        Life::Alive { age }
    } else {
        Life::Silent { age }
    }
}

/// A lease that an earlier turn left says nothing about this one.
fn last_sign(state: &State, turn: &Turn, beat: Option<&Beat>) -> Timestamp {
    let claimed = turn.claimed_at.parse().unwrap_or(state.last_update);
    let beat = beat.filter(|b| b.turn == turn.id && b.epoch == turn.epoch);
    beat.map_or(claimed, |b| b.at.max(claimed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::RoleId;
    use crate::state::{Event, Holder, NewTurn, transition};

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_second(secs).unwrap()
    }

    fn running(lease_ref: Option<&str>) -> State {
        let galph = RoleId::parse("galph").unwrap();
        let holder =
            Holder { host: "h".into(), boot: "b".into(), pid: 1, started: "s".into(), nonce: "n".into() };
        let lease_ref = lease_ref.map(str::to_owned);
        let turn = NewTurn { id: "t".into(), epoch: 3, holder, lease_secs: 600, lease_ref };
        let event = Event::Claim { role: galph.clone(), turn, prompt: None };
        transition(&State::initial(galph.clone(), at(0)), event, &[galph], at(1000)).unwrap()
    }

    fn beat(turn: &str, epoch: u64, secs: i64) -> Beat {
        Beat { turn: turn.into(), epoch, holder: None, at: at(secs) }
    }

    /// G13: the lease counts from the last renewal of this very turn.
    #[test]
    fn a_turn_lives_as_long_as_its_lease() {
        let state = running(Some("refs/x"));
        let secs = Duration::from_secs;
        assert_eq!(life(&state, None, at(1599)), Life::Alive { age: secs(599) });
        assert_eq!(life(&state, None, at(1600)), Life::Silent { age: secs(600) });
        assert_eq!(life(&state, Some(&beat("t", 3, 1500)), at(1700)), Life::Alive { age: secs(200) });
        for other in [beat("u", 3, 1500), beat("t", 2, 1500)] {
            assert_eq!(life(&state, Some(&other), at(1700)), Life::Silent { age: secs(700) });
        }
        assert_eq!(life(&state, None, at(900)), Life::Alive { age: secs(0) }, "a clock behind");
    }

    #[test]
    fn without_a_lease_nothing_is_told() {
        let age = Duration::from_secs(9000);
        assert_eq!(life(&running(None), None, at(10_000)), Life::Untold { age });
        let idle = State::initial(RoleId::parse("galph").unwrap(), at(0));
        assert_eq!(life(&idle, None, at(10_000)), Life::Free);
    }
}

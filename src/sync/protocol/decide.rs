//! Whether a turn may be claimed now (G9, G13; turns.md T6, T18 to T20).
//!
//! The first row that fits decides.
//!
//! | state at the tip | and | decision |
//! | --- | --- | --- |
//! | `exit` set, or seen and not resumed since | | leave, 0 |
//! | another role expected | `failed`, `--stop-on-failure` | leave, 3 |
//! | another role expected | | wait |
//! | `running-<mine>` | the turn is in this clone's journal | claim: resume |
//! | `running-<mine>` | no `turn` or no lease, or take-over not `auto` | wait for a command |
//! | `running-<mine>` | the observation is ripe | claim: take over |
//! | `running-<mine>` | | stand by |
//! | `running-<another>` | | wait: a peer wrote nonsense |
//! | `failed` | failures ≤ `retry_failed` | claim |
//! | `failed` | started by hand, and it was so at the start | claim |
//! | `failed` | `--if-turn` or `--stop-on-failure` | leave, 3 |
//! | `failed` | | wait |
//! | `idle`, `waiting-*`, `complete` | | claim |

use crate::ids::RoleId;

use super::action::ClaimKind;
use super::config::{Start, Takeover};
use super::say::Reason;
use super::view::{StateView, Status};

/// Everything the decision is made from.
#[derive(Debug, Clone, Copy)]
pub struct Outlook<'a> {
    pub role: &'a RoleId,
    pub start: Start,
    pub takeover: Takeover,
    pub retry_failed: u64,
    pub state: &'a StateView,
    /// An `exit` this clone has seen and no resume commit since.
    pub exit_seen: bool,
    /// The turn in the state is the one this clone's journal holds open.
    pub mine: bool,
    /// Its holder has been silent for long enough.
    pub ripe: bool,
    /// The very failure in the state was there when the run started.
    pub failed_at_start: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    Claim(ClaimKind),
    Wait(Waiting),
    Leave(Reason),
}

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Waiting {
    /// The first role has not created the state.
    NoState,
    OtherRole(RoleId),
    /// A failed turn waits for somebody to decide.
    Failed(RoleId),
    /// Another machine runs our role's turn.
    Standby,
    /// The same, and only a command takes it over.
    ByCommand,
    /// Our role is expected while another runs.
    Odd,
}

pub fn decide(o: &Outlook<'_>) -> Decision {
    let state = o.state;
    if state.exit || o.exit_seen {
        return Decision::Leave(Reason::ExitSet);
    }
    if state.expected != *o.role {
        return match (&state.status, o.start) {
            (Status::Failed, Start::StopOnFailure) => Decision::Leave(Reason::FailedSeen),
            (Status::Failed, _) => Decision::Wait(Waiting::Failed(state.expected.clone())),
            _ => Decision::Wait(Waiting::OtherRole(state.expected.clone())),
        };
    }
    match &state.status {
        Status::Running(role) if role == o.role => running(o),
        Status::Running(_) => Decision::Wait(Waiting::Odd),
        Status::Failed => failed(o),
        Status::Idle | Status::Waiting(_) | Status::Complete => Decision::Claim(ClaimKind::Fresh),
    }
}

fn running(o: &Outlook<'_>) -> Decision {
    let leased = o.state.turn.as_ref().is_some_and(|t| t.lease_ref.is_some());
    if o.mine {
        Decision::Claim(ClaimKind::Resume)
    } else if !leased || o.takeover != Takeover::Auto {
        Decision::Wait(Waiting::ByCommand)
    } else if o.ripe {
        Decision::Claim(ClaimKind::TakeOver)
    } else {
        Decision::Wait(Waiting::Standby)
    }
}

fn failed(o: &Outlook<'_>) -> Decision {
    // A peer that drops `turn` drops the count: no free retries then.
    let retry = o.state.turn.as_ref().is_some_and(|t| t.failures <= o.retry_failed);
    match o.start {
        _ if retry => Decision::Claim(ClaimKind::Fresh),
        Start::ByHand if o.failed_at_start => Decision::Claim(ClaimKind::Fresh),
        Start::ByHand => Decision::Wait(Waiting::Failed(o.role.clone())),
        Start::StopOnFailure | Start::IfTurn => Decision::Leave(Reason::FailedSeen),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::names::{RefName, TurnId};
    use super::super::view::TurnView;
    use super::*;

    fn role(name: &str) -> RoleId {
        RoleId::parse(name).unwrap()
    }

    fn state(expected: &str, status: Status) -> StateView {
        let turn = TurnView {
            id: TurnId::new("t"),
            epoch: 3,
            lease: Duration::from_secs(600),
            lease_ref: Some(RefName::new("refs/orchestrator/lease/main")),
            failures: 1,
        };
        StateView { iteration: 2, expected: role(expected), status, exit: false, turn: Some(turn) }
    }

    fn with(state: &StateView, change: impl FnOnce(&mut Outlook<'_>)) -> Decision {
        let me = role("ralph");
        let mut outlook = Outlook {
            role: &me,
            start: Start::ByHand,
            takeover: Takeover::Auto,
            retry_failed: 0,
            state,
            exit_seen: false,
            mine: false,
            ripe: false,
            failed_at_start: false,
        };
        change(&mut outlook);
        decide(&outlook)
    }

    /// T5, T19: every status of our own turn.
    #[test]
    fn a_free_turn_is_claimed() {
        for status in [Status::Idle, Status::Waiting(role("ralph")), Status::Complete] {
            assert_eq!(with(&state("ralph", status), |_| ()), Decision::Claim(ClaimKind::Fresh));
        }
        let other = Decision::Wait(Waiting::OtherRole(role("galph")));
        assert_eq!(with(&state("galph", Status::Idle), |_| ()), other);
        assert_eq!(
            with(&state("ralph", Status::Running(role("galph"))), |_| ()),
            Decision::Wait(Waiting::Odd)
        );
    }

    /// T6: exit stops every role, whatever the state, also when a peer dropped the field.
    #[test]
    fn exit_comes_first() {
        let mut set = state("ralph", Status::Running(role("ralph")));
        set.exit = true;
        assert_eq!(with(&set, |o| o.mine = true), Decision::Leave(Reason::ExitSet));
        let dropped = state("ralph", Status::Idle);
        assert_eq!(with(&dropped, |o| o.exit_seen = true), Decision::Leave(Reason::ExitSet));
    }

    /// G9, G13.
    #[test]
    fn a_running_turn_is_resumed_watched_or_taken_over() {
        let running = state("ralph", Status::Running(role("ralph")));
        assert_eq!(with(&running, |o| o.mine = true), Decision::Claim(ClaimKind::Resume));
        assert_eq!(with(&running, |_| ()), Decision::Wait(Waiting::Standby));
        assert_eq!(with(&running, |o| o.ripe = true), Decision::Claim(ClaimKind::TakeOver));
        for takeover in [Takeover::Manual, Takeover::Never] {
            let decision = with(&running, |o| {
                o.ripe = true;
                o.takeover = takeover;
            });
            assert_eq!(decision, Decision::Wait(Waiting::ByCommand));
        }
        let mut leaseless = running.clone();
        leaseless.turn.as_mut().unwrap().lease_ref = None;
        assert_eq!(with(&leaseless, |o| o.ripe = true), Decision::Wait(Waiting::ByCommand));
        leaseless.turn = None;
        assert_eq!(with(&leaseless, |o| o.ripe = true), Decision::Wait(Waiting::ByCommand));
    }

    /// T20: never an endless paid retry.
    #[test]
    fn a_failed_turn_is_claimed_again_only_when_asked() {
        let failed = state("ralph", Status::Failed);
        let claim = Decision::Claim(ClaimKind::Fresh);
        assert_eq!(with(&failed, |_| ()), Decision::Wait(Waiting::Failed(role("ralph"))));
        assert_eq!(with(&failed, |o| o.failed_at_start = true), claim);
        assert_eq!(with(&failed, |o| o.retry_failed = 1), claim);
        for start in [Start::IfTurn, Start::StopOnFailure] {
            let decision = with(&failed, |o| {
                o.start = start;
                o.failed_at_start = true;
            });
            assert_eq!(decision, Decision::Leave(Reason::FailedSeen));
        }
        let others = state("galph", Status::Failed);
        let leave = Decision::Leave(Reason::FailedSeen);
        assert_eq!(with(&others, |o| o.start = Start::StopOnFailure), leave);
        assert_eq!(with(&others, |_| ()), Decision::Wait(Waiting::Failed(role("galph"))));
    }
}

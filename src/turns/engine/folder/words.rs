//! What a loop says of the other loops in its folder: pure.

use jiff::Timestamp;

use super::now_and_ago;
use crate::ids::RoleId;
use crate::state::{Holder, State, Status};
use crate::turns::context::Previous;

pub(super) fn no_state(first: &RoleId) -> String {
    format!("there is no state yet: {first}'s loop creates it")
}

/// Whose turn it is, since when, and who has it (T19).
pub(super) fn other_role(state: &State, now: Timestamp) -> String {
    let (role, iteration) = (&state.expected_actor, state.iteration);
    let turn = state.turn.as_ref().filter(|_| matches!(state.status, Status::Running(_)));
    match turn {
        Some(turn) => {
            let holder = turn.holder.as_ref().map_or_else(|| "somebody".to_owned(), name);
            let since = turn.claimed_at.parse().unwrap_or(state.last_update);
            format!(
                "it is {role}'s turn (iteration {iteration}): {holder} has it since {}",
                now_and_ago(since, now)
            )
        }
        None => format!(
            "it is {role}'s turn (iteration {iteration}), not begun yet, since {}",
            now_and_ago(state.last_update, now)
        ),
    }
}

/// A turn that runs and whose loop holds no lock.
pub(super) fn left(role: &RoleId, iteration: u64) -> String {
    format!(
        "{role}'s turn (iteration {iteration}) was left by a loop that is gone; its next start takes it again: \
         orchestrator --mode role --role {role} --no-git"
    )
}

pub(super) fn failed(state: &State, previous: Option<&Previous>) -> String {
    let role = &state.expected_actor;
    let mut text = format!("{role}'s turn (iteration {}) has failed", state.iteration);
    let known = previous.filter(|p| p.role == role.as_str() && p.iteration == state.iteration);
    if let Some(failure) = known.and_then(|p| p.failure.as_ref()) {
        text.push_str(": ");
        text.push_str(failure);
    }
    if let Some(log) = known.and_then(|p| p.log.as_ref()) {
        text.push_str("; log ");
        text.push_str(log);
    }
    text.push_str("; to go on: orchestrator resume");
    text
}

/// `host b (pid 12)`
pub(super) fn name(holder: &Holder) -> String {
    format!("host {} (pid {})", holder.host, holder.pid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Event, NewTurn, transition};

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_second(secs).unwrap()
    }

    fn role(name: &str) -> RoleId {
        RoleId::parse(name).unwrap()
    }

    fn running() -> State {
        let text = |t: &str| t.to_owned();
        let holder =
            Holder { host: text("b"), boot: text("x"), pid: 12, started: text("s"), nonce: text("n") };
        let turn = NewTurn { id: "t".into(), epoch: 3, holder, lease_secs: 600, lease_ref: None };
        let event = Event::Claim { role: role("galph"), turn, prompt: None };
        transition(&State::initial(role("galph"), at(0)), event, &[role("galph"), role("ralph")], at(60))
            .unwrap()
    }

    /// T19: whose turn, since when, and who has it.
    #[test]
    fn a_wait_names_whose_turn_it_is() {
        let state = State::initial(role("galph"), at(0));
        assert_eq!(
            other_role(&state, at(120)),
            "it is galph's turn (iteration 1), not begun yet, since 1970-01-01T00:00:00Z (2m00s ago)"
        );
        assert_eq!(
            other_role(&running(), at(120)),
            "it is galph's turn (iteration 1): host b (pid 12) has it since 1970-01-01T00:01:00Z (1m00s ago)"
        );
    }

    /// T19: role, reason and log of a failure; what another turn left says nothing of it.
    #[test]
    fn a_failure_is_told_with_its_reason_and_log() {
        let roles = [role("galph"), role("ralph")];
        let event = Event::Fail { role: role("galph"), commit: None, prompt: None };
        let state = transition(&running(), event, &roles, at(100)).unwrap();
        let mut previous = Previous {
            role: "galph".into(),
            iteration: 1,
            prompt: "supervisor.md".into(),
            outcome: "failed".into(),
            commits: Vec::new(),
            checks: None,
            failed_checks: Vec::new(),
            failure: Some("exit status 7".into()),
            log: Some("logs/local/galph/x.log".into()),
            again: None,
        };
        assert_eq!(
            failed(&state, Some(&previous)),
            "galph's turn (iteration 1) has failed: exit status 7; log logs/local/galph/x.log; to go on: \
             orchestrator resume"
        );
        previous.iteration = 9;
        assert_eq!(
            failed(&state, Some(&previous)),
            "galph's turn (iteration 1) has failed; to go on: orchestrator resume"
        );
    }
}

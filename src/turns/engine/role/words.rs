//! What a role's loop says of the other machines: pure.

use std::fmt::Write as _;

use jiff::Timestamp;

use crate::clock::duration;
use crate::state::{Holder, State, Status, Turn};
use crate::sync::driver::Backdrop;
use crate::sync::protocol::Waiting;

/// What is the same for all messages of a run.
pub(super) struct Here {
    pub role: String,
    /// Folder of the logs of this branch, as another machine has it too.
    pub logs: String,
    /// How long a holder may be silent beyond its lease, s.
    pub margin: u64,
}

/// Why nothing is done (T19): whose turn it is, since when, and the last sign of that machine.
pub(super) fn waiting(
    here: &Here,
    why: &Waiting,
    sign: Option<i64>,
    on: &Backdrop,
    now: Timestamp,
) -> String {
    let iteration = on.state.as_ref().map_or_else(String::new, |s| format!(" (iteration {})", s.iteration));
    let running = on.state.as_ref().and_then(|s| running(s, sign, on, now));
    match why {
        Waiting::NoState => "there is no state on the remote yet: the first role creates it".into(),
        Waiting::OtherRole(role) => match (running, &on.state) {
            (Some(running), _) => format!("it is {role}'s turn{iteration}: {running}"),
            (None, Some(state)) => format!(
                "it is {role}'s turn{iteration}, not begun yet, since {}",
                at_and_ago(state.last_update, now)
            ),
            (None, None) => format!("it is {role}'s turn"),
        },
        Waiting::Failed(role) => failed(here, role.as_str(), on),
        Waiting::Standby => {
            let silence = on.state.as_ref().and_then(|s| s.turn.as_ref()).map_or(0, |t| t.lease_secs);
            let silence = std::time::Duration::from_secs(silence.saturating_add(here.margin));
            let holder = running.unwrap_or_else(|| "it gives signs".into());
            format!(
                "another machine runs this role's turn{iteration}: {holder}; it is taken over here after {} without a sign",
                duration(silence)
            )
        }
        Waiting::ByCommand => {
            let holder = running.unwrap_or_else(|| "it keeps no lease".into());
            format!(
                "another machine runs this role's turn{iteration}: {holder}; only a command takes it over: \
                 orchestrator takeover --role {}",
                here.role
            )
        }
        Waiting::Odd => "this role is expected while another one runs".into(),
    }
}

/// G2: what only a person can help.
pub(super) fn looks_dead(here: &Here, sign: Option<i64>, on: &Backdrop, now: Timestamp) -> String {
    let Some((state, turn)) = on.state.as_ref().and_then(|s| Some((s, s.turn.as_ref()?))) else {
        return "the machine whose turn it is looks dead".into();
    };
    let role = &turn.role;
    let remedy = if role.as_str() == here.role {
        format!("orchestrator takeover --role {role}")
    } else {
        format!("start {role}'s loop there again, or: orchestrator takeover --role {role}")
    };
    format!(
        "{role}'s turn {} (iteration {}) looks dead: {} has it since {}{}; {remedy}",
        turn.id,
        state.iteration,
        turn.holder.as_ref().map_or_else(|| "nobody known".to_owned(), name),
        turn.claimed_at,
        sign.and_then(|at| ago(at, now))
            .map_or_else(String::new, |ago| format!(", without a sign for {ago}")),
    )
}

/// `host b (pid 12)`
pub(super) fn name(holder: &Holder) -> String {
    format!("host {} (pid {})", holder.host, holder.pid)
}

/// Who has the turn now, for a machine that lost it.
pub(super) fn new_owner(on: &Backdrop, ours: u64) -> String {
    let Some(state) = &on.state else { return "the remote shows another turn".into() };
    if let Some(by) = &on.released_by {
        return format!("it was released by {by}, and nobody has it");
    }
    match &state.turn {
        Some(Turn { epoch, holder: Some(holder), .. }) if *epoch > ours => {
            format!("{} has it now, with epoch {epoch}", name(holder))
        }
        _ => format!("the state went on without it: {}, {}'s turn", state.status, state.expected_actor),
    }
}

fn running(state: &State, sign: Option<i64>, on: &Backdrop, now: Timestamp) -> Option<String> {
    let Status::Running(_) = state.status else { return None };
    let turn = state.turn.as_ref()?;
    let holder = turn.holder.as_ref().map_or_else(|| "somebody".to_owned(), name);
    let mut text = format!("{holder} has it since {}", turn.claimed_at);
    if let Some(ago) = sign.and_then(|at| ago(at, now)) {
        let _ = write!(text, ", last sign {ago} ago");
    }
    if let Some(until) = on.lease.as_ref().and_then(|l| l.not_before.as_ref()) {
        let _ = write!(text, ", rate limited until {until}");
    }
    Some(text)
}

fn failed(here: &Here, role: &str, on: &Backdrop) -> String {
    let mut text = format!("{role}'s turn has failed");
    if let Some(failure) = &on.failure {
        text = format!("{role}'s turn (iteration {}) has failed", failure.iteration);
        let (reason, exit) = (failure.trailers.reason.as_deref(), failure.trailers.exit.as_deref());
        // A reason begins with it where the exit is the reason.
        let exit = exit.filter(|exit| !reason.is_some_and(|reason| reason.starts_with(exit)));
        let known: Vec<&str> = reason.into_iter().chain(exit).collect();
        if !known.is_empty() {
            let _ = write!(text, ": {}", known.join(", "));
        }
        let host = failure.host.as_ref().map_or_else(String::new, |h| format!(" on host {h}"));
        let _ = write!(text, "; log{host}: {}/{role}/latest.log", here.logs);
    }
    text.push_str("; to go on: orchestrator resume");
    text
}

fn at_and_ago(at: Timestamp, now: Timestamp) -> String {
    let since = crate::clock::iso_seconds(at);
    ago(at.as_second(), now).map_or(since.clone(), |ago| format!("{since} ({ago} ago)"))
}

fn ago(at: i64, now: Timestamp) -> Option<String> {
    let secs = u64::try_from(now.as_second().saturating_sub(at)).ok()?;
    Some(duration(std::time::Duration::from_secs(secs)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::RoleId;
    use crate::sync::driver::{Failed, LeaseNote};
    use crate::sync::message::Trailers;

    fn role(name: &str) -> RoleId {
        RoleId::parse(name).unwrap()
    }

    fn holder() -> Holder {
        let text = |t: &str| t.to_owned();
        Holder { host: text("b"), boot: text("x"), pid: 12, started: text("s"), nonce: text("n") }
    }

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_second(secs).unwrap()
    }

    fn backdrop() -> Backdrop {
        let mut state = State::initial(role("galph"), at(0));
        state.iteration = 3;
        state.expected_actor = role("ralph");
        state.status = Status::Running(role("ralph"));
        state.turn = Some(Turn {
            id: "t-1".into(),
            epoch: 7,
            role: role("ralph"),
            holder: Some(holder()),
            claimed_at: "1970-01-01T00:00:05Z".into(),
            lease_secs: 600,
            lease_ref: Some("refs/orchestrator/lease/work".into()),
            failures: 0,
            extra: serde_json::Map::new(),
        });
        Backdrop { state: Some(state), ..Backdrop::default() }
    }

    fn here(role: &str) -> Here {
        Here { role: role.into(), logs: "logs/work".into(), margin: 60 }
    }

    /// T19, A6: whose turn, since when, the last sign, and what it waits for.
    #[test]
    fn a_wait_names_the_other_machine() {
        let mut on = backdrop();
        let why = Waiting::OtherRole(role("ralph"));
        let text = waiting(&here("galph"), &why, Some(100), &on, at(130));
        let known = "it is ralph's turn (iteration 3): host b (pid 12) has it since 1970-01-01T00:00:05Z, \
                     last sign 30s ago";
        assert_eq!(text, known);
        on.lease = Some(LeaseNote {
            turn: "t-1".into(),
            holder: holder(),
            beat: 4,
            not_before: Some("1970-01-01T01:00:00Z".into()),
        });
        let text = waiting(&here("galph"), &why, Some(100), &on, at(130));
        assert_eq!(text, format!("{known}, rate limited until 1970-01-01T01:00:00Z"));
        let text = waiting(&here("ralph"), &Waiting::Standby, None, &backdrop(), at(130));
        assert!(text.ends_with("; it is taken over here after 11m00s without a sign"), "{text}");
        let text = waiting(&here("ralph"), &Waiting::ByCommand, None, &backdrop(), at(130));
        assert!(text.ends_with("orchestrator takeover --role ralph"), "{text}");
    }

    /// G2: turn, role, host, since when, and the remedy.
    #[test]
    fn a_dead_machine_is_named_with_the_remedy() {
        let text = looks_dead(&here("galph"), Some(100), &backdrop(), at(760));
        let known = "ralph's turn t-1 (iteration 3) looks dead: host b (pid 12) has it since \
                     1970-01-01T00:00:05Z, without a sign for 11m00s; start ralph's loop there again, or: \
                     orchestrator takeover --role ralph";
        assert_eq!(text, known);
    }

    /// T19: role, reason and log.
    #[test]
    fn a_failure_elsewhere_is_named_with_its_log() {
        let mut on = backdrop();
        let reason = Some("exit status 7".to_owned());
        let trailers = Trailers { exit: reason.clone(), reason, ..Trailers::default() };
        on.failure = Some(Failed { trailers, iteration: 3, host: Some("b".into()) });
        let text = waiting(&here("galph"), &Waiting::Failed(role("ralph")), None, &on, at(0));
        let known = "ralph's turn (iteration 3) has failed: exit status 7; log on host b: \
                     logs/work/ralph/latest.log; to go on: orchestrator resume";
        assert_eq!(text, known);
    }

    #[test]
    fn a_lost_turn_names_its_new_holder() {
        let mut on = backdrop();
        assert_eq!(new_owner(&on, 6), "host b (pid 12) has it now, with epoch 7");
        assert!(new_owner(&on, 7).starts_with("the state went on without it"));
        on.released_by = Some("N".into());
        assert_eq!(new_owner(&on, 6), "it was released by N, and nobody has it");
    }
}

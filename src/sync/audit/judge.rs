//! One commit held against the state before it.

use crate::ids::RoleId;
use crate::state::{Event, Holder, NewTurn, State, Status, transition};
use crate::sync::message::{StateMessage, Step};

/// What is wrong with a state commit, as far as the state before it tells.
pub(super) fn judge(before: &State, after: &State, message: &StateMessage, roles: &[RoleId]) -> Vec<String> {
    let order = order_of(after, message, roles);
    let mut wrong = match reached(before, after, event_of(before, after, message), &order) {
        Ok(wanted) => differences(&wanted, after, message),
        Err(illegal) => vec![illegal],
    };
    if message.step == Step::Init {
        wrong = vec!["init on a state that is there already".to_owned()];
    }
    wrong
}

/// What is wrong with the message of a state commit alone.
pub(super) fn consistent(after: &State, message: &StateMessage) -> Vec<String> {
    let mut wrong = Vec::new();
    if message.iteration != after.iteration {
        wrong
            .push(format!("the subject says iteration {}, the state {}", message.iteration, after.iteration));
    }
    let of_turn = matches!(
        message.step,
        Step::Running | Step::Ok { .. } | Step::Fail { .. } | Step::Interrupted | Step::Released
    );
    let trailers = &message.trailers;
    if !of_turn || trailers.orchestrator.is_none() {
        return wrong;
    }
    let turn = after.turn.as_ref();
    let mut same = |name: &str, said: Option<String>, is: Option<String>| {
        if said != is {
            let text = |value: Option<String>| value.unwrap_or_else(|| "nothing".to_owned());
            wrong.push(format!("the trailer {name} says {}, the state {}", text(said), text(is)));
        }
    };
    // A turn without one (a peer dropped it, a release by command) has no trailers of it either.
    same("Turn-Id", trailers.turn_id.clone(), turn.map(|t| t.id.clone()));
    same("Epoch", trailers.epoch.map(|n| n.to_string()), turn.map(|t| t.epoch.to_string()));
    if turn.is_some() {
        same("Role", trailers.role.clone(), turn.map(|t| t.role.to_string()));
    }
    wrong
}

/// A change without a subject of G5: fine if any event leads there, or if nothing of the turn changed.
pub(super) fn by_hand(before: &State, after: &State, roles: &[RoleId]) -> Option<String> {
    let brief = |s: &State| (s.iteration, s.expected_actor.clone(), s.status.clone(), s.exits());
    if brief(before) == brief(after) {
        return None;
    }
    let mut events = vec![Event::Stop { reason: None }, Event::Resume];
    for role in roles.iter().cloned() {
        let turn = || new_turn(after);
        events.extend([
            Event::Claim { role: role.clone(), turn: turn(), prompt: None },
            Event::Reclaim { role: role.clone(), turn: turn(), prompt: None },
            Event::StartActor { role: role.clone() },
            Event::Succeed { role: role.clone(), commit: None, prompt: None },
            Event::Fail { role, commit: None, prompt: None },
        ]);
    }
    let fits = |event: Event| reached(before, after, event, roles).is_ok_and(|s| brief(&s) == brief(after));
    if events.into_iter().any(fits) {
        return None;
    }
    let words = |s: &State| {
        let exit = if s.exits() { ", exit set" } else { "" };
        format!("iteration {}, {}'s turn, {}{exit}", s.iteration, s.expected_actor, s.status)
    };
    Some(format!("the state was changed by hand from {} to {}", words(before), words(after)))
}

/// The state that an event leads to; a stop that came with it included.
fn reached(before: &State, after: &State, event: Event, roles: &[RoleId]) -> Result<State, String> {
    let now = after.last_update;
    let stamps = matches!(event, Event::Succeed { .. } | Event::Fail { .. } | Event::Interrupt { .. });
    let mut next = transition(before, event, roles, now).map_err(|e| e.to_string())?;
    if stamps && after.exits() && !next.exits() {
        let reason = after.exit_reason.clone();
        next = transition(&next, Event::Stop { reason }, roles, now).map_err(|e| e.to_string())?;
    }
    Ok(next)
}

fn event_of(before: &State, after: &State, message: &StateMessage) -> Event {
    let role = message.actor.clone();
    match &message.step {
        Step::Running if matches!(before.status, Status::Running(_)) => {
            Event::Reclaim { role, turn: new_turn(after), prompt: None }
        }
        Step::Running => Event::Claim { role, turn: new_turn(after), prompt: None },
        Step::Ok { commit, .. } => Event::Succeed { role, commit: Some(commit.clone()), prompt: None },
        Step::Fail { commit } => Event::Fail { role, commit: Some(commit.clone()), prompt: None },
        Step::Interrupted => Event::Interrupt { role },
        Step::Released => Event::Release { role },
        Step::Exit => Event::Stop { reason: after.exit_reason.clone() },
        Step::Resume => Event::Resume,
        Step::Init | Step::StartActor => Event::StartActor { role },
    }
}

/// The workflow's order; for roles that the workflow of today does not have, the one that the commit itself implies.
fn order_of(after: &State, message: &StateMessage, roles: &[RoleId]) -> Vec<RoleId> {
    let Step::Ok { next, .. } = &message.step else {
        let mut all = roles.to_vec();
        all.extend((!roles.contains(&message.actor)).then(|| message.actor.clone()));
        return all;
    };
    if roles.contains(next) && roles.contains(&message.actor) {
        return roles.to_vec();
    }
    let (actor, next) = (message.actor.clone(), next.clone());
    if after.status == Status::Complete { vec![next, actor] } else { vec![actor, next] }
}

/// The claim as the state has it; what it lacks is not compared.
fn new_turn(after: &State) -> NewTurn {
    let turn = after.turn.clone();
    let none = Holder {
        host: String::new(),
        boot: String::new(),
        pid: 0,
        started: String::new(),
        nonce: String::new(),
    };
    NewTurn {
        id: turn.as_ref().map(|t| t.id.clone()).unwrap_or_default(),
        epoch: turn.as_ref().map_or(0, |t| t.epoch),
        holder: turn.as_ref().and_then(|t| t.holder.clone()).unwrap_or(none),
        lease_secs: turn.as_ref().map_or(0, |t| t.lease_secs),
        lease_ref: turn.and_then(|t| t.lease_ref),
    }
}

fn differences(wanted: &State, after: &State, message: &StateMessage) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut same = |what: &str, wanted: String, is: String| {
        if wanted != is {
            wrong.push(format!("{what} is {is}, not {wanted}"));
        }
    };
    same("iteration", wanted.iteration.to_string(), after.iteration.to_string());
    same("expected_actor", wanted.expected_actor.to_string(), after.expected_actor.to_string());
    same("status", wanted.status.to_string(), after.status.to_string());
    same("exit", wanted.exits().to_string(), after.exits().to_string());
    if let Step::Ok { next, .. } = &message.step {
        same("expected_actor", next.to_string(), after.expected_actor.to_string());
    }
    if matches!(message.step, Step::Ok { .. } | Step::Fail { .. }) {
        let commit = |s: &State| s.commits.get(&message.actor).cloned().unwrap_or_else(|| "null".to_owned());
        same(&message.actor.commit_key(), commit(wanted), commit(after));
    }
    // A peer that does not know turns drops the field.
    if let (Some(is), Some(wanted)) = (&after.turn, &wanted.turn) {
        same("turn.id", wanted.id.clone(), is.id.clone());
        same("turn.epoch", wanted.epoch.to_string(), is.epoch.to_string());
        same("turn.role", wanted.role.to_string(), is.role.to_string());
        let held = |t: &crate::state::Turn| if t.holder.is_some() { "set" } else { "null" }.to_owned();
        same("turn.holder", held(wanted), held(is));
        same("turn.failures", wanted.failures.to_string(), is.failures.to_string());
    } else if after.turn.is_some() {
        wrong.push("a turn appears that no claim began".to_owned());
    } else if wanted.turn.is_some() && message.trailers.turn_id.is_some() {
        wrong.push("the turn is missing in the state".to_owned());
    }
    wrong
}

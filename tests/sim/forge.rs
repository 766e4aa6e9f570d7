//! The commits a shell builds: state files by T5, replays by G11.

use orchestrator::ids::RoleId;
use orchestrator::sync::protocol::{Outcome, StateView, Status, TurnView};

use super::store::{Commit, Ix, Kind, Store};

pub fn initial(roles: &[RoleId]) -> StateView {
    StateView { iteration: 1, expected: roles[0].clone(), status: Status::Idle, exit: false, turn: None }
}

/// A claim's state. Failures in a row are carried over.
pub fn claimed(before: &StateView, role: &RoleId, turn: TurnView) -> StateView {
    let failures = before.turn.as_ref().map_or(0, |t| t.failures);
    StateView {
        expected: role.clone(),
        status: Status::Running(role.clone()),
        turn: Some(TurnView { failures, ..turn }),
        ..before.clone()
    }
}

/// A stamp's state, made anew from the one it is put on.
pub fn stamped(before: &StateView, roles: &[RoleId], outcome: Outcome, exit: bool) -> StateView {
    let mut next = StateView { exit: before.exit || exit, ..before.clone() };
    let role = before.expected.clone();
    let at = roles.iter().position(|r| *r == role).unwrap();
    match outcome {
        Outcome::Succeeded => {
            let following = roles.get(at + 1);
            next.expected = following.unwrap_or(&roles[0]).clone();
            next.status = following.map_or(Status::Complete, |f| Status::Waiting(f.clone()));
            next.iteration += u64::from(following.is_none());
        }
        Outcome::Failed => next.status = Status::Failed,
        Outcome::Interrupted => next.status = Status::Waiting(role),
    }
    if let Some(turn) = &mut next.turn {
        turn.failures = match outcome {
            Outcome::Succeeded => 0,
            Outcome::Failed => turn.failures + 1,
            Outcome::Interrupted => turn.failures,
        };
    }
    next
}

pub fn resumed(before: &StateView) -> StateView {
    let mut next = StateView { exit: false, ..before.clone() };
    if next.status == Status::Failed {
        next.status = Status::Waiting(next.expected.clone());
    }
    next
}

pub fn released(before: &StateView) -> StateView {
    let mut next = before.clone();
    next.status = Status::Waiting(next.expected.clone());
    if let Some(turn) = &mut next.turn {
        turn.epoch += 1;
    }
    next
}

/// The commits of `head` that `tip` lacks, on `tip`. `fits` is asked once if anything has to be
/// rewritten; `None`: a conflict.
pub fn replay(store: &mut Store, head: Ix, tip: Ix, fits: impl FnOnce() -> bool) -> Option<Ix> {
    let missing = store.missing(head, Some(tip));
    if missing.is_empty() {
        return Some(tip);
    }
    let plain = |ix: &Ix| {
        let commit = store.get(*ix);
        let carries = matches!(commit.kind, Kind::Work | Kind::Other | Kind::OldWork);
        carries && commit.parents.len() == 1 && !store.touches_state(*ix)
    };
    if store.on_line(head, tip) && missing.iter().all(plain) {
        return Some(head);
    }
    if !fits() {
        return None;
    }
    let state = store.get(tip).state.clone();
    if missing.iter().any(|ix| store.get(*ix).parents.len() > 1) {
        let last = missing.iter().rev().find(|ix| store.get(**ix).kind == Kind::Work);
        let mark = last.and_then(|ix| store.get(*ix).mark.clone());
        let who = store.get(head).who;
        let merge =
            Commit { parents: vec![tip, head], kind: Kind::Work, state, mark, who, works: Vec::new() };
        return Some(store.add(merge));
    }
    let mut on = tip;
    for ix in missing {
        let old = store.get(ix).clone();
        // A commit that holds nothing but a state change is dropped.
        if !old.works.is_empty() {
            on = store.add(Commit { parents: vec![on], state: state.clone(), ..old });
        }
    }
    Some(on)
}

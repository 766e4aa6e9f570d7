//! The only way from one state to the next (turns.md T5): pure.
//!
//! | event | from | to |
//! | --- | --- | --- |
//! | claim(role) | `expected_actor` = role, `exit` unset, any status but `running-*` | `running-<role>`, new turn id and epoch |
//! | reclaim(role) | `running-<role>`, `exit` unset | `running-<role>`, new turn id and epoch |
//! | start-actor(role) | any | `expected_actor` = role, `waiting-<role>` |
//! | succeed(role), not last | `running-<role>` | next role, `waiting-<next>`, `<role>_commit` |
//! | succeed(role), last | `running-<role>` | first role, `complete`, iteration + 1, `<role>_commit` |
//! | fail(role) | `running-<role>` | same role, `failed`, `<role>_commit` |
//! | interrupt(role), release(role) | `running-<role>` | same role, `waiting-<role>` (release: epoch + 1) |
//! | stop, resume | any | `exit` set / cleared; resume: `failed` becomes `waiting-<role>` |
//!
//! Each sets `last_update` to now and `lease_expires_at` to now + [`LEASE_SECS`].

use std::time::Duration;

use jiff::Timestamp;

use super::model::{Holder, State, Status, Turn};
use crate::clock::iso_seconds;
use crate::ids::RoleId;

/// Seconds between `last_update` and `lease_expires_at`, for display.
pub const LEASE_SECS: u64 = 600;

/// What can happen to a state.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    Claim { role: RoleId, turn: NewTurn, prompt: Option<String> },
    Reclaim { role: RoleId, turn: NewTurn, prompt: Option<String> },
    StartActor { role: RoleId },
    Succeed { role: RoleId, commit: Option<String>, prompt: Option<String> },
    Fail { role: RoleId, commit: Option<String>, prompt: Option<String> },
    Interrupt { role: RoleId },
    Release { role: RoleId },
    Stop { reason: Option<String> },
    Resume,
}

impl Event {
    fn name(&self) -> String {
        match self {
            Self::Claim { role, .. } => format!("claim({role})"),
            Self::Reclaim { role, .. } => format!("reclaim({role})"),
            Self::StartActor { role } => format!("start-actor({role})"),
            Self::Succeed { role, .. } => format!("succeed({role})"),
            Self::Fail { role, .. } => format!("fail({role})"),
            Self::Interrupt { role } => format!("interrupt({role})"),
            Self::Release { role } => format!("release({role})"),
            Self::Stop { .. } => "stop".into(),
            Self::Resume => "resume".into(),
        }
    }
}

/// What a claim brings along; the caller computes the epoch (git-sync.md G4).
#[derive(Debug, Clone, PartialEq)]
pub struct NewTurn {
    pub id: String,
    pub epoch: u64,
    pub holder: Holder,
    pub lease_secs: u64,
    pub lease_ref: Option<String>,
}

/// An event that the table does not allow in this state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("illegal transition: {event} while status is `{status}` and it is {actor}'s turn{}", if *.exit { " (exit is set)" } else { "" })]
pub struct IllegalTransition {
    pub event: String,
    pub status: String,
    pub actor: RoleId,
    pub exit: bool,
}

/// Applies one event. `roles` is the workflow's order.
pub fn transition(
    state: &State,
    event: Event,
    roles: &[RoleId],
    now: Timestamp,
) -> Result<State, IllegalTransition> {
    let illegal = |event: &Event| IllegalTransition {
        event: event.name(),
        status: state.status.to_string(),
        actor: state.expected_actor.clone(),
        exit: state.exits(),
    };
    let runs = |role: &RoleId| state.status == Status::Running(role.clone());
    let allowed = match &event {
        Event::Claim { role, .. } => {
            state.expected_actor == *role && !state.exits() && !matches!(state.status, Status::Running(_))
        }
        Event::Reclaim { role, .. } => runs(role) && !state.exits(),
        Event::StartActor { role } => roles.contains(role),
        Event::Succeed { role, .. } => runs(role) && roles.contains(role),
        Event::Fail { role, .. } | Event::Interrupt { role } | Event::Release { role } => runs(role),
        Event::Stop { .. } | Event::Resume => true,
    };
    if !allowed {
        return Err(illegal(&event));
    }
    let mut next = state.clone();
    next.last_update = now;
    next.lease_expires_at = lease_end(now);
    match event {
        Event::Claim { role, turn, prompt } | Event::Reclaim { role, turn, prompt } => {
            note_prompt(&mut next, &role, prompt);
            next.expected_actor = role.clone();
            next.status = Status::Running(role.clone());
            let failures = state.turn.as_ref().map_or(0, |t| t.failures);
            next.turn = Some(turn.started(role, failures, now));
        }
        Event::Succeed { role, commit, prompt } => {
            note_prompt(&mut next, &role, prompt);
            note_commit(&mut next, &role, commit);
            let at = roles.iter().position(|r| *r == role).unwrap_or(0);
            if let Some(following) = roles.get(at + 1) {
                next.expected_actor = following.clone();
                next.status = Status::Waiting(following.clone());
            } else {
                next.expected_actor = roles[0].clone();
                next.status = Status::Complete;
                next.iteration = state.iteration.saturating_add(1);
            }
            end_turn(&mut next, |t| t.failures = 0);
        }
        Event::Fail { role, commit, prompt } => {
            note_prompt(&mut next, &role, prompt);
            note_commit(&mut next, &role, commit);
            next.expected_actor = role;
            next.status = Status::Failed;
            end_turn(&mut next, |t| t.failures = t.failures.saturating_add(1));
        }
        Event::StartActor { role } | Event::Interrupt { role } => give_back(&mut next, role),
        Event::Release { role } => {
            give_back(&mut next, role);
            end_turn(&mut next, |t| t.epoch = t.epoch.saturating_add(1));
        }
        Event::Stop { reason } => {
            next.exit = Some(true);
            next.exit_reason = reason;
        }
        Event::Resume => {
            next.exit = None;
            next.exit_reason = None;
            if state.status == Status::Failed {
                next.status = Status::Waiting(state.expected_actor.clone());
            }
        }
    }
    Ok(next)
}

pub(super) fn lease_end(now: Timestamp) -> Timestamp {
    now.saturating_add(Duration::from_secs(LEASE_SECS)).unwrap_or(now)
}

fn give_back(state: &mut State, role: RoleId) {
    state.status = Status::Waiting(role.clone());
    state.expected_actor = role;
    end_turn(state, |_| ());
}

fn end_turn(state: &mut State, change: impl FnOnce(&mut Turn)) {
    if let Some(turn) = &mut state.turn {
        turn.holder = None;
        change(turn);
    }
}

fn note_commit(state: &mut State, role: &RoleId, commit: Option<String>) {
    if let Some(id) = commit {
        state.commits.insert(role.clone(), id);
    }
}

fn note_prompt(state: &mut State, role: &RoleId, prompt: Option<String>) {
    if let Some(prompt) = prompt {
        state.last_prompt = Some(prompt);
        state.last_prompt_actor = Some(role.clone());
    }
}

impl NewTurn {
    fn started(self, role: RoleId, failures: u64, now: Timestamp) -> Turn {
        Turn {
            id: self.id,
            epoch: self.epoch,
            role,
            holder: Some(self.holder),
            claimed_at: iso_seconds(now),
            lease_secs: self.lease_secs,
            lease_ref: self.lease_ref,
            failures,
            extra: serde_json::Map::new(),
        }
    }
}

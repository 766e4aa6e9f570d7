//! Rows of the ledger and words of live runs, made into what is shown. Pure.

use std::collections::HashMap;

use serde_json::Value;

use super::sight::{Holder, Item, Live, LiveAttempt, Loop, Past, Role, Run, Standing, State};
use super::text::clean;
use crate::control::LiveRun;
use crate::ledger::{AttemptRow, RunRow, StepRow, StepState};
use crate::state;

/// Turns of a role that are shown.
const TURNS: usize = 60;

pub fn run(row: &RunRow, lost: bool) -> Run {
    let state = match row.state.as_str() {
        _ if lost => State::Lost,
        "pending" => State::Waiting,
        "running" => State::Running,
        "succeeded" => State::Succeeded,
        "canceled" => State::Canceled,
        _ => State::Failed,
    };
    Run {
        id: row.run_id.clone(),
        kind: row.kind.clone(),
        state,
        began_ms: row.started_at.unwrap_or(row.created_at),
        ended_ms: row.ended_at,
        attempts: row.attempts,
        cost_usd: row.cost_usd,
        error: row.error.as_deref().map(one_line),
    }
}

pub fn live(run: &LiveRun) -> Live {
    let status = run.status.as_ref();
    let attempt = |a: &crate::control::AttemptStatus| LiveAttempt {
        id: a.id.clone(),
        role: a.role.clone(),
        agent: a.agent.clone(),
        prompt: one_line(&a.prompt),
        queued: a.pid.is_none(),
        silent_ms: i64::try_from(a.silent_ms).unwrap_or(i64::MAX),
        idle: a.idle,
        interrupted: a.interrupted,
    };
    Live {
        run_id: run.id.clone(),
        socket: run.socket.clone(),
        kind: status.map(|s| s.run.kind.clone()).unwrap_or_default(),
        mute: status.is_none(),
        stop_asked: status.is_some_and(|s| s.stop_asked),
        interrupted: status.is_some_and(|s| s.interrupted),
        attempts: status.map(|s| s.attempts.iter().map(attempt).collect()).unwrap_or_default(),
    }
}

/// What the state file says.
pub fn turn(state: &state::State, host: &str) -> Loop {
    let standing = match state.status {
        state::Status::Idle => Standing::Idle,
        state::Status::Running(_) => Standing::Running,
        state::Status::Waiting(_) => Standing::Waiting,
        state::Status::Complete => Standing::Complete,
        state::Status::Failed => Standing::Failed,
    };
    let holder = state.turn.as_ref().and_then(|turn| {
        let holder = turn.holder.as_ref()?;
        Some(Holder {
            host: one_line(&holder.host),
            pid: holder.pid,
            here: holder.host == host,
            lease_ms: i64::try_from(turn.lease_secs).unwrap_or(0).saturating_mul(1000),
            leased: turn.lease_ref.is_some(),
        })
    });
    Loop {
        iteration: state.iteration,
        actor: state.expected_actor.to_string(),
        standing,
        updated_ms: state.last_update.as_millisecond(),
        holder,
        exit: state.exits().then(|| one_line(state.exit_reason.as_deref().unwrap_or("no reason given"))),
    }
}

fn state_of(word: &str, lost: bool) -> State {
    match word {
        "running" if lost => State::Lost,
        "running" => State::Running,
        "succeeded" => State::Succeeded,
        "canceled" => State::Canceled,
        _ => State::Failed,
    }
}

fn one_line(text: &str) -> String {
    clean(text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default()).into_owned()
}

fn item(row: &AttemptRow, lost: bool) -> Item {
    let request = row.request.as_ref().and_then(|raw| serde_json::from_str::<Value>(raw.get()).ok());
    let text = |field: &Option<String>| field.as_deref().map(one_line).unwrap_or_default();
    Item {
        key: row.attempt_id.clone(),
        title: row.role.as_deref().map_or_else(|| one_line(&row.step_id), one_line),
        state: state_of(&row.state, lost),
        attempt_id: Some(row.attempt_id.clone()),
        role: text(&row.role),
        agent: text(&row.agent),
        prompt: text(&row.prompt),
        iteration: request.and_then(|r| r.get("iteration")?.as_u64()),
        attempt: row.attempt,
        began_ms: Some(row.started_at),
        ended_ms: row.ended_at,
        exit_code: row.exit_code,
        error: row.error.as_deref().map(one_line),
        tokens: row.input_tokens.zip(row.output_tokens),
        cost_usd: row.cost_usd,
        log: row.log_path.as_deref().map(one_line),
    }
}

/// What runs, waits and ran. `rows`: the newest first.
pub fn items(
    kind: &str,
    rows: &[AttemptRow],
    steps: &[StepRow],
    live: Option<&Live>,
    lost: bool,
) -> Vec<Item> {
    if !steps.is_empty() {
        return of_steps(rows, steps, lost);
    }
    let mut items: Vec<Item> = rows.iter().map(|row| item(row, lost)).collect();
    if kind != "batch" {
        return items;
    }
    // What runs, what failed, what is done; then what waits.
    items.sort_by_key(|item| match item.state {
        State::Running => 0,
        State::Failed | State::Lost => 1,
        _ => 2,
    });
    let begun: std::collections::HashSet<&str> = rows.iter().map(|row| row.attempt_id.as_str()).collect();
    let waiting = live
        .into_iter()
        .flat_map(|live| &live.attempts)
        .filter(|a| a.queued && !begun.contains(a.id.as_str()));
    items.extend(waiting.map(|a| Item {
        key: a.id.clone(),
        title: one_line(&a.role),
        state: State::Waiting,
        prompt: a.prompt.clone(),
        agent: a.agent.clone(),
        ..blank()
    }));
    items
}

fn blank() -> Item {
    Item {
        key: String::new(),
        title: String::new(),
        state: State::Waiting,
        attempt_id: None,
        role: String::new(),
        agent: String::new(),
        prompt: String::new(),
        iteration: None,
        attempt: 0,
        began_ms: None,
        ended_ms: None,
        exit_code: None,
        error: None,
        tokens: None,
        cost_usd: None,
        log: None,
    }
}

/// The steps in the order of their file, each with its newest attempt.
fn of_steps(rows: &[AttemptRow], steps: &[StepRow], lost: bool) -> Vec<Item> {
    let mut newest: HashMap<&str, &AttemptRow> = HashMap::new();
    for row in rows.iter().rev() {
        newest.insert(&row.step_id, row);
    }
    let of = |step: &StepRow| {
        let state = match step.state {
            StepState::Pending | StepState::Ready => State::Waiting,
            StepState::Running if lost => State::Lost,
            StepState::Running => State::Running,
            StepState::Succeeded => State::Succeeded,
            StepState::Failed => State::Failed,
            StepState::Skipped => State::Skipped,
            StepState::Canceled => State::Canceled,
        };
        let own = newest.get(step.step_id.as_str()).map_or_else(blank, |row| item(row, lost));
        let reason = step.reason.as_deref().map(one_line);
        Item {
            key: step.step_id.clone(),
            title: one_line(&step.step_id),
            state,
            error: reason.or(own.error.clone()),
            ..own
        }
    };
    steps.iter().map(of).collect()
}

/// How many are in each state, in a fixed order.
pub fn counts(items: &[Item], of_all: &[(String, u64)], steps: bool, lost: bool) -> Vec<(State, u64)> {
    const ORDER: [State; 7] = [
        State::Running,
        State::Failed,
        State::Lost,
        State::Canceled,
        State::Skipped,
        State::Succeeded,
        State::Waiting,
    ];
    let mut sums: HashMap<State, u64> = HashMap::new();
    // Of a long batch only the newest are items; the sums are of all.
    for item in items.iter().filter(|item| steps || item.state == State::Waiting) {
        *sums.entry(item.state).or_default() += 1;
    }
    if !steps {
        for (word, n) in of_all {
            *sums.entry(state_of(word, lost)).or_default() += n;
        }
    }
    ORDER.into_iter().filter_map(|state| Some((state, *sums.get(&state)?))).collect()
}

/// The roles in the order of their first turn. `rows`: the newest first.
pub fn roles(rows: &[AttemptRow]) -> Vec<Role> {
    let mut roles: Vec<Role> = Vec::new();
    for row in rows.iter().rev() {
        let Some(name) = row.role.as_deref().map(one_line) else { continue };
        let at = roles.iter().position(|role| role.name == name).unwrap_or_else(|| {
            roles.push(Role { name, turns: Vec::new() });
            roles.len() - 1
        });
        if let Some(ended) = row.ended_at {
            let state = state_of(&row.state, false);
            let took_ms = (ended - row.started_at).max(0);
            roles[at].turns.push(Past { state, took_ms, ended_ms: ended, cost_usd: row.cost_usd });
        }
    }
    for role in &mut roles {
        role.turns.drain(..role.turns.len().saturating_sub(TURNS));
    }
    roles
}

//! Looks at the project. Cheap on purpose: no walk over the files of the working tree, no network.

use std::path::Path;

use jiff::Timestamp;

use super::super::error::Failure;
use super::super::lately::{Lately, killed, lately};
use super::super::setup::Machine;
use super::view::{HeldBy, View};
use crate::agents;
use crate::clock::Clock;
use crate::control::{self, LiveRun};
use crate::state::{State, StateError, Turn, file};
use crate::sync::memory::Memory;
use crate::sync::message::Step;
use crate::sync::seen::{self, Seen};
use crate::sync::worktree::{EndedTurn, Head, Repo, merge_command};
use crate::turns::budget::{self, Spent};
use crate::turns::engine::{LoopError, read_state, rescues};
use crate::turns::lock::LoopLock;
use crate::turns::settings::Settings;
use crate::turns::waiting::Waiting;

/// Turns that are shown.
const TURNS: usize = 3;
/// Commits that are looked at for them.
const DEPTH: usize = 200;

/// What there is to see.
pub(super) enum Sight {
    Loop(Box<View>),
    /// No loop was ever run here, but something else runs or ran.
    RunsOnly {
        live: Vec<LiveRun>,
        lately: Vec<Lately>,
    },
}

pub(super) fn look(settings: &Settings) -> Result<Sight, Failure> {
    let clock = Machine::new().clock;
    let now = clock.now();
    let runs = control::live(&control::folder(&settings.private()));
    let ids: Vec<String> = runs.iter().map(|run| run.id.clone()).collect();
    let mut lately = lately(settings, &ids);
    let repo = Repo::open(&settings.root, clock).ok();
    let head = repo.as_ref().and_then(|r| r.head().ok());
    let mut troubles = Vec::new();
    let fetched = repo.as_ref().zip(head.as_ref()).and_then(|(repo, head)| newer(repo, head, settings, now));
    let (state, as_of) = match fetched {
        Some((state, name)) => (state, Some(name)),
        None => match read_state(settings, now) {
            Err(LoopError::State(StateError::Missing { .. })) if beside_only(&runs, &lately) => {
                lately.truncate(TURNS);
                return Ok(Sight::RunsOnly { live: runs, lately });
            }
            other => (other?, None),
        },
    };
    let memory = Memory::load(&settings.private()).unwrap_or_default();
    let seen = Seen::load(&seen::path_in(&settings.private()));
    if let Err(e) = &seen {
        troubles.push(e.to_string());
    }
    troubles.extend(killed(&lately).into_iter().map(Lately::with_next));
    let live = LoopLock::live(&settings.root);
    let waiting = if live.is_empty() { None } else { Waiting::find(&settings.root) };
    let next = super::super::route::next(settings, &state);
    let tip = head.as_ref().and_then(|h| h.commit);
    let at = as_of.as_ref().and_then(|_| repo.as_ref()?.upstream_tip(head.as_ref()?.branch.as_deref()?));
    let from = at.map(|(_, id)| id).or(tip);
    let turns = repo.as_ref().zip(from).and_then(|(repo, from)| repo.ended_turns(from, TURNS, DEPTH).ok());
    let turns = turns.unwrap_or_default().into_iter().map(|turn| in_its_iteration(turn, settings)).collect();
    let rescues = repo.as_ref().map(rescues).unwrap_or_default();
    Ok(Sight::Loop(Box::new(View {
        now,
        iteration: state.iteration,
        actor: state.expected_actor.to_string(),
        holder: state.turn.as_ref().and_then(|turn| held_by(turn, seen.as_ref().ok())),
        exit: state.exits(),
        exit_reason: state.exit_reason,
        status: state.status,
        updated: state.last_update,
        as_of,
        live,
        runs,
        waiting,
        branch: head.and_then(|h| h.branch),
        prompt: next.prompt,
        agent: found(settings, next.agent),
        unrouted: next.problem,
        turns,
        previous: memory.previous.and_then(|v| serde_json::from_value(v).ok()),
        budget: settings.config.budget.clone(),
        budget_words: budget::left(&settings.config.budget, &Spent::default()),
        rescues: with_commands(rescues),
        troubles,
    })))
}

/// Something runs or ran here, and no turn ever did.
fn beside_only(live: &[LiveRun], lately: &[Lately]) -> bool {
    !live.is_empty() || !lately.is_empty() && lately.iter().all(|run| run.kind != "turns")
}

/// `auto` is a name, no agent: which one it is here.
fn found(settings: &Settings, agent: String) -> String {
    if agent != "auto" {
        return agent;
    }
    match agents::ready(&settings.table, &agent, &settings.config.agent.order, &settings.path, &settings.root)
    {
        Ok(ready) => format!("{} (auto)", ready.agent.name),
        Err(_) => "auto: none found".to_owned(),
    }
}

/// The commit of the last role's success names the iteration that it opened (G5).
fn in_its_iteration(mut turn: EndedTurn, settings: &Settings) -> EndedTurn {
    let message = &mut turn.message;
    if matches!(message.step, Step::Ok { .. }) && settings.workflow.is_last(&message.actor) {
        message.iteration = message.iteration.saturating_sub(1);
    }
    turn
}

fn with_commands(rescues: Vec<String>) -> Vec<(String, String)> {
    let merge = |name: String| {
        let command = merge_command(&name);
        (name, command)
    };
    rescues.into_iter().map(merge).collect()
}

/// The state of the upstream, where this clone is behind it: another machine went on since.
fn newer(repo: &Repo, head: &Head, settings: &Settings, now: Timestamp) -> Option<(State, String)> {
    let (branch, own) = (head.branch.as_deref()?, head.commit?);
    let (name, tip) = repo.upstream_tip(branch)?;
    if tip == own || !repo.descends(tip, own).ok()? {
        return None;
    }
    let path = repo.relative(&settings.state_path()).ok()?;
    let bytes = repo.blob_at(tip, &path).ok()??;
    let state = file::parse(Path::new(&settings.config.state_file), &bytes, &settings.roles(), now).ok()?;
    Some((state, name))
}

fn held_by(turn: &Turn, seen: Option<&Seen>) -> Option<HeldBy> {
    let holder = turn.holder.as_ref()?;
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let observed = seen.and_then(|s| s.observed.as_ref()).filter(|o| o.turn.as_str() == turn.id);
    Some(HeldBy {
        here: holder.host == host,
        host: holder.host.clone(),
        pid: holder.pid,
        claimed: turn.claimed_at.parse().ok(),
        lease_secs: turn.lease_secs,
        leased: turn.lease_ref.is_some(),
        no_sign_since: observed.and_then(|o| Timestamp::from_second(o.wall).ok()),
    })
}

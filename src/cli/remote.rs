//! `orchestrator status --remote`: whose turn it is for all machines, after a look at the remote.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::args::{Format, Global, StatusArgs};
use super::branch::{Branch, branch, git};
use super::error::{Failure, OK, USAGE};
use super::recap::{next, stat, turn_line};
use super::setup::{Machine, Setup, setup_beside};
use crate::clock::{Clock, duration, iso_seconds};
use crate::state::State;
use crate::sync::worktree::merge_command;
use crate::turns::engine::{AtTip, Beat, Glimpse, rescues};
use crate::turns::holding::{Life, life};
use crate::turns::recap::turns;

/// Turns shown.
const LAST: usize = 3;

pub(super) fn status(global: &Global, args: &StatusArgs) -> Result<u8, Failure> {
    let setup = setup_beside(global)?;
    let machine = Machine::new();
    let branch = branch(&setup, &machine, true)?;
    let Some(glimpse) = &branch.glimpse else { return Ok(OK) };
    let state = state_of(glimpse)?;
    let now = machine.clock.now();
    let life = life(state, glimpse.beat.as_ref(), now);
    let problems = problems(state, life);
    let (ahead, behind) = distance(&branch)?;
    let rows = turns(&branch.line()?);
    let rows = &rows[rows.len().saturating_sub(LAST)..];
    let rescue = rescues(&branch.repo);
    if args.format == Format::Json {
        let last = rows.iter().map(|row| json!({"iteration": row.iteration, "role": row.role, "outcome": row.outcome, "ended": row.ended, "reason": row.reason}));
        let value = json!({
            "version": 1,
            "remote": glimpse.url,
            "branch": glimpse.branch,
            "tip": branch.tip.to_string(),
            "ahead": ahead,
            "behind": behind,
            "iteration": state.iteration,
            "expected_actor": state.expected_actor.as_str(),
            "status": state.status.to_string(),
            "last_update": iso_seconds(state.last_update),
            "exit": state.exits(),
            "exit_reason": state.exit_reason,
            "turn": state.turn,
            "holder": holder_json(life, glimpse.beat.as_ref()),
            "last_turns": last.collect::<Vec<_>>(),
            "rescue_refs": rescue,
            "problems": problems,
            "next": next(Some(state)),
        });
        super::print(&format!("{value:#}\n"))?;
        return Ok(OK);
    }
    let since =
        duration(std::time::Duration::try_from(now.duration_since(state.last_update)).unwrap_or_default());
    let turn = format!(
        "iteration {} · {}'s turn · {} · {since} ago",
        state.iteration, state.expected_actor, state.status
    );
    if args.oneline {
        super::print(&format!("{turn} · {}\n", life_words(life)))?;
        return Ok(OK);
    }
    let mut out = format!("{turn}\n");
    let short = branch.repo.short_id(branch.tip).map_err(|e| git(&e))?;
    // Writing to a String cannot fail.
    let _ = writeln!(out, "remote: {} at {short}; here: {}", branch.name, distance_words(ahead, behind));
    let _ = writeln!(out, "holder: {}", holder_words(state, glimpse.beat.as_ref(), life));
    for row in rows {
        let _ = writeln!(out, "last:   {}", turn_line(row, &stat(&branch, row)?));
        if let Some(reason) = &row.reason {
            let _ = writeln!(out, "        cause: {reason}");
        }
    }
    if state.exits() {
        let reason = state.exit_reason.as_deref().unwrap_or("no reason given");
        let _ = writeln!(out, "exit:   set: {reason} (orchestrator resume)");
    }
    for name in rescue {
        let _ = writeln!(out, "rescue: {name} ({})", merge_command(&name));
    }
    for problem in problems {
        let _ = writeln!(out, "problem: {problem}");
    }
    let _ = writeln!(out, "next:   {}", next(Some(state)));
    super::print(&out)?;
    Ok(OK)
}

/// The state on the remote, or what there is instead.
pub(super) fn state_of(glimpse: &Glimpse) -> Result<&State, Failure> {
    let failure = |what: String| Failure::new(USAGE, "state", "read the state on the remote").cause(what);
    match &glimpse.state {
        AtTip::State(state) => Ok(state),
        AtTip::Missing => {
            let what = format!("branch {} has no {}", glimpse.branch, glimpse.state_path.display());
            Err(failure(what).hint("orchestrator init --publish"))
        }
        AtTip::Damaged(why) => Err(failure(why.clone())),
    }
}

pub(super) fn life_words(life: Life) -> String {
    match life {
        Life::Free => "nobody holds it".to_owned(),
        Life::Alive { age } => format!("alive, last sign {} ago", duration(age)),
        Life::Silent { age } => format!("silent for {}, longer than its lease", duration(age)),
        Life::Untold { age } => format!("keeps no lease, last sign {} ago", duration(age)),
    }
}

/// Who holds the turn, and since when.
pub(super) fn holder_words(state: &State, beat: Option<&Beat>, life: Life) -> String {
    if life == Life::Free {
        return life_words(life);
    }
    let Some(turn) = &state.turn else {
        return format!("not told (a peer that writes no turn); {}", life_words(life));
    };
    let said = turn.holder.as_ref().or(beat.and_then(|b| b.holder.as_ref()));
    let who = said.map_or_else(|| "not told".to_owned(), |h| format!("{} (pid {})", h.host, h.pid));
    format!("{who}, epoch {}, since {}; {}", turn.epoch, turn.claimed_at, life_words(life))
}

pub(super) fn holder_json(life: Life, beat: Option<&Beat>) -> Value {
    let (kind, age) = match life {
        Life::Free => ("free", None),
        Life::Alive { age } => ("alive", Some(age)),
        Life::Silent { age } => ("silent", Some(age)),
        Life::Untold { age } => ("untold", Some(age)),
    };
    json!({
        "life": kind,
        "last_sign_secs_ago": age.map(|a| a.as_secs()),
        "beat_at": beat.map(|b| iso_seconds(b.at)),
    })
}

fn problems(state: &State, life: Life) -> Vec<String> {
    let mut out = Vec::new();
    if let Life::Silent { age } = life {
        let host = state.turn.as_ref().and_then(|t| t.holder.as_ref()).map_or("another machine", |h| &h.host);
        out.push(format!(
            "{} on {host} looks dead since {} ago (orchestrator takeover)",
            state.expected_actor,
            duration(age)
        ));
    }
    out
}

/// Commits that only this clone has, and that only the remote has.
fn distance(branch: &Branch) -> Result<(usize, usize), Failure> {
    let Some(head) = branch.repo.head().map_err(|e| git(&e))?.commit else { return Ok((0, 0)) };
    let count = |from, to| branch.repo.commits_between(Some(from), to).map(|c| c.len()).map_err(|e| git(&e));
    Ok((count(branch.tip, head)?, count(head, branch.tip)?))
}

fn distance_words(ahead: usize, behind: usize) -> String {
    match (ahead, behind) {
        (0, 0) => "the same".to_owned(),
        (0, behind) => format!("{behind} commits behind"),
        (ahead, 0) => format!("{ahead} commits not published"),
        (ahead, behind) => format!("{ahead} commits not published, {behind} behind"),
    }
}

/// For a command that has looked already.
pub(super) fn glimpse(setup: &Setup, machine: &Machine) -> Result<Glimpse, Failure> {
    Ok(crate::turns::engine::look(&setup.settings, &super::role::world(machine))?)
}

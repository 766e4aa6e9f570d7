//! `orchestrator status`: one screen about this project. Runs nothing.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::args::{Format, Global, StatusArgs};
use super::error::{Failure, OK};
use super::live::{attempt_words, run_words};
use super::setup::{Machine, Setup, setup_beside};
use crate::clock::Clock;
use crate::clock::duration;
use crate::control::{self, LiveRun};
use crate::state::{State, StateError};
use crate::sync::memory::Memory;
use crate::sync::worktree::{Repo, merge_command};
use crate::turns::budget::{self, Spent};
use crate::turns::context::Previous;
use crate::turns::engine::{LoopError, read_state, rescues};
use crate::turns::lock::LoopLock;
use crate::turns::waiting::Waiting;

pub(super) fn status(global: &Global, args: &StatusArgs) -> Result<u8, Failure> {
    let Setup { settings, loaded } = setup_beside(global)?;
    let now = Machine::new().clock.now();
    let runs = control::live(&control::folder(&settings.private()));
    let state = match read_state(&settings, now) {
        // No loop was ever run here, but something else runs.
        Err(LoopError::State(StateError::Missing { .. }))
            if !runs.is_empty() && args.format == Format::Text =>
        {
            let mut out = "no loop was run here yet (orchestrator init); live:\n".to_owned();
            run_lines(&mut out, &runs);
            super::print(&out)?;
            return Ok(OK);
        }
        other => other?,
    };
    let live = LoopLock::live_owner(&settings.root);
    let seen = Memory::load(&settings.private()).unwrap_or_default();
    let previous: Option<Previous> = seen.previous.clone().and_then(|v| serde_json::from_value(v).ok());
    let repo = Repo::open(&settings.root, Machine::new().clock).ok();
    let branch = repo.as_ref().and_then(|r| r.head().ok()).and_then(|h| h.branch);
    let waiting = live.as_ref().and_then(|_| Waiting::find(&settings.root));
    let budget = budget::left(&settings.config.budget, &Spent::default());
    let rescue = repo.as_ref().map(rescues).unwrap_or_default();
    let next = super::route::next(&settings, &state);
    let since = now.duration_since(state.last_update);
    let since = duration(std::time::Duration::try_from(since).unwrap_or_default());
    let mut problems: Vec<String> = next.problem.iter().cloned().collect();
    if matches!(state.status, crate::state::Status::Running(_)) && live.is_none() {
        problems.push("the last loop ended in the middle of this turn: the next start takes it again".into());
    }
    if args.format == Format::Json {
        let value = json!({
            "version": 1,
            "root": loaded.root,
            "branch": branch,
            "iteration": state.iteration,
            "expected_actor": state.expected_actor.as_str(),
            "status": state.status.to_string(),
            "last_update": crate::clock::iso_seconds(state.last_update),
            "exit": state.exits(),
            "exit_reason": state.exit_reason,
            "loop": live.as_ref().map_or_else(|| json!({"live": false}), |o| json!({"live": true, "owner": o})),
            "runs": runs.iter().map(|run| run.status.as_ref().map_or_else(|| json!({"id": run.id}), |s| json!(s))).collect::<Vec<_>>(),
            "next": {"prompt": next.prompt, "agent": next.agent},
            "previous": seen.previous.unwrap_or(Value::Null),
            "rescue_refs": rescue,
            "waiting": waiting,
            "budget": settings.config.budget,
            "problems": problems,
        });
        super::print(&format!("{value:#}\n"))?;
        return Ok(OK);
    }
    let turn = format!(
        "iteration {} · {}'s turn · {} · {since} ago",
        state.iteration, state.expected_actor, state.status
    );
    if args.oneline {
        let live = if live.is_some() { "loop live" } else { "no loop" };
        super::print(&format!("{turn} · {live}\n"))?;
        return Ok(OK);
    }
    let mut out = format!("{turn}\n");
    // Writing to a String cannot fail.
    let _ = match live {
        Some(Some(owner)) => {
            writeln!(out, "loop:   live, pid {}, {} mode, since {}", owner.pid, owner.mode, owner.started)
        }
        Some(None) => writeln!(out, "loop:   live"),
        None => writeln!(out, "loop:   none live here"),
    };
    run_lines(&mut out, &runs);
    let _ = writeln!(out, "branch: {}", branch.as_deref().unwrap_or("no git"));
    let _ = writeln!(out, "next:   {} with {}", next.prompt.as_deref().unwrap_or("-"), next.agent);
    if let Some(p) = previous {
        let checks = p.checks.map_or_else(String::new, |c| format!(", checks {c}"));
        let _ = writeln!(
            out,
            "last:   {} {} iteration {}: {}{checks}, {} commits",
            p.role,
            p.prompt,
            p.iteration,
            p.outcome,
            p.commits.len()
        );
        for (what, text) in [("cause", p.failure), ("log", p.log)] {
            if let Some(text) = text {
                let _ = writeln!(out, "        {what}: {text}");
            }
        }
    }
    limit_lines(&mut out, &budget, waiting.as_ref());
    exit_line(&mut out, &state);
    for reference in rescue {
        let _ = writeln!(out, "rescue: {reference} ({})", merge_command(&reference));
    }
    for problem in problems {
        let _ = writeln!(out, "problem: {problem}");
    }
    super::print(&out)?;
    Ok(OK)
}

fn run_lines(out: &mut String, runs: &[LiveRun]) {
    for run in runs {
        let _ = writeln!(out, "        {}", run_words(run));
        let Some(status) = &run.status else { continue };
        for attempt in &status.attempts {
            let _ = writeln!(out, "        {}", attempt_words(attempt));
        }
        if status.stop_asked {
            let _ = writeln!(out, "        asked to stop: nothing further is begun");
        }
    }
}

fn limit_lines(out: &mut String, budget: &[String], waiting: Option<&Waiting>) {
    if let Some(w) = waiting {
        let _ = writeln!(out, "waits:  {}: {} {}; next try {}", w.role, w.agent, w.why, w.until);
    }
    if !budget.is_empty() {
        let _ = writeln!(out, "budget: {} a run", budget.join(", "));
    }
}

fn exit_line(out: &mut String, state: &State) {
    if state.exits() {
        let reason = state.exit_reason.as_deref().unwrap_or("no reason given");
        let _ = writeln!(out, "exit:   set: {reason} (orchestrator resume)");
    }
}

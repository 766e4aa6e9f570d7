//! What was seen, in words: pure.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::super::lately::Lately;
use super::super::live::{attempt_words, run_words};
use super::view::{HeldBy, View};
use crate::clock::{duration, iso_seconds};
use crate::control::LiveRun;
use crate::sync::message::{StateMessage, Step};
use crate::sync::worktree::EndedTurn;
use crate::turns::lock::{Live, Owner};

/// Of which place times are said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub utc: bool,
}

impl Times {
    fn say(self, at: Timestamp) -> String {
        if self.utc {
            return at.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
        }
        at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    fn say_text(self, at: &str) -> String {
        at.parse().map_or_else(|_| at.to_owned(), |at| self.say(at))
    }
}

/// Whose turn it is, how it stands and since when.
fn turn(view: &View) -> String {
    format!(
        "iteration {} · {}'s turn · {} · {} ago",
        view.iteration,
        view.actor,
        view.status,
        duration(view.age_of(view.updated))
    )
}

pub(super) fn oneline(view: &View, times: Times) -> String {
    let mut out = turn(view);
    if let Some(holder) = view.holder.as_ref().filter(|h| view.running() && !h.here) {
        let _ = write!(out, " · on {}", holder.host);
    }
    if let Some(waiting) = &view.waiting {
        let _ = write!(out, " · {} waits until {}", waiting.role, times.say_text(&waiting.until));
    }
    if view.exit {
        out.push_str(" · stopped");
    }
    if let Some(problem) = view.problems().first() {
        let _ = write!(out, " · {problem}");
    }
    out.push_str(if view.live.is_empty() { " · no loop" } else { " · loop live" });
    out
}

/// The whole screen.
pub(super) fn screen(view: &View, times: Times) -> String {
    let mut out = format!("{}\n", turn(view));
    let mut line = |name: &str, text: &str| {
        // Writing to a String cannot fail.
        let _ =
            writeln!(out, "{:<7} {text}", if name.is_empty() { String::new() } else { format!("{name}:") });
    };
    if let Some(name) = &view.as_of {
        line("as of", &format!("the last fetch of {name}; this working tree is behind it"));
    }
    if let Some(holder) = view.holder.as_ref().filter(|_| view.running()) {
        line("holder", &holder_words(view, holder, times));
    }
    if view.live.is_empty() {
        line("loop", "none live here");
    }
    for (n, live) in view.live.iter().enumerate() {
        let words = match live {
            Live::Nameless => "live".into(),
            Live::By(owner) => {
                let owner = Owner { started: times.say_text(&owner.started), ..owner.clone() };
                format!("live, {owner}")
            }
        };
        line(if n == 0 { "loop" } else { "" }, &words);
    }
    for run in &view.runs {
        run_lines(run, &mut line);
    }
    line("branch", view.branch.as_deref().unwrap_or("no git"));
    let next = if view.exit {
        "nothing: the loop was asked to stop".into()
    } else {
        format!("{} with {}", view.prompt.as_deref().unwrap_or("-"), view.agent)
    };
    line(if view.running() { "prompt" } else { "next" }, &next);
    for (n, turn) in view.turns.iter().enumerate() {
        line(if n == 0 { "last" } else { "" }, &turn_words(view, turn));
        // Under its own turn, or it reads as the cause of the one above.
        if n == 0 && view.as_of.is_none() {
            previous_lines(view, &mut line);
        }
    }
    if view.turns.is_empty() {
        previous_lines(view, &mut line);
    }
    if let Some(w) = &view.waiting {
        line("waits", &format!("{}: {} {}; next try {}", w.role, w.agent, w.why, times.say_text(&w.until)));
    }
    if !view.budget_words.is_empty() {
        line("budget", &format!("{} a run", view.budget_words.join(", ")));
    }
    if view.exit {
        let reason = view.exit_reason.as_deref().unwrap_or("no reason given");
        line("stop", &format!("{reason} (orchestrator resume)"));
    }
    rescue_lines(view, &mut line);
    for problem in view.problems() {
        line("problem", &problem);
    }
    out
}

/// Work that HEAD does not have: how it is looked at, taken and dropped; of many only one, so that the screen stays one.
fn rescue_lines(view: &View, line: &mut impl FnMut(&str, &str)) {
    let Some((reference, merge)) = view.rescues.last() else { return };
    line("rescue", reference);
    line("", &format!("look: git log -p ..{reference}"));
    line("", &format!("take: {merge}"));
    line("", &format!("drop: git update-ref -d {reference}"));
    if let more @ 1.. = view.rescues.len() - 1 {
        line("", &format!("and {more} more: git for-each-ref refs/orchestrator/rescue"));
    }
}

fn run_lines(run: &LiveRun, line: &mut impl FnMut(&str, &str)) {
    line("", &run_words(run));
    let Some(status) = &run.status else { return };
    for attempt in &status.attempts {
        line("", &attempt_words(attempt));
    }
    if status.stop_asked {
        line("", "asked to stop: nothing further is begun");
    }
}

fn holder_words(view: &View, holder: &HeldBy, times: Times) -> String {
    let place = if holder.here { "this machine" } else { "another machine" };
    let mut out = format!("{} ({place}), pid {}", holder.host, holder.pid);
    if let Some(at) = holder.claimed {
        let _ = write!(out, ", since {} ({})", times.say(at), duration(view.age_of(at)));
    }
    if holder.leased {
        let _ = write!(out, ", lease {}", duration(Duration::from_secs(holder.lease_secs)));
    }
    if let Some(since) = holder.no_sign_since.filter(|_| !holder.here) {
        let _ = write!(out, ", no sign of it seen for {}", duration(view.age_of(since)));
    }
    out
}

/// Role, outcome, agent, time and cost of a turn that ended.
fn turn_words(view: &View, turn: &EndedTurn) -> String {
    let StateMessage { step, actor, iteration, trailers } = &turn.message;
    let outcome = match step {
        Step::Ok { .. } => "ok",
        Step::Fail { .. } => "failed",
        _ => "interrupted",
    };
    let mut words = vec![format!("i={iteration} {actor} {outcome}")];
    words.extend(trailers.prompt.as_ref().map(|(name, _)| name.clone()));
    words.extend(trailers.agent.clone());
    words.extend(trailers.duration.map(whole_seconds));
    words.extend(trailers.checks.map(|(passed, run)| format!("checks {passed}/{run}")));
    words.extend(trailers.cost.map(|usd| format!("${usd:.2}")));
    let age = Timestamp::from_second(turn.at).map_or_else(|_| "-".into(), |at| duration(view.age_of(at)));
    format!("{} · {} · {age} ago", words.join(" "), turn.commit)
}

/// A trailer knows no parts of a second.
fn whole_seconds(d: Duration) -> String {
    if d.as_secs() < 60 { format!("{}s", d.as_secs()) } else { duration(d) }
}

/// The turn that ended last in this working tree: its failure and its log.
fn previous_lines(view: &View, line: &mut impl FnMut(&str, &str)) {
    let Some(p) = &view.previous else { return };
    if view.turns.is_empty() {
        let checks = p.checks.as_ref().map_or_else(String::new, |c| format!(", checks {c}"));
        line("last", &format!("{} {} iteration {}: {}{checks}", p.role, p.prompt, p.iteration, p.outcome));
    }
    if p.outcome == "ok" {
        return;
    }
    for (what, text) in [("cause", &p.failure), ("log", &p.log)] {
        if let Some(text) = text {
            line("", &format!("  {what}: {text}"));
        }
    }
}

/// The same for programs.
pub(super) fn json(view: &View, root: &Path) -> Value {
    let turns: Vec<Value> = view.turns.iter().map(turn_json).collect();
    let rescues: Vec<&String> = view.rescues.iter().map(|(name, _)| name).collect();
    json!({
        "version": 1,
        "root": root,
        "branch": view.branch,
        "iteration": view.iteration,
        "expected_actor": view.actor,
        "status": view.status.to_string(),
        "last_update": iso_seconds(view.updated),
        "as_of": view.as_of,
        "exit": view.exit,
        "exit_reason": view.exit_reason,
        "holder": view.holder.as_ref().map(holder_json),
        "loop": live_json(&view.live),
        "runs": runs_json(&view.runs),
        "next": {"prompt": view.prompt, "agent": view.agent},
        "turns": turns,
        "previous": view.previous,
        "rescue_refs": rescues,
        "waiting": view.waiting,
        "budget": view.budget,
        "problems": view.problems(),
    })
}

fn live_json(live: &[Live]) -> Value {
    let owners: Vec<Owner> = live.iter().cloned().filter_map(Live::owner).collect();
    match live {
        [] => json!({"live": false}),
        _ => json!({"live": true, "owner": owners.first(), "owners": owners}),
    }
}

fn holder_json(holder: &HeldBy) -> Value {
    json!({
        "host": holder.host,
        "pid": holder.pid,
        "here": holder.here,
        "claimed_at": holder.claimed.map(iso_seconds),
        "lease_secs": holder.lease_secs,
        "leased": holder.leased,
        "no_sign_since": holder.no_sign_since.map(iso_seconds),
    })
}

fn turn_json(turn: &EndedTurn) -> Value {
    let StateMessage { step, actor, iteration, trailers } = &turn.message;
    json!({
        "commit": turn.commit,
        "at": Timestamp::from_second(turn.at).ok().map(iso_seconds),
        "role": actor.as_str(),
        "iteration": iteration,
        "outcome": match step { Step::Ok { .. } => "ok", Step::Fail { .. } => "failed", _ => "interrupted" },
        "prompt": trailers.prompt.as_ref().map(|(name, _)| name),
        "agent": trailers.agent,
        "duration_secs": trailers.duration.map(|d| d.as_secs()),
        "cost_usd": trailers.cost,
        "tokens": trailers.tokens,
    })
}

fn runs_json(runs: &[LiveRun]) -> Vec<Value> {
    runs.iter().map(|run| run.status.as_ref().map_or_else(|| json!({"id": run.id}), |s| json!(s))).collect()
}

/// Where no loop was ever run but something else runs or ran.
pub(super) fn without_a_loop(runs: &[LiveRun], lately: &[Lately]) -> String {
    let live = if runs.is_empty() { "nothing runs" } else { "live:" };
    let mut out = format!("no loop was run here yet (orchestrator init); {live}\n");
    for run in runs {
        run_lines(run, &mut |_, text| {
            let _ = writeln!(out, "        {text}");
        });
    }
    for run in lately {
        let _ = writeln!(out, "        {}", run.with_next());
    }
    out
}

pub(super) fn json_without_a_loop(runs: &[LiveRun], lately: &[Lately], root: &Path) -> Value {
    let lately: Vec<Value> = lately.iter().map(Lately::json).collect();
    json!({"version": 1, "root": root, "status": null, "runs": runs_json(runs), "lately": lately})
}

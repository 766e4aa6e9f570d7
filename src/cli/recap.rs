//! `orchestrator recap`: the morning after (turns.md T39).

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::json;

use super::args::{Format, Global};
use super::branch::{Branch, branch, git};
use super::error::{Failure, OK};
use super::record::{time_ago, when};
use super::role_args::RecapArgs;
use super::setup::{Machine, Setup, setup_beside};
use crate::clock::{Clock, duration};
use crate::state::{State, Status, file};
use crate::sync::worktree::{DiffStat, merge_command};
use crate::turns::engine::{rescues, through_remote};
use crate::turns::lock::LoopLock;
use crate::turns::recap::{Outcome, Row, turns};
use crate::turns::words::TurnLine;

pub(super) fn recap(global: &Global, args: &RecapArgs) -> Result<u8, Failure> {
    let setup = setup_beside(global)?;
    let machine = Machine::new();
    let after = time_ago("--since", &args.since, machine.clock.now())? / 1000;
    let branch = branch(&setup, &machine, args.remote)?;
    let rows: Vec<Row> = turns(&branch.line()?).into_iter().filter(|row| row.at() >= after).collect();
    let stats = rows.iter().map(|row| stat(&branch, row)).collect::<Result<Vec<_>, Failure>>()?;
    let state = state(&setup, &machine, &branch);
    let shared = args.remote || through_remote(&setup.settings, &machine.shared_clock())?;
    let next = if shared { next(state.as_ref()) } else { alone(state.as_ref(), &setup) };
    let rescue = rescues(&branch.repo);
    let sums = Sums::of(&rows);
    if args.format == Format::Json {
        let turns: Vec<_> = rows.iter().zip(&stats).map(|(row, stat)| row_json(row, stat)).collect();
        let rescue: Vec<_> =
            rescue.iter().map(|name| json!({"ref": name, "merge": merge_command(name)})).collect();
        let value = json!({
            "version": 1,
            "branch": branch.name,
            "since": after,
            "turns": turns,
            "ok": sums.ok,
            "failed": sums.failed,
            "work_secs": sums.work.as_secs(),
            "waited_secs": sums.waited.as_secs(),
            "cost_usd": sums.cost(),
            "unpriced_turns": sums.unpriced,
            "rescue_refs": rescue,
            "next": next,
        });
        super::print(&format!("{value:#}\n"))?;
        return Ok(OK);
    }
    let mut out = format!("{}, the last {}: {}\n", branch.name, args.since, sums.words());
    for (row, stat) in rows.iter().zip(&stats) {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{}  {}", when(global, row.at() * 1000), turn_line(row, stat));
        if let Some(reason) = &row.reason {
            let _ = writeln!(out, "{:19}  cause: {reason}", "");
        }
    }
    for name in &rescue {
        let _ = writeln!(out, "rescue: {name} ({})", merge_command(name));
    }
    let _ = writeln!(out, "next:   {next}");
    super::print(&out)?;
    Ok(OK)
}

/// What the turn changed, the state apart.
pub(super) fn stat(branch: &Branch, row: &Row) -> Result<DiffStat, Failure> {
    let Some(claim) = row.claim else { return Ok(DiffStat::default()) };
    branch.repo.diff_stat(Some(claim), row.last, Some(&branch.state_path)).map_err(|e| git(&e))
}

fn state(setup: &Setup, machine: &Machine, branch: &Branch) -> Option<State> {
    let bytes = branch.repo.blob_at(branch.tip, &branch.state_path).ok()??;
    file::parse(&branch.state_path, &bytes, &setup.settings.roles(), machine.clock.now()).ok()
}

/// The command a person would run next.
pub(super) fn next(state: Option<&State>) -> String {
    match state {
        None => "orchestrator init".to_owned(),
        Some(s) if s.exits() => {
            let why = s.exit_reason.as_deref().map_or_else(String::new, |r| format!(": {r}"));
            format!("orchestrator resume   (exit is set{why})")
        }
        Some(State { status: Status::Failed, expected_actor, .. }) => {
            format!("orchestrator resume   (once the cause of {expected_actor}'s failure is mended)")
        }
        Some(State { status: Status::Running(role), .. }) => {
            format!("orchestrator status --remote   ({role}'s turn is under way)")
        }
        Some(s) => format!("orchestrator --mode role --role {}   (its turn is free)", s.expected_actor),
    }
}

/// The same where this machine takes all turns.
fn alone(state: Option<&State>, setup: &Setup) -> String {
    let Some(s) = state.filter(|s| !s.exits()) else { return next(state) };
    match &s.status {
        Status::Failed => next(state),
        Status::Running(role) if LoopLock::live(&setup.settings.root).is_empty() => {
            format!("orchestrator   ({role}'s turn was cut off: it is taken again)")
        }
        Status::Running(role) => format!("orchestrator status   ({role}'s turn is under way)"),
        _ => format!("orchestrator   ({}'s turn is next)", s.expected_actor),
    }
}

fn row_json(row: &Row, stat: &DiffStat) -> serde_json::Value {
    json!({
        "iteration": row.iteration,
        "role": row.role,
        "outcome": row.outcome,
        "next": row.next,
        "began": row.began,
        "ended": row.ended,
        "waited_secs": row.waited.map(|d| d.as_secs()),
        "took_secs": row.took().as_secs(),
        "turn_id": row.trailers.turn_id,
        "epoch": row.trailers.epoch,
        "prompt": row.trailers.prompt.as_ref().map(|(name, _)| name),
        "agent": row.trailers.agent,
        "commits": row.commits,
        "files": stat.names.len(),
        "insertions": stat.insertions,
        "deletions": stat.deletions,
        "checks": row.trailers.checks.map(|(passed, run)| format!("{passed}/{run}")),
        "tokens": row.trailers.tokens,
        "cost_usd": row.trailers.cost,
        "reason": row.reason,
    })
}

/// T38's line, with the wait before it.
pub(super) fn turn_line(row: &Row, stat: &DiffStat) -> String {
    let said = |text: Option<&String>| text.cloned().unwrap_or_else(|| "-".to_owned());
    let line = TurnLine {
        iteration: row.iteration,
        role: row.role.clone(),
        prompt: said(row.trailers.prompt.as_ref().map(|(name, _)| name)),
        agent: said(row.trailers.agent.as_ref()),
        outcome: row.outcome.words().to_owned(),
        duration: row.took(),
        commits: Some(row.commits),
        changes: Some((stat.names.len(), stat.insertions, stat.deletions)),
        cost_usd: row.trailers.cost,
        next: row.next.clone(),
    };
    let checks = row.trailers.checks.map_or_else(String::new, |(n, m)| format!(" · checks {n}/{m}"));
    let long = row.waited.filter(|w| *w >= Duration::from_secs(60));
    let waited = long.map_or_else(String::new, |w| format!(" · {} after the turn before it", duration(w)));
    format!("{}{checks}{waited}", line.render())
}

#[derive(Default)]
struct Sums {
    turns: usize,
    ok: usize,
    failed: usize,
    work: Duration,
    waited: Duration,
    cost_usd: f64,
    unpriced: usize,
}

impl Sums {
    fn of(rows: &[Row]) -> Self {
        let mut sums = Self { turns: rows.len(), ..Self::default() };
        for row in rows {
            sums.ok += usize::from(row.outcome == Outcome::Ok);
            sums.failed += usize::from(row.outcome == Outcome::Failed);
            sums.work += row.took();
            sums.waited += row.waited.unwrap_or_default();
            sums.cost_usd += row.trailers.cost.unwrap_or(0.0);
            sums.unpriced += usize::from(row.trailers.cost.is_none());
        }
        sums
    }

    /// Unknown unless at least one turn said it.
    fn cost(&self) -> Option<f64> {
        (self.unpriced < self.turns).then_some(self.cost_usd)
    }

    fn words(&self) -> String {
        if self.turns == 0 {
            return "no turn".to_owned();
        }
        let turns = if self.turns == 1 { "1 turn".to_owned() } else { format!("{} turns", self.turns) };
        let failed = if self.failed == 0 { String::new() } else { format!(", {} failed", self.failed) };
        let cost = self.cost().map_or_else(String::new, |c| {
            let part = if self.unpriced > 0 { " (of what is known)" } else { "" };
            format!(", ${c:.2}{part}")
        });
        let (work, waited) = (duration(self.work), duration(self.waited));
        format!("{turns}{failed}, {work} of turns, {waited} between them{cost}")
    }
}

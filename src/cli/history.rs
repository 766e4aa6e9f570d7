//! `orchestrator history`: the runs of this machine.

use std::fmt::Write as _;

use serde_json::json;

use super::args::{Format, Global};
use super::error::{Failure, OK};
use super::record::{bad_value, cost, open, time_ago, took, when};
use super::record_args::HistoryArgs;
use super::setup::{Machine, setup_beside};
use crate::clock::Clock;
use crate::ledger::{RunFilter, RunRow};
use crate::ui::json;

pub(super) fn history(global: &Global, args: &HistoryArgs) -> Result<u8, Failure> {
    let setup = setup_beside(global)?;
    let now = Machine::new().clock.now();
    let filter = RunFilter {
        kind: args.kind.as_deref().map(str::parse).transpose().map_err(|e| bad_value("--kind", &e))?,
        state: args.state.as_deref().map(str::parse).transpose().map_err(|e| bad_value("--state", &e))?,
        since: args.since.as_deref().map(|text| time_ago("--since", text, now)).transpose()?,
        ..RunFilter::default()
    };
    let ledger = open(&setup.settings)?;
    let found = json::runs(&ledger, filter, args.number)?;
    if args.format == Format::Json {
        super::print(&format!("{:#}\n", json!(found)))?;
        return Ok(OK);
    }
    let mut out = String::new();
    for run in &found.runs {
        let _ = writeln!(out, "{}", line(global, &run.row, run.abandoned));
    }
    if found.runs.is_empty() {
        out.push_str("no such run\n");
    }
    super::print(&out)?;
    Ok(OK)
}

fn line(global: &Global, run: &RunRow, abandoned: bool) -> String {
    let state = if abandoned { "abandoned" } else { run.state.as_str() };
    let attempts =
        if run.attempts == 1 { "1 attempt".to_owned() } else { format!("{} attempts", run.attempts) };
    let began = run.started_at.unwrap_or(run.created_at);
    let error = run.error.as_deref().map_or_else(String::new, |e| format!("  {}", brief(e)));
    format!(
        "{}  {:<10}  {state:<11}  {}  {:>7}  {attempts:>11}  {:>7}{error}",
        run.run_id,
        run.kind,
        when(global, began),
        took(Some(began), run.ended_at),
        cost(run.cost_usd),
    )
}

/// The first line of a text, not too long.
pub(super) fn brief(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let head: String = line.chars().take(100).collect();
    if head.len() < text.trim_end().len() { format!("{head}…") } else { head }
}

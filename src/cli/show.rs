//! `orchestrator show`: one run or one attempt.

use std::fmt::Write as _;

use serde_json::json;

use super::args::{Format, Global};
use super::error::{Failure, OK};
use super::history::brief;
use super::record::{cost, find, log_path, open, took, when};
use super::record_args::ShowArgs;
use super::setup::setup_beside;
use crate::ledger::{AttemptRow, Found, LedgerError, RunRow};
use crate::ui::json;

pub(super) fn show(global: &Global, args: &ShowArgs) -> Result<u8, Failure> {
    let settings = setup_beside(global)?.settings;
    let ledger = open(&settings)?;
    let missing = || LedgerError::Unknown(args.run.clone());
    match find(&ledger, &args.run)? {
        Found::Run(id) => {
            let whole = json::run(&ledger, &id, usize::MAX)?.ok_or_else(missing)?;
            if args.format == Format::Json {
                super::print(&format!("{:#}\n", json!(whole)))?;
                return Ok(OK);
            }
            let mut out = run_text(global, &whole.run.row, whole.run.abandoned);
            for attempt in &whole.attempts {
                let _ = writeln!(out, "{}", attempt_line(global, attempt, &settings.root));
            }
            super::print(&out)?;
        }
        Found::Attempt { attempt_id, .. } => {
            let found = json::attempt(&ledger, &attempt_id)?.ok_or_else(missing)?;
            if args.format == Format::Json {
                super::print(&format!("{:#}\n", json!(found)))?;
                return Ok(OK);
            }
            super::print(&attempt_text(global, &found.attempt, &settings.root))?;
        }
    }
    Ok(OK)
}

/// A list of names and values; what is not known is left out.
fn fields(out: &mut String, list: &[(&str, Option<String>)]) {
    for (name, value) in list {
        if let Some(value) = value.as_ref().filter(|v| !v.is_empty() && *v != "-") {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{:<9} {value}", format!("{name}:"));
        }
    }
}

fn run_text(global: &Global, run: &RunRow, abandoned: bool) -> String {
    let mut out = format!("run {}\n", run.run_id);
    let state = if abandoned { "running, but its program is gone".to_owned() } else { run.state.clone() };
    let tokens = run.input_tokens.zip(run.output_tokens).map(|(i, o)| format!("{i} in, {o} out"));
    fields(
        &mut out,
        &[
            ("kind", Some(run.kind.clone())),
            ("state", Some(state)),
            ("parent", run.parent_run_id.clone()),
            ("began", Some(when(global, run.started_at.unwrap_or(run.created_at)))),
            ("ended", run.ended_at.map(|at| when(global, at))),
            ("took", Some(took(run.started_at, run.ended_at))),
            ("cost", Some(cost(run.cost_usd))),
            ("tokens", tokens),
            ("exit", run.exit_code.map(|code| code.to_string())),
            ("error", run.error.clone()),
            ("logs", (run.attempts > 0).then(|| format!("orchestrator logs {}", run.run_id))),
        ],
    );
    out
}

fn attempt_line(global: &Global, a: &AttemptRow, root: &std::path::Path) -> String {
    let name = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
    let error = a.error.as_deref().map_or_else(String::new, |e| format!("  {}", brief(e)));
    let log = there(root, a).map_or_else(String::new, |log| format!("  {log}"));
    format!(
        "{:>4}  {}  {:<9}  {}  {:>7}  {}  {} {} {}{log}{error}",
        a.sequence,
        a.attempt_id,
        a.state,
        when(global, a.started_at),
        took(Some(a.started_at), a.ended_at),
        a.step_id,
        name(&a.prompt),
        name(&a.agent),
        cost(a.cost_usd),
    )
}

/// Its log, if it printed anything.
fn there<'a>(root: &std::path::Path, a: &'a AttemptRow) -> Option<&'a str> {
    a.log_path.as_deref().filter(|log| root.join(log).is_file())
}

fn attempt_text(global: &Global, a: &AttemptRow, root: &std::path::Path) -> String {
    let mut out = format!("attempt {}\n", a.attempt_id);
    let result: Option<serde_json::Value> =
        a.result.as_ref().and_then(|raw| serde_json::from_str(raw.get()).ok());
    let of_result =
        |key: &str| result.as_ref().and_then(|r| r.get(key)).and_then(|v| v.as_str()).map(str::to_owned);
    let commits = of_result("commits");
    let tokens = a.input_tokens.zip(a.output_tokens).map(|(i, o)| format!("{i} in, {o} out"));
    fields(
        &mut out,
        &[
            (
                "run",
                Some(format!(
                    "{} (attempt {} of step {}, number {})",
                    a.run_id, a.attempt, a.step_id, a.sequence
                )),
            ),
            ("state", Some(a.state.clone())),
            ("role", a.role.clone()),
            ("prompt", a.prompt.clone()),
            ("agent", a.agent.clone()),
            ("tool", a.tool.clone()),
            ("began", Some(when(global, a.started_at))),
            ("took", Some(took(Some(a.started_at), a.ended_at))),
            ("exit", a.exit_code.map(|code| code.to_string())),
            ("signal", a.signal.map(|signal| signal.to_string())),
            ("error", a.error.clone()),
            ("cost", Some(cost(a.cost_usd))),
            ("tokens", tokens),
            ("session", of_result("session_id")),
            ("commits", commits.as_ref().map(|range| format!("git diff {range}"))),
            ("log", there(root, a).map(|log| log_path(root, log))),
            ("events", Some(format!("orchestrator events {} --format text", a.attempt_id))),
        ],
    );
    out
}

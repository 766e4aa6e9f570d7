//! `orchestrator tools`: how the tools of workstreams fare (workstreams.md W20).

use std::fmt::Write as _;

use serde_json::json;

use super::args::{Format, Global};
use super::error::{Failure, INTERNAL, OK, USAGE};
use super::setup::setup_beside;
use super::workstream::{ToolsArgs, ToolsCommand, catalog};
use crate::clock::{Clock, SystemClock, duration};
use crate::event::{Event, Place};
use crate::ledger::{Change, FILE, Ledger, LedgerError, ToolHealth};

pub(super) fn tools(global: &Global, args: &ToolsArgs) -> Result<u8, Failure> {
    let setup = setup_beside(global)?;
    let settings = &setup.settings;
    let path = settings.private().join(FILE);
    let known = match Ledger::open_existing(&path) {
        Ok(ledger) => ledger.tool_health()?,
        Err(LedgerError::Missing(_)) => Vec::new(),
        Err(e) => return Err(e.into()),
    };
    if let Some(ToolsCommand::Reset { name }) = &args.command {
        return reset(name, known, &path);
    }
    let catalog = catalog(&settings.config, settings);
    let listed: Vec<String> =
        catalog.capabilities.iter().filter(|c| c.listed).map(|c| c.name.clone()).collect();
    let used = known.iter().map(|row| row.tool.clone()).filter(|name| !listed.contains(name));
    let all: Vec<String> = listed.iter().cloned().chain(used.collect::<Vec<_>>()).collect();
    let health = |name: &String| known.iter().find(|row| row.tool == *name);
    let text = if args.format == Format::Json {
        let tool = |name: &String| {
            let capability = catalog.capabilities.iter().find(|c| c.name == *name);
            json!({"name": name, "capability": capability, "health": health(name)})
        };
        let value = json!({"version": 1, "tools": all.iter().map(tool).collect::<Vec<_>>()});
        serde_json::to_string_pretty(&value)
            .map_err(|e| Failure::new(INTERNAL, "io", "write the tools").cause(e.to_string()))?
            + "\n"
    } else {
        let width = all.iter().map(String::len).max().unwrap_or(0);
        let mut out = String::new();
        for name in &all {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{name:width$}  {}", words(health(name)));
        }
        out
    };
    super::print(&text)?;
    Ok(OK)
}

fn words(row: Option<&ToolHealth>) -> String {
    let Some(row) = row else { return "closed     never used".into() };
    let circuit = match row.opened_at.filter(|_| row.circuit == "open") {
        Some(at) => {
            let ago = SystemClock.now().as_millisecond().saturating_sub(at);
            let ago = std::time::Duration::from_millis(u64::try_from(ago).unwrap_or(0));
            format!("open       for {} after {} failures, ", duration(ago), row.failures)
        }
        None => format!("{:10} ", row.circuit),
    };
    let runs = if row.runs == 1 { "1 run".to_owned() } else { format!("{} runs", row.runs) };
    let rate = row.success_rate.map_or_else(String::new, |rate| format!(", {:.0} % good", rate * 100.0));
    let latency = row.latency_ms.filter(|ms| ms.is_finite() && *ms >= 0.0).map_or_else(String::new, |ms| {
        let mean = std::time::Duration::try_from_secs_f64(ms / 1000.0).unwrap_or_default();
        format!(", {} on average", duration(mean))
    });
    format!("{circuit}{runs}{rate}{latency}")
}

fn reset(name: &str, known: Vec<ToolHealth>, path: &std::path::Path) -> Result<u8, Failure> {
    let names: Vec<String> = known.iter().map(|row| row.tool.clone()).collect();
    let Some(row) = known.into_iter().find(|row| row.tool == name) else {
        let failure = Failure::new(USAGE, "unknown_tool", format!("close the circuit of {name}"));
        let failure = failure.cause("no run has used a tool of this name");
        return Err(if names.is_empty() {
            failure
        } else {
            failure.hint(format!("used were: {}", names.join(", ")))
        });
    };
    let at = SystemClock.now().as_millisecond();
    let health = ToolHealth { circuit: "closed".into(), failures: 0, opened_at: None, updated_at: at, ..row };
    let event = Some(Event::BreakerClosed { tool: name.to_owned() });
    Ledger::open_existing(path)?.change(Change::Health { health, place: Place::default(), event })?;
    super::print(&format!("the circuit of {name} is closed\n"))?;
    Ok(OK)
}

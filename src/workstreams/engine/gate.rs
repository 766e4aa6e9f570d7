//! What must hold after a step, and at the end (workstreams.md W5, W18).

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use super::catalog::{Catalog, Means};
use super::process::{Bench, Program, Ran};
use crate::clock::Clock;
use crate::config::duration::Secs;
use crate::supervise::{Outcome, Stdin};
use crate::sync::worktree::Repo;
use crate::workstreams::http::plan;
use crate::workstreams::spec::Gate;

/// Unless it says otherwise.
const TIMEOUT: Secs = Secs(Duration::from_secs(600));

/// What a gate found: nothing wrong, or what, and the first line of it.
pub(super) enum Found {
    Passed,
    Failed(String),
    Interrupted(String),
}

/// Looks at one gate. `number` makes its process's mark unique.
pub(super) async fn look(
    gate: &Gate,
    number: usize,
    catalog: &Catalog,
    bench: &Bench<'_>,
    clock: &Arc<dyn Clock>,
) -> Found {
    if let Some(file) = &gate.file_exists {
        return match fs::metadata(bench.setting.root.join(file)) {
            Ok(meta) if meta.is_file() && meta.len() > 0 => Found::Passed,
            Ok(meta) if meta.is_file() => Found::Failed(format!("{file} is empty")),
            Ok(_) => Found::Failed(format!("{file} is no file")),
            Err(e) => Found::Failed(format!("{file}: {e}")),
        };
    }
    if gate.git_clean == Some(true) {
        return git_clean(bench, clock);
    }
    let tool = gate.tool.as_ref().and_then(|name| catalog.get(name));
    if let Some((Means::Http(http), limit)) = tool {
        let timeout = gate.timeout_secs.or(limit).unwrap_or(TIMEOUT);
        let facts = serde_json::json!({"run": bench.run_id, "step": bench.step});
        let name = gate.tool.as_deref().unwrap_or_default();
        let ran = match plan(http, "", &facts, &BTreeMap::new()) {
            Ok(call) => bench.http(name, &call, Some(timeout), &format!(".g{number}")).await,
            Err(e) => Err(e),
        };
        return found(ran);
    }
    let program = match (&gate.run, &gate.shell, tool) {
        (Some(argv), ..) | (_, _, Some((Means::Run(argv), _))) => Program::Argv(argv),
        (_, Some(line), _) | (_, _, Some((Means::Shell(line), _))) => Program::Shell(line),
        (_, _, Some((Means::Python(function), _))) => Program::Python(function),
        (_, _, Some((Means::Agent(agent), _))) => {
            return Found::Failed(format!(
                "agent {agent} cannot be a gate: it says nothing by its exit status"
            ));
        }
        (None, None, Some((Means::Http(_), _)) | None) => {
            return Found::Failed("there is no such tool".into());
        }
    };
    let timeout = gate.timeout_secs.or(tool.and_then(|(_, timeout)| timeout)).unwrap_or(TIMEOUT);
    let stdin = match program {
        Program::Python(_) => Stdin::Bytes(serde_json::json!({"step": bench.step}).to_string().into_bytes()),
        _ => Stdin::Null,
    };
    found(bench.command(program, stdin, Some(timeout), &format!(".g{number}")).await)
}

fn found(ran: Result<Ran, String>) -> Found {
    match ran {
        Err(e) => Found::Failed(e),
        Ok(ran) if ran.outcome.succeeded() => Found::Passed,
        Ok(ran) => match &ran.outcome.state {
            crate::supervise::Lifecycle::Interrupted { why } => Found::Interrupted(why.clone()),
            _ => Found::Failed(status(&ran.outcome)),
        },
    }
}

fn git_clean(bench: &Bench<'_>, clock: &Arc<dyn Clock>) -> Found {
    if !bench.setting.git {
        return Found::Failed("there is no git here".into());
    }
    let dirty = Repo::open(&bench.setting.root, Arc::clone(clock)).and_then(|repo| repo.dirty());
    match dirty {
        Err(e) => Found::Failed(e.to_string()),
        Ok(dirty) if dirty.is_empty() => Found::Passed,
        Ok(dirty) => {
            let names: Vec<String> = dirty.iter().take(5).map(crate::sync::worktree::Dirty::text).collect();
            let more = dirty.len().saturating_sub(names.len());
            let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
            Found::Failed(format!("uncommitted: {}{rest}", names.join(", ")))
        }
    }
}

/// Why a process did not succeed, in words, with the first line of what it said.
pub(super) fn status(outcome: &Outcome) -> String {
    let what = match (&outcome.error, outcome.exit.code(), outcome.exit.signal()) {
        (Some(error), ..) => error.clone(),
        (None, Some(code), _) => format!("exit status {code}"),
        (None, None, Some(signal)) => format!("signal {signal}"),
        (None, None, None) => outcome.error_kind.name().replace('_', " "),
    };
    match outcome.last_lines.first() {
        Some(line) if !what.contains(line.as_str()) => format!("{what}: {line}"),
        _ => what,
    }
}

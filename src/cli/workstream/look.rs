//! What can be said of a workstream file without running it.

use std::fmt::Write as _;

use serde_json::json;

use super::args::{FileArgs, GraphArgs, GraphFormat, RouteArgs};
use crate::cli::args::{Format, Global};
use crate::cli::error::{Failure, INTERNAL, OK, USAGE};
use crate::clock::{Clock, SystemClock};
use crate::ledger::{FILE, Ledger};
use crate::workstreams::engine::{Catalog, Tools};
use crate::workstreams::report::graph as draw;
use crate::workstreams::routing::{Choice, Decision};
use crate::workstreams::spec::Workstream;

pub(super) fn validate(global: &Global, args: &FileArgs) -> Result<u8, Failure> {
    let (_, _, found) = args.ground(global)?;
    let (steps, levels) = (found.spec.steps.len(), found.graph.levels().len());
    let text = if args.format == Format::Json {
        json(&json!({"version": 1, "id": found.spec.id, "steps": steps, "levels": levels, "valid": true}))?
    } else {
        format!("{}: {steps} steps in {levels} levels, nothing wrong\n", found.spec.id)
    };
    crate::cli::print(&text)?;
    Ok(OK)
}

pub(super) fn graph(global: &Global, args: &GraphArgs) -> Result<u8, Failure> {
    let file = FileArgs { file: args.file.clone(), router_config: None, format: Format::Text };
    let (_, _, found) = file.ground(global)?;
    let text = match args.format {
        GraphFormat::Text => draw::text(&found),
        GraphFormat::Dot => draw::dot(&found),
        GraphFormat::Mermaid => draw::mermaid(&found),
        GraphFormat::Json => json(&draw::json(&found))?,
    };
    crate::cli::print(&text)?;
    Ok(OK)
}

pub(super) fn plan(global: &Global, args: &FileArgs) -> Result<u8, Failure> {
    let (ground, setting, found) = args.ground(global)?;
    let tools = remembered(&ground.settings.private());
    let catalog = Catalog::new(&setting);
    let levels = found.graph.levels();
    let critical = found.graph.critical_path(|_| 1);
    let name = |step: usize| found.spec.steps[step].id.clone();
    let tool = |step: usize| tool_words(&found, step, &tools, &catalog);
    let text = if args.format == Format::Json {
        let level = |steps: &Vec<usize>| {
            let step = |step: &usize| json!({"id": name(*step), "tool": tool(*step)});
            steps.iter().map(step).collect::<Vec<_>>()
        };
        json(&json!({
            "version": 1, "id": found.spec.id, "max_parallel": found.spec.limit(),
            "levels": levels.iter().map(level).collect::<Vec<_>>(),
            "critical_path": critical.iter().map(|s| name(*s)).collect::<Vec<_>>(),
        }))?
    } else {
        let mut out = format!("{}: at most {} at once\n", found.spec.id, found.spec.limit());
        for (number, steps) in levels.iter().enumerate() {
            let _ = writeln!(out, "level {}", number + 1);
            for step in steps {
                let own = &found.spec.steps[*step];
                let tool = tool(*step).map_or_else(String::new, |t| format!("  [{t}]"));
                let when = own.when.as_ref().map_or_else(String::new, |w| format!("  when {w}"));
                let _ = writeln!(out, "  {}{tool}  {}{when}", own.id, own.words());
            }
        }
        let shown: Vec<String> = critical.iter().take(30).map(|s| name(*s)).collect();
        let more = if critical.len() > shown.len() { " → …" } else { "" };
        let _ = writeln!(out, "critical path ({} steps): {}{more}", critical.len(), shown.join(" → "));
        out
    };
    crate::cli::print(&text)?;
    Ok(OK)
}

fn tool_words(found: &Workstream, step: usize, tools: &Tools, catalog: &Catalog) -> Option<String> {
    let own = &found.spec.steps[step];
    own.is_routed().then(|| match decide(found, step, tools, catalog).choice {
        Choice::Take(name) => name,
        Choice::Wait(_) => "waits".into(),
        Choice::Nobody { .. } => "nobody".into(),
    })
}

fn decide(found: &Workstream, step: usize, tools: &Tools, catalog: &Catalog) -> Decision {
    let own = &found.spec.steps[step];
    let need = catalog.need(own, &[]);
    tools.route(need, catalog, SystemClock.now().as_millisecond(), &|_| None)
}

/// What earlier runs showed of the tools; nothing, where nothing ran yet.
fn remembered(private: &std::path::Path) -> Tools {
    let ledger = Ledger::open_existing(&private.join(FILE));
    ledger.and_then(|ledger| Tools::read(&ledger)).unwrap_or_default()
}

pub(super) fn route(global: &Global, args: &RouteArgs) -> Result<u8, Failure> {
    let (ground, setting, found) = args.file.ground(global)?;
    let step = found.spec.steps.iter().position(|s| s.id == args.step).ok_or_else(|| {
        Failure::new(USAGE, "usage", format!("route the step {}", args.step))
            .cause(format!("{} has no such step", args.file.file.display()))
            .hint(format!("orchestrator workstream plan {}", args.file.file.display()))
    })?;
    let own = &found.spec.steps[step];
    if !own.is_routed() {
        crate::cli::print(&format!("{}: it runs by itself: {}\n", own.id, own.words()))?;
        return Ok(OK);
    }
    let mut catalog = Catalog::new(&setting);
    if let Err((_, error)) = catalog.find_agents(&found.spec.steps, &setting) {
        return Err(Failure::new(USAGE, "agent", format!("route the step {}", own.id))
            .cause(error.to_string())
            .hint(error.hint()));
    }
    let decision = decide(&found, step, &remembered(&ground.settings.private()), &catalog);
    let text = if args.file.format == Format::Json {
        json(&json!({"version": 1, "step": own.id, "decision": decision}))?
    } else {
        words(&own.id, &decision)
    };
    crate::cli::print(&text)?;
    Ok(OK)
}

fn words(step: &str, decision: &Decision) -> String {
    let rule = decision.rule.as_deref().unwrap_or("no rule");
    let mut out = format!("step {step}: {rule}, {}\n", decision.strategy);
    for (name, dropped) in &decision.candidates {
        let _ = match dropped {
            Some(why) => writeln!(out, "  {name}: dropped: {why}"),
            None => writeln!(out, "  {name}: can do it"),
        };
    }
    let safety =
        decision.safety.map_or_else(String::new, |level| format!(", safety {level:?}").to_lowercase());
    let _ = match &decision.choice {
        Choice::Take(name) => writeln!(out, "choice: {name} ({}{safety})", decision.reason),
        Choice::Wait(_) => writeln!(out, "choice: none now; it would wait"),
        Choice::Nobody { error, .. } => writeln!(out, "choice: none: {error}"),
    };
    if !decision.validate_with.is_empty() {
        let _ = writeln!(out, "then validated with {}", decision.validate_with.join(", "));
    }
    out
}

pub(super) fn json(value: &serde_json::Value) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|e| Failure::new(INTERNAL, "io", "write the result").cause(e.to_string()))?;
    Ok(text + "\n")
}

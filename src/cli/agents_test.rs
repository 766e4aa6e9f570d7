//! `orchestrator agents test`: whether an agent works, and what is understood of it.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Value, json};

use super::args::Format;
use super::error::{FAILED, Failure, INTERNAL, OK, USAGE};
use super::setup::Machine;
use crate::agents::{self, Job, Ready, run_agent, tool_line};
use crate::clock::duration;
use crate::config::Limits;
use crate::config::duration::Secs;
use crate::ids::Ids;
use crate::supervise::{Activity, ActivityTag, Kind, Outcome};
use crate::turns::lock::private_folder;
use crate::turns::settings::Settings;

/// What an agent is asked. The embedded one runs the block, a model answers.
const QUESTION: &str = "Answer with the one word: ready. Do nothing else.\n\n```sh run\necho ready\n```\n";
/// Seconds for the answer, unless the configuration has a limit of its own.
const PATIENCE_SECS: u64 = 180;

/// What was parsed of an agent's answer.
#[derive(Default)]
struct Heard {
    tools: Vec<String>,
    warnings: Vec<String>,
    text: String,
}

pub(super) async fn test(
    settings: &Settings,
    machine: &Machine,
    name: &str,
    format: Format,
) -> Result<u8, Failure> {
    let config = &settings.config;
    let refuse = |e: &agents::AgentError| {
        Failure::new(USAGE, "agent", format!("test agent {name}")).cause(e.to_string()).hint(e.hint())
    };
    let ready = agents::ready(&settings.table, name, &config.agent.order, &settings.path, &settings.root)
        .map_err(|e| refuse(&e))?;
    ready.consented(config.agent.unattended).map_err(|e| refuse(&e))?;
    let private = private_folder(&settings.root)
        .map_err(|e| Failure::new(INTERNAL, "io", "make the private folder").cause(e.to_string()))?;
    let patience = config.supervision.timeout_secs.0.is_zero().then(|| Secs::new(PATIENCE_SECS));
    let job = Job {
        ready: &ready,
        prompt: QUESTION.into(),
        prompt_file: QUESTION,
        root: &settings.root,
        private: &private,
        env: Vec::new(),
        attempt: format!("test-{}", machine.ids.uuid()),
        supervision: &config.supervision,
        limits: Limits { timeout_secs: patience, ..Limits::default() },
        log: None,
        activity_log: None,
        redactor: Arc::clone(&settings.redactor),
        tag: ActivityTag::default(),
        path: settings.path.clone(),
    };
    let mut heard = Heard::default();
    let mut hear = |activity: &Activity| match &activity.kind {
        Kind::ToolUse { name, input, .. } => heard.tools.push(tool_line(name, input)),
        Kind::Warning { text } => heard.warnings.push(text.clone()),
        Kind::Output { bytes } if heard.text.len() < 4096 => {
            heard.text.push_str(&String::from_utf8_lossy(bytes));
        }
        _ => {}
    };
    let outcome = run_agent(job, &machine.stop, &*machine.clock, &mut hear).await;
    if let Some(reason) = machine.stop.requested() {
        return Ok(reason.exit_code());
    }
    if format == Format::Json {
        super::print(&format!("{:#}\n", result_json(&ready, &outcome, &heard)))?;
    } else {
        super::print(&result_text(&ready, &outcome, &heard))?;
    }
    if outcome.succeeded() {
        return Ok(OK);
    }
    let mut failure = Failure::new(FAILED, "agent_failed", format!("test agent {}", ready.agent.name));
    failure.causes = outcome.error.iter().chain(&outcome.last_lines).cloned().collect();
    let remedy = agents::remedy(failure.causes.iter().map(String::as_str));
    Err(match remedy {
        Some(remedy) => failure.hint(remedy),
        None => failure,
    })
}

/// The agent's answer; plain text is all of it.
fn answer<'a>(outcome: &'a Outcome, heard: &'a Heard) -> &'a str {
    outcome.final_message.as_deref().unwrap_or(&heard.text).trim()
}

fn result_text(ready: &Ready, outcome: &Outcome, heard: &Heard) -> String {
    let unknown = || "unknown".to_owned();
    let usage = outcome.usage.unwrap_or_default();
    let count = |n: Option<u64>| n.map_or_else(unknown, |n| n.to_string());
    let (read, cached, said) =
        (count(usage.input_tokens), count(usage.cached_tokens), count(usage.output_tokens));
    let tokens = format!("{read} in ({cached} of them cached), {said} out");
    let limit = outcome.rate_limit.as_ref().map_or_else(
        || "none".to_owned(),
        |limit| {
            let reset = limit.resets_at.and_then(|at| jiff::Timestamp::from_second(at).ok());
            format!("{}{}", limit.status, reset.map_or_else(String::new, |at| format!(", resets at {at}")))
        },
    );
    let message = answer(outcome, heard).lines().next().unwrap_or("none").to_owned();
    let mut out = String::new();
    let rows = [
        ("agent", ready.agent.name.clone()),
        ("program", ready.program.as_ref().map_or_else(|| "built in".into(), |p| p.display().to_string())),
        ("output", ready.agent.output.clone()),
        ("ended", format!("{} after {}", ended(outcome), duration(outcome.duration))),
        ("session", outcome.session_id.clone().unwrap_or_else(unknown)),
        ("message", message),
        ("tokens", tokens),
        ("cost", usage.cost_usd.map_or_else(unknown, |cost| format!("${cost:.4}"))),
        ("rate limit", limit),
        ("result", if outcome.succeeded() { "ok".into() } else { "failed".into() }),
    ];
    // Writing to a String cannot fail.
    for (name, value) in rows {
        let _ = writeln!(out, "{name:<10} {value}");
    }
    for (name, lines) in [("tool call", &heard.tools), ("warning", &heard.warnings)] {
        for line in lines {
            let _ = writeln!(out, "{name:<10} {line}");
        }
    }
    out
}

fn ended(outcome: &Outcome) -> String {
    match (outcome.exit.code(), outcome.exit.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (_, Some(signal)) => format!("signal {signal}"),
        _ => "not run".into(),
    }
}

fn result_json(ready: &Ready, outcome: &Outcome, heard: &Heard) -> Value {
    let usage = outcome.usage.unwrap_or_default();
    json!({
        "version": 1,
        "agent": ready.agent.name,
        "program": ready.program,
        "ok": outcome.succeeded(),
        "exit_code": outcome.exit.code(),
        "signal": outcome.exit.signal(),
        "error_kind": outcome.error_kind.name(),
        "error": outcome.error,
        "duration_ms": u64::try_from(outcome.duration.as_millis()).unwrap_or(u64::MAX),
        "session_id": outcome.session_id,
        "message": answer(outcome, heard),
        "usage": {
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "cached_tokens": usage.cached_tokens,
            "cost_usd": usage.cost_usd,
        },
        "rate_limit": outcome.rate_limit.as_ref().map(|limit| json!({
            "status": limit.status, "blocked": limit.blocked, "resets_at": limit.resets_at,
        })),
        "tool_calls": heard.tools,
        "warnings": heard.warnings,
    })
}

//! `oneshot list` and `oneshot view`: run nothing, change nothing.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Value, json};

use super::args::{ListArgs, ViewArgs};
use super::end::{reason, summary};
use crate::cli::args::{Format, Global};
use crate::cli::error::{Failure, OK};
use crate::cli::print;
use crate::clock::SystemClock;
use crate::oneshot::Settings;
use crate::oneshot::session::{Folder, Session, ids, pick};
use crate::sync::worktree::Repo;

/// The branch that is checked out, where there is git.
pub(super) fn branch(settings: &Settings) -> Option<String> {
    let repo = Repo::open(&settings.root, Arc::new(SystemClock)).ok().filter(|_| settings.git)?;
    repo.head().ok()?.branch
}

/// Who works on it now, in words.
fn live(folder: &Folder) -> Option<Value> {
    let held = folder.holder()?;
    Some(held.0.map_or_else(|| json!({}), |o| json!({"pid": o.pid, "started": o.started})))
}

fn first_line(text: &str, chars: usize) -> String {
    let line = text.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or_default();
    let brief: String = line.chars().take(chars).collect();
    if brief.len() < line.len() { format!("{brief}…") } else { brief }
}

pub(super) fn list(global: &Global, args: &ListArgs) -> Result<u8, Failure> {
    let settings = super::settings(global, &[])?;
    let mut values = Vec::new();
    let mut out = String::new();
    for id in ids(&settings.root) {
        let folder = Folder::of(&settings.root, &id);
        let live = live(&folder);
        match folder.load() {
            Ok(session) => {
                let mut value = summary(&settings, &session);
                value["task"] = first_line(&session.task, 200).into();
                value["live"] = live.clone().unwrap_or(Value::Null);
                values.push(value);
                let at = if live.is_some() { "live" } else { reason(session.state) };
                let runs = format!("{}/{}", session.iteration, session.max_iterations);
                // Writing to a String cannot fail.
                let _ = writeln!(
                    out,
                    "{id}  {:<19} {at:<14} {runs:>5}  {}  {}",
                    session.state.name(),
                    session.created,
                    first_line(&session.task, 60)
                );
            }
            // One damaged session hides no other.
            Err(e) => {
                values.push(json!({"version": 1, "session": id, "state": "damaged", "error": e.to_string()}));
                let _ = writeln!(out, "{id}  damaged: {e}");
            }
        }
    }
    match args.format {
        Format::Json => print(&format!("{:#}\n", json!({"version": 1, "sessions": values})))?,
        Format::Text if out.is_empty() => print("no session yet\n")?,
        Format::Text => print(&out)?,
    }
    Ok(OK)
}

pub(super) fn view(global: &Global, args: &ViewArgs) -> Result<u8, Failure> {
    let settings = super::settings(global, &[])?;
    let id = pick(&settings.root, args.id.as_deref())?;
    let folder = Folder::of(&settings.root, &id);
    let session = folder.load()?;
    let live = live(&folder);
    let result = folder.read_result(session.iteration).text;
    if args.format == Format::Json {
        let mut value = summary(&settings, &session);
        value["task"] = session.task.clone().into();
        value["checks"] = json!(session.checks);
        value["feedback"] = json!(session.feedback);
        value["history"] = json!(session.history);
        value["live"] = live.unwrap_or(Value::Null);
        value["result"] = result.into();
        print(&format!("{value:#}\n"))?;
        return Ok(OK);
    }
    print(&text(&settings, &session, live.as_ref(), &result))?;
    Ok(OK)
}

fn text(settings: &Settings, session: &Session, live: Option<&Value>, result: &str) -> String {
    let mut out = String::new();
    let folder = Folder::of(&settings.root, &session.id);
    let path = folder.path().strip_prefix(&settings.root).unwrap_or(folder.path()).to_owned();
    let at = match live.map(|owner| owner["pid"].as_u64()) {
        None => String::new(),
        Some(None) => ", live".to_owned(),
        Some(Some(pid)) => format!(", live: pid {pid}"),
    };
    let mut line = |name: &str, text: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{name:<10}{text}");
    };
    line("session", &session.id);
    line("state", &format!("{} ({}){at}", session.state.name(), reason(session.state)));
    line("created", &format!("{}, last changed {}", session.created, session.updated));
    let seat = |s: &crate::oneshot::session::Seat| {
        s.model.as_ref().map_or_else(|| s.agent.clone(), |m| format!("{} ({m})", s.agent))
    };
    line("agents", &format!("worker {}, auditor {}", seat(&session.worker), seat(&session.auditor)));
    line("runs", &format!("{} of {}", session.iteration, session.max_iterations));
    line("cost", &session.cost_usd.map_or_else(|| "unknown".to_owned(), |c| format!("${c:.2}")));
    line("folder", &path.to_string_lossy());
    for (name, text) in [("trouble", &session.trouble), ("feedback", &session.feedback)] {
        if let Some(text) = text {
            line(name, text.trim_end());
        }
    }
    out.push_str("\nway:\n");
    for step in &session.history {
        let _ = writeln!(out, "  {}  {} → {}", step.at, step.event.name(), step.to.name());
    }
    let _ = write!(out, "\ntask:\n{}\n", session.task.trim_end());
    if !result.trim().is_empty() {
        let _ = write!(out, "\nresult of worker run {}:\n{}\n", session.iteration, result.trim_end());
    }
    out
}

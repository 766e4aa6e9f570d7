//! `orchestrator audit`: is the branch's history a chain of legal turns (git-sync.md G17)?

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::args::{Format, Global};
use super::branch::{Branch, branch};
use super::error::{FAILED, Failure, OK, USAGE};
use super::record::when;
use super::role_args::AuditArgs;
use super::setup::{Machine, setup_beside};
use crate::sync::audit::{Entry, Report, audit as judge};
use crate::sync::worktree::LineCommit;

pub(super) fn audit(global: &Global, args: &AuditArgs) -> Result<u8, Failure> {
    let setup = setup_beside(global)?;
    let branch = branch(&setup, &Machine::new(), args.remote)?;
    let line = branch.line()?;
    let report = judge(&line, &setup.settings.roles(), &branch.state_path);
    if report.entries.is_empty() {
        return Err(Failure::new(USAGE, "state", "audit the branch")
            .cause(format!("no commit of {} ever had {}", branch.name, branch.state_path.display()))
            .hint("orchestrator init --commit"));
    }
    if args.format == Format::Json {
        super::print(&format!("{:#}\n", as_json(&branch, &line, &report)))?;
        return Ok(if report.problems.is_empty() { OK } else { FAILED });
    }
    super::print(&as_text(global, &branch, &line, &report))?;
    let Some(first) = report.problems.first() else { return Ok(OK) };
    let commit = &line[first.at];
    let mut failure = Failure::new(
        FAILED,
        "audit",
        format!("trust this history: the first wrong commit is {}", commit.short),
    );
    for problem in &report.problems {
        failure = failure.cause(format!("{}: {}", line[problem.at].short, problem.what));
    }
    Err(failure.hint(format!("git show {}", commit.short)))
}

fn epoch(entry: &Entry) -> Option<u64> {
    let said = entry.message.as_ref().and_then(|m| m.trailers.epoch);
    said.or(entry.state.as_ref().and_then(|s| s.turn.as_ref()).map(|t| t.epoch))
}

fn as_json(branch: &Branch, line: &[LineCommit], report: &Report) -> Value {
    let problem = |p: &crate::sync::audit::Problem| {
        let commit = &line[p.at];
        json!({"commit": commit.id.to_string(), "subject": commit.subject(), "problem": p.what})
    };
    let entry = |entry: &Entry| {
        let commit = &line[entry.at];
        json!({
            "commit": commit.id.to_string(),
            "at": commit.at,
            "subject": commit.subject(),
            "state_commit": entry.message.is_some(),
            "iteration": entry.state.as_ref().map(|s| s.iteration),
            "expected_actor": entry.state.as_ref().map(|s| s.expected_actor.to_string()),
            "status": entry.state.as_ref().map(|s| s.status.to_string()),
            "turn_id": entry.state.as_ref().and_then(|s| s.turn.as_ref()).map(|t| t.id.clone()),
            "epoch": epoch(entry),
        })
    };
    json!({
        "version": 1,
        "branch": branch.name,
        "tip": branch.tip.to_string(),
        "commits": line.len(),
        "turns": report.turns,
        "ok": report.problems.is_empty(),
        "reason": if report.problems.is_empty() { Value::Null } else { "audit".into() },
        "first_wrong_commit": report.problems.first().map(|p| line[p.at].id.to_string()),
        "problems": report.problems.iter().map(problem).collect::<Vec<_>>(),
        "timeline": report.entries.iter().map(entry).collect::<Vec<_>>(),
    })
}

fn as_text(global: &Global, branch: &Branch, line: &[LineCommit], report: &Report) -> String {
    let mut out = format!(
        "{}: {} commits, {} of them change the state, {} turns\n",
        branch.name,
        line.len(),
        report.entries.len(),
        report.turns
    );
    let mut work = 0;
    let mut entries = report.entries.iter().peekable();
    for (at, commit) in line.iter().enumerate() {
        if entries.peek().is_none_or(|e| e.at != at) {
            work += 1;
            continue;
        }
        let entry = entries.next();
        // Writing to a String cannot fail.
        if work > 0 {
            let _ = writeln!(out, "  {:19}  {:9}  … {work} of work", "", "");
        }
        work = 0;
        let epoch = entry.and_then(epoch).map_or_else(String::new, |e| format!("  epoch {e}"));
        let wrong = report.problems.iter().any(|p| p.at == at);
        let mark = if wrong { "!" } else { " " };
        let subject = commit.subject();
        let _ =
            writeln!(out, "{mark} {}  {:9}  {subject}{epoch}", when(global, commit.at * 1000), commit.short);
    }
    if work > 0 {
        let _ = writeln!(out, "  {:19}  {:9}  … {work} of work", "", "");
    }
    if report.problems.is_empty() {
        out.push_str("every step is legal\n");
    }
    out
}

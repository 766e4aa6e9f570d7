//! A report as Markdown. Pure.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;

use super::facts::{AttemptFacts, Facts};
use crate::clock::{duration, iso_seconds};

/// Text from outside, in a cell of a table.
fn cell(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.replace('|', "\\|").replace('`', "'").replace('<', "&lt;")
}

pub(super) fn when(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(|_| "-".into(), iso_seconds)
}

pub(super) fn span(begin: i64, end: Option<i64>) -> String {
    let took = end.and_then(|end| u64::try_from(end - begin).ok());
    took.map_or_else(|| "-".into(), |ms| duration(Duration::from_millis(ms)))
}

pub fn markdown(facts: &Facts) -> String {
    let run = &facts.run;
    let mut out = String::new();
    let name = facts.name();
    // Writing to a String cannot fail; so below.
    let _ = writeln!(out, "# {}: {}\n", cell(name), run.state);
    let _ = writeln!(out, "- run {}", run.run_id);
    if let Some(parent) = &run.parent_run_id {
        let _ = writeln!(out, "- after {parent}");
    }
    if let Some(begin) = run.started_at {
        let _ = writeln!(out, "- began {}, took {}", when(begin), span(begin, run.ended_at));
    }
    let counts: Vec<String> = facts.counts().iter().map(|(state, n)| format!("{n} {state}")).collect();
    let _ = writeln!(out, "- {}s: {}", facts.step_word(), counts.join(", "));
    if let Some(cost) = run.cost_usd {
        let _ = writeln!(out, "- cost: ${cost:.2}");
    }
    if let Some(error) = &run.error {
        let _ = writeln!(out, "- error: {}", cell(error));
    }
    if !facts.critical_path.is_empty() {
        let _ = writeln!(out, "- critical path: {}", facts.critical_path.join(" → "));
    }
    let (head, kind) = match facts.step_word() {
        "turn" => ("Turns", "prompt"),
        "task" => ("Tasks", "prompt"),
        _ => ("Steps", "kind"),
    };
    let word = facts.step_word();
    let _ = writeln!(out, "\n## {head}\n\n| {word} | {kind} | state | attempts | tool | time | cost | |");
    out.push_str("| --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for step in &facts.steps {
        let cost = step.cost().map_or_else(|| "-".into(), |c| format!("${c:.2}"));
        let took = if step.attempts.is_empty() { "-".into() } else { duration(step.took()) };
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {took} | {cost} | {} |",
            cell(&step.id),
            cell(step.kind.as_deref().unwrap_or("-")),
            step.state,
            step.attempts.len(),
            cell(&step.tools()),
            cell(step.reason.as_deref().unwrap_or_default()),
        );
    }
    timeline(facts, &mut out);
    failures(facts, &mut out);
    if !facts.decisions.is_empty() {
        out.push_str("\n## Decisions\n\n");
        for decision in &facts.decisions {
            let rule = decision.rule.as_deref().unwrap_or("no rule");
            let choice = decision.choice.as_deref().unwrap_or("nobody");
            let dropped: Vec<String> = decision
                .candidates
                .iter()
                .filter_map(|(name, why)| Some(format!("{name}: {}", why.as_ref()?)))
                .collect();
            let dropped =
                if dropped.is_empty() { String::new() } else { format!("; dropped: {}", dropped.join("; ")) };
            let _ = writeln!(
                out,
                "- {} → {} ({}, {}{})",
                cell(&decision.step),
                cell(choice),
                cell(rule),
                cell(&decision.strategy),
                cell(&dropped)
            );
        }
    }
    if !facts.events.is_empty() {
        out.push_str("\n## Events\n\n");
        for told in &facts.events {
            let _ = writeln!(out, "- {} {}", when(told.at_ms), cell(&told.text));
        }
    }
    out
}

fn timeline(facts: &Facts, out: &mut String) {
    let mut all: Vec<(&str, &AttemptFacts)> =
        facts.steps.iter().flat_map(|s| s.attempts.iter().map(|a| (s.id.as_str(), a))).collect();
    if all.is_empty() {
        return;
    }
    all.sort_by_key(|(_, a)| a.started_at);
    let begin = facts.span().0;
    out.push_str(
        "\n## Timeline\n\n| after | step | attempt | took | end |\n| --- | --- | --- | --- | --- |\n",
    );
    for (id, attempt) in all {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            span(begin, Some(attempt.started_at)),
            cell(id),
            attempt.number,
            span(attempt.started_at, attempt.ended_at),
            attempt.state
        );
    }
}

fn failures(facts: &Facts, out: &mut String) {
    let failed = facts.steps.iter().flat_map(|s| s.attempts.iter().map(move |a| (s, a)));
    let failed: Vec<_> = failed.filter(|(_, a)| a.state == "failed").collect();
    if failed.is_empty() {
        return;
    }
    out.push_str("\n## Failures\n");
    for (step, attempt) in failed {
        let _ = writeln!(out, "\n### {} attempt {}\n", cell(&step.id), attempt.number);
        let _ = writeln!(out, "{}", cell(attempt.error.as_deref().unwrap_or("no reason is known")));
        if let Some(log) = &attempt.log_path {
            let _ = writeln!(out, "\nlog: {log}");
        }
        if !attempt.excerpt.is_empty() {
            out.push('\n');
            for line in &attempt.excerpt {
                let _ = writeln!(out, "    {line}");
            }
        }
    }
}

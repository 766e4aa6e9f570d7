//! An event in one line. Pure.

use super::sight::{Told, Tone};
use super::text::{clean, cost, took};
use crate::event::{Ended, Event};
use crate::ledger::EventRow;

/// An event as it was recorded; one that only a newer program knows is shown as it is.
pub fn told(row: &EventRow) -> Told {
    let (tone, text) = match row.event() {
        Some(event) => words(&event),
        None => (Tone::Quiet, format!("{} {}", row.kind, row.data)),
    };
    let first = text.lines().next().unwrap_or_default();
    Told { seq: row.seq, at_ms: row.at_ms, tone, text: clean(first).into_owned() }
}

fn ended(outcome: Ended) -> Tone {
    match outcome {
        Ended::Succeeded => Tone::Good,
        Ended::Failed => Tone::Bad,
        Ended::Canceled => Tone::Warning,
    }
}

fn millis(ms: u64) -> String {
    took(i64::try_from(ms).unwrap_or(i64::MAX))
}

fn because(reason: Option<&str>) -> String {
    reason.map_or_else(String::new, |reason| format!(": {reason}"))
}

fn words(event: &Event) -> (Tone, String) {
    of_run(event).or_else(|| of_attempt(event)).or_else(|| of_turn(event)).unwrap_or_else(|| of_step(event))
}

fn of_run(event: &Event) -> Option<(Tone, String)> {
    Some(match event {
        Event::RunCreated { run_kind, .. } => (Tone::Quiet, format!("{run_kind} run created")),
        Event::RunStarted { mode, limits, .. } => (Tone::Plain, format!("{mode} begun, {limits}")),
        Event::RunEnded { outcome, turns, duration, cost_usd, why, .. } => {
            let time = took(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX));
            let sum = cost_usd.map_or_else(String::new, |_| format!(", {}", cost(*cost_usd)));
            (ended(*outcome), format!("run over: {turns} done in {time}{sum}; {why}"))
        }
        Event::RunInterrupted { reason } => (Tone::Warning, format!("run interrupted: {reason}")),
        Event::RunQuarantined { reason, .. } => (Tone::Bad, format!("run set aside: {reason}")),
        Event::RunReleased { reason, .. } => (Tone::Plain, format!("run released: {reason}")),
        Event::StopRequested { by, reason } => {
            (Tone::Warning, format!("{by} asked to stop{}", because(reason.as_deref())))
        }
        Event::BudgetReached { budget, limit, used } => {
            (Tone::Warning, format!("budget reached: {budget} {used} of {limit}"))
        }
        Event::HookFailed { hook, error } => (Tone::Warning, format!("hook {hook} failed: {error}")),
        Event::Signal { name } => (Tone::Warning, format!("{name} received")),
        Event::Notice { text } => (Tone::Plain, text.clone()),
        Event::Warning { text } => (Tone::Warning, text.clone()),
        _ => return None,
    })
}

fn of_attempt(event: &Event) -> Option<(Tone, String)> {
    Some(match event {
        Event::AttemptStarted { role, prompt, agent, .. } => {
            let agent = if agent == "-" { String::new() } else { format!(" with {agent}") };
            (Tone::Active, format!("{role} begins{agent}: {prompt}"))
        }
        Event::AttemptOutput { role, text } => (Tone::Quiet, format!("{role}: {text}")),
        Event::AttemptQuiet { role, silent_ms, .. } => {
            (Tone::Quiet, format!("{role} silent for {}", millis(*silent_ms)))
        }
        Event::AttemptWarning { role, text } => (Tone::Warning, format!("{role}: {text}")),
        Event::AttemptIdle { role, silent_ms } => {
            (Tone::Warning, format!("{role} silent for {}", millis(*silent_ms)))
        }
        Event::AttemptActive { role } => (Tone::Active, format!("{role} is heard again")),
        Event::AttemptEnded { role, line, outcome, .. } => {
            let named = line.contains(role.as_str());
            (ended(*outcome), if named { line.clone() } else { format!("{role}: {line}") })
        }
        Event::RateLimited { role, status, blocked, .. } => {
            let tone = if *blocked { Tone::Warning } else { Tone::Quiet };
            (tone, format!("{role} rate limit: {status}"))
        }
        Event::AgentFallback { role, from, to, reason } => {
            (Tone::Warning, format!("{role}: {to} stands in for {from}: {reason}"))
        }
        Event::RetryScheduled { step, attempt, delay_ms, reason } => {
            (Tone::Warning, format!("{step}: attempt {attempt} in {}: {reason}", millis(*delay_ms)))
        }
        Event::CheckPassed { role, command } => (Tone::Good, format!("{role}: check passed: {command}")),
        Event::CheckFailed { role, command, status } => {
            (Tone::Bad, format!("{role}: check failed ({status}): {command}"))
        }
        Event::Autocommit { group, commit, paths, .. } => {
            let commit = commit.as_deref().unwrap_or("-");
            (Tone::Plain, format!("committed {commit} {group}: {}", paths.join(", ")))
        }
        Event::OneshotState { from, to, iteration, .. } => {
            (Tone::Quiet, format!("round {iteration}: {from} → {to}"))
        }
        Event::Verdict { iteration, verdict, text } => {
            let first = text.as_deref().unwrap_or_default().lines().map(str::trim).find(|l| !l.is_empty());
            (Tone::Plain, format!("audit {iteration}: {verdict}{}", because(first)))
        }
        _ => return None,
    })
}

fn of_turn(event: &Event) -> Option<(Tone, String)> {
    Some(match event {
        Event::StateClaimed { iteration, role, reclaimed, .. } => {
            let word = if *reclaimed { "takes again" } else { "takes" };
            (Tone::Quiet, format!("{role} {word} the turn of iteration {iteration}"))
        }
        Event::PromptRouted { role, prompt, source, reason, .. } => {
            (Tone::Quiet, format!("{role} → {prompt} ({source}: {reason})"))
        }
        Event::StateStamped { status, next, .. } => (Tone::Quiet, format!("stamped {status}, next {next}")),
        Event::StatePublished { iteration, role, commit, .. } => {
            (Tone::Quiet, format!("{role} published iteration {iteration} ({commit})"))
        }
        Event::StateRejected { role, reason, .. } => {
            (Tone::Warning, format!("{role} not published: {reason}"))
        }
        Event::LeaseRenewed { role, .. } => (Tone::Quiet, format!("{role} renewed its lease")),
        Event::LeaseLost { role, reason, .. } => (Tone::Bad, format!("{role} lost its lease: {reason}")),
        Event::Fenced { role, reason, .. } => (Tone::Bad, format!("{role} lost the turn: {reason}")),
        Event::Takeover { role, from, reason, .. } => {
            (Tone::Warning, format!("{role} taken over from {from}: {reason}"))
        }
        Event::Rescue { reference, why } => (Tone::Warning, format!("{why}; kept as {reference}")),
        Event::Waiting { role, why } => (Tone::Plain, format!("{role} waits: {why}")),
        _ => return None,
    })
}

fn of_step(event: &Event) -> (Tone, String) {
    match event {
        Event::StepReady { step } => (Tone::Quiet, format!("{step} is ready")),
        Event::StepSkipped { step, reason } => (Tone::Quiet, format!("{step} skipped: {reason}")),
        Event::ToolRouted { step, rule, choice, .. } => {
            let (choice, rule) =
                (choice.as_deref().unwrap_or("nobody"), rule.as_deref().unwrap_or("no rule"));
            (Tone::Quiet, format!("{step} → {choice} ({rule})"))
        }
        Event::GatePassed { step, gate } => (Tone::Good, format!("{step}: gate passed: {gate}")),
        Event::GateFailed { step, gate, status } => {
            (Tone::Bad, format!("{step}: gate failed ({status}): {gate}"))
        }
        Event::BreakerOpened { tool, failures } => {
            (Tone::Bad, format!("{tool}: circuit open after {failures} failures"))
        }
        Event::BreakerHalfOpen { tool } => (Tone::Warning, format!("{tool}: circuit on trial")),
        Event::BreakerClosed { tool } => (Tone::Good, format!("{tool}: circuit closed")),
        // The other functions know all the rest.
        other => (Tone::Quiet, format!("{other:?}")),
    }
}

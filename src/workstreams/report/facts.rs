//! Everything a report says, read from the ledger and the logs.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::event::Event;
use crate::ledger::{AttemptRow, EventFilter, Ledger, LedgerError, RunRow};
use crate::workstreams::spec::Workstream;

/// Of a failed attempt's log so much of the end is shown.
const EXCERPT_BYTES: u64 = 4096;
const EXCERPT_LINES: usize = 12;

/// A run as a report tells it.
#[derive(Debug, Clone, Serialize)]
pub struct Facts {
    pub version: u32,
    pub run: RunRow,
    /// In the order of the file; where there is no file, in the order of their first attempts: the turns of a loop,
    /// worker and auditor of a one-shot, the tasks of a batch.
    pub steps: Vec<StepFacts>,
    /// Of tools and of prompts.
    pub decisions: Vec<Routed>,
    /// Gates, retries, circuits, budgets, verdicts, quarantine, release: what happened besides attempts.
    pub events: Vec<Told>,
    /// The way through the steps that took longest.
    pub critical_path: Vec<String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct StepFacts {
    pub id: String,
    pub kind: Option<String>,
    pub state: String,
    pub reason: Option<String>,
    pub depends_on: Vec<String>,
    pub attempts: Vec<AttemptFacts>,
}

#[derive(Debug, Clone, Serialize)]
pub struct AttemptFacts {
    pub attempt_id: String,
    pub number: i64,
    pub tool: Option<String>,
    pub role: Option<String>,
    pub agent: Option<String>,
    pub prompt: Option<String>,
    pub state: String,
    pub started_at: i64,
    pub ended_at: Option<i64>,
    pub exit_code: Option<i32>,
    pub error: Option<String>,
    pub input_tokens: Option<i64>,
    pub output_tokens: Option<i64>,
    pub cost_usd: Option<f64>,
    pub log_path: Option<String>,
    /// The end of a failed attempt's log.
    pub excerpt: Vec<String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Routed {
    pub at_ms: i64,
    pub step: String,
    pub rule: Option<String>,
    pub strategy: String,
    pub candidates: Vec<(String, Option<String>)>,
    pub choice: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Told {
    pub at_ms: i64,
    pub text: String,
}

impl Facts {
    /// None: there is no such run. `workstream`: the file, if it is a workstream's and still known.
    pub fn read(
        ledger: &Ledger,
        run_id: &str,
        workstream: Option<Workstream>,
        root: &Path,
    ) -> Result<Option<Self>, LedgerError> {
        let Some(run) = ledger.run(run_id)? else { return Ok(None) };
        let mut attempts: BTreeMap<String, Vec<AttemptFacts>> = BTreeMap::new();
        let mut order: Vec<String> = Vec::new();
        let mut after = 0;
        loop {
            let page = ledger.attempts(run_id, after, 1000)?;
            let Some(last) = page.last() else { break };
            after = last.sequence;
            for row in page {
                if !attempts.contains_key(&row.step_id) {
                    order.push(row.step_id.clone());
                }
                attempts.entry(row.step_id.clone()).or_default().push(attempt(row, root));
            }
        }
        let mut steps: Vec<StepFacts> = ledger
            .steps(run_id)?
            .into_iter()
            .enumerate()
            .map(|(at, row)| {
                let own =
                    workstream.as_ref().and_then(|w| w.spec.steps.get(at)).filter(|s| s.id == row.step_id);
                StepFacts {
                    attempts: attempts.remove(&row.step_id).unwrap_or_default(),
                    kind: own.and_then(|s| s.kind.clone()),
                    depends_on: own.map(|s| s.depends_on.clone()).unwrap_or_default(),
                    state: row.state.name().to_owned(),
                    reason: row.reason,
                    id: row.step_id,
                }
            })
            .collect();
        steps.extend(order.into_iter().filter_map(|id| {
            let attempts = attempts.remove(&id)?;
            Some(StepFacts::of_attempts(id, attempts))
        }));
        let critical_path = workstream.map_or_else(Vec::new, |w| {
            let took = |step: usize| steps.get(step).map_or(0, StepFacts::millis);
            let path = w.graph.critical_path(|step| took(step).saturating_mul(1000) + 1);
            path.into_iter().filter_map(|step| Some(steps.get(step)?.id.clone())).collect()
        });
        let (decisions, events) = told(ledger, run_id)?;
        Ok(Some(Self { version: 1, run, steps, decisions, events, critical_path }))
    }

    /// What the run is called: a workstream's id, or its kind.
    pub fn name(&self) -> &str {
        self.run.workstream_id.as_deref().unwrap_or(match self.run.kind.as_str() {
            "turns" => "loop",
            kind => kind,
        })
    }

    /// What its steps are.
    pub fn step_word(&self) -> &'static str {
        match self.run.kind.as_str() {
            "turns" => "turn",
            "batch" => "task",
            _ => "step",
        }
    }

    /// From the first sign to the last, ms.
    pub fn span(&self) -> (i64, i64) {
        let begin = self.run.started_at.unwrap_or(self.run.created_at);
        let attempts = self.steps.iter().flat_map(|s| &s.attempts);
        let last = attempts.filter_map(|a| a.ended_at).chain(self.run.ended_at).max().unwrap_or(begin);
        (begin, last.max(begin + 1))
    }

    pub fn counts(&self) -> Vec<(String, usize)> {
        let mut counts: Vec<(String, usize)> = Vec::new();
        for step in &self.steps {
            match counts.iter_mut().find(|(state, _)| *state == step.state) {
                Some((_, n)) => *n += 1,
                None => counts.push((step.state.clone(), 1)),
            }
        }
        counts
    }
}

impl StepFacts {
    /// A step that stands in no file: what its last attempt was, it is.
    fn of_attempts(id: String, attempts: Vec<AttemptFacts>) -> Self {
        let last = attempts.last();
        Self {
            kind: last.and_then(|a| a.prompt.clone()),
            state: last.map_or_else(String::new, |a| a.state.clone()),
            reason: last.and_then(|a| a.error.clone()),
            depends_on: Vec::new(),
            id,
            attempts,
        }
    }

    /// The time of all its attempts.
    pub fn millis(&self) -> u64 {
        let took = |a: &AttemptFacts| u64::try_from(a.ended_at? - a.started_at).ok();
        self.attempts.iter().filter_map(took).sum()
    }

    pub fn took(&self) -> Duration {
        Duration::from_millis(self.millis())
    }

    pub fn tools(&self) -> String {
        let mut tools: Vec<&str> =
            self.attempts.iter().filter_map(|a| a.tool.as_deref().or(a.agent.as_deref())).collect();
        tools.dedup();
        if tools.is_empty() { "-".into() } else { tools.join(", ") }
    }

    /// None: no attempt says it.
    pub fn cost(&self) -> Option<f64> {
        let known: Vec<f64> = self.attempts.iter().filter_map(|a| a.cost_usd).collect();
        (!known.is_empty()).then(|| known.iter().sum())
    }
}

fn attempt(row: AttemptRow, root: &Path) -> AttemptFacts {
    let failed = row.state == "failed";
    let excerpt = row.log_path.as_ref().filter(|_| failed).map(|log| tail(&root.join(log)));
    AttemptFacts {
        attempt_id: row.attempt_id,
        number: row.attempt,
        tool: row.tool,
        role: row.role,
        agent: row.agent,
        prompt: row.prompt,
        state: row.state,
        started_at: row.started_at,
        ended_at: row.ended_at,
        exit_code: row.exit_code,
        error: row.error,
        input_tokens: row.input_tokens,
        output_tokens: row.output_tokens,
        cost_usd: row.cost_usd,
        // A killed run may have named one that it never wrote.
        log_path: row.log_path.filter(|log| root.join(log).is_file()),
        excerpt: excerpt.unwrap_or_default(),
    }
}

/// A log may be gone, which is no reason for no report.
fn tail(path: &Path) -> Vec<String> {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let size = file.metadata()?.len();
        file.seek(SeekFrom::Start(size.saturating_sub(EXCERPT_BYTES)))?;
        let mut bytes = Vec::new();
        file.take(EXCERPT_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let text = String::from_utf8_lossy(&read().unwrap_or_default()).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(EXCERPT_LINES)..].iter().map(|l| (*l).to_owned()).collect()
}

fn told(ledger: &Ledger, run_id: &str) -> Result<(Vec<Routed>, Vec<Told>), LedgerError> {
    let kinds = [
        "tool_routed",
        "prompt_routed",
        "oneshot_state",
        "verdict",
        "check_failed",
        "agent_fallback",
        "takeover",
        "fenced",
        "lease_lost",
        "rescue",
        "stop_requested",
        "gate_failed",
        "retry_scheduled",
        "breaker_opened",
        "breaker_half_open",
        "breaker_closed",
        "budget_reached",
        "run_quarantined",
        "run_released",
        "run_interrupted",
        "warning",
    ];
    let filter = EventFilter {
        run_id: Some(run_id.to_owned()),
        kinds: kinds.map(str::to_owned).to_vec(),
        ..EventFilter::default()
    };
    let (mut decisions, mut events, mut after) = (Vec::new(), Vec::new(), 0);
    loop {
        let (rows, next) = ledger.events(&filter, after, 1000)?;
        for row in &rows {
            let at_ms = row.at_ms;
            let text = match row.event() {
                Some(Event::ToolRouted { step, rule, strategy, candidates, choice }) => {
                    decisions.push(Routed { at_ms, step, rule, strategy, candidates, choice });
                    continue;
                }
                Some(Event::PromptRouted { iteration, role, prompt, source, reason, .. }) => {
                    decisions.push(Routed {
                        at_ms,
                        step: format!("{iteration}/{role}"),
                        rule: Some(source),
                        strategy: reason,
                        candidates: Vec::new(),
                        choice: Some(prompt),
                    });
                    continue;
                }
                Some(event) => words(&event),
                None => None,
            };
            events.extend(text.map(|text| Told { at_ms, text }));
        }
        if next == after {
            return Ok((decisions, events));
        }
        after = next;
    }
}

fn words(event: &Event) -> Option<String> {
    Some(match event {
        Event::GateFailed { step, gate, status } => format!("{step}: gate failed: {gate}: {status}"),
        Event::RetryScheduled { step, attempt, delay_ms, .. } => {
            format!(
                "{step}: attempt {attempt} in {}",
                crate::clock::duration(Duration::from_millis(*delay_ms))
            )
        }
        Event::BreakerOpened { tool, failures } => format!("{tool}: circuit open after {failures} failures"),
        Event::BreakerHalfOpen { tool } => format!("{tool}: circuit half open, on trial"),
        Event::BreakerClosed { tool } => format!("{tool}: circuit closed"),
        Event::BudgetReached { budget, limit, used } => format!("budget used up: {budget} {used} of {limit}"),
        Event::RunQuarantined { reason, evidence } => {
            format!("quarantined: {reason} ({})", evidence.join(", "))
        }
        Event::RunReleased { reason, new_run_id } => format!("released as {new_run_id}: {reason}"),
        Event::RunInterrupted { reason } => format!("interrupted: {reason}"),
        Event::Warning { text } => text.clone(),
        Event::OneshotState { from, to, iteration, reason } => {
            let why = reason.as_ref().map_or_else(String::new, |why| format!(": {why}"));
            format!("iteration {iteration}: {from} → {to}{why}")
        }
        Event::Verdict { iteration, verdict, .. } => {
            format!("iteration {iteration}: the auditor says {verdict}")
        }
        Event::CheckFailed { role, command, status } => format!("{role}: check failed: {command}: {status}"),
        Event::AgentFallback { role, from, to, reason } => {
            format!("{role}: {to} instead of {from}: {reason}")
        }
        Event::Takeover { role, from, reason, .. } => {
            format!("{role}'s turn taken over from {from}: {reason}")
        }
        Event::Fenced { role, reason, .. } => format!("{role}'s turn belongs to another machine: {reason}"),
        Event::LeaseLost { role, reason, .. } => format!("{role}'s lease lost: {reason}"),
        Event::Rescue { reference, why } => format!("work saved at {reference}: {why}"),
        Event::StopRequested { by, reason } => {
            let why = reason.as_ref().map_or_else(String::new, |why| format!(": {why}"));
            format!("stop asked for by {by}{why}")
        }
        _ => return None,
    })
}

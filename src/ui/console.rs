//! The loop's words on the terminal (turns.md T38).

use std::io::Write;

use super::progress::Progress;
use crate::event::{Envelope, Event, Place, Sink};

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Volume {
    Quiet,
    Normal,
    Verbose,
}

/// In what form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Text,
    /// One event a line.
    Json,
}

/// Writes events: the run's account to `out`, warnings and notices to `err`.
pub struct Console<O, E> {
    out: O,
    err: E,
    volume: Volume,
    form: Form,
    /// The agent's last text did not end its line.
    open_line: bool,
    /// Who said it.
    speaker: String,
    /// Roles at work.
    live: Vec<String>,
    /// Several were at work at once, and since then there was no moment without any: what the last of them says may
    /// be older than the end of another.
    beside: bool,
    progress: Progress,
    /// The run is a batch: its results follow as a table.
    batch: bool,
    /// The run is a workstream.
    steps: bool,
}

impl<O: Write, E: Write> Console<O, E> {
    pub fn new(out: O, err: E, volume: Volume, form: Form) -> Self {
        let progress = Progress::default();
        Self {
            out,
            err,
            volume,
            form,
            open_line: false,
            speaker: String::new(),
            live: Vec::new(),
            beside: false,
            progress,
            batch: false,
            steps: false,
        }
    }

    /// With `watched`, `err` is a terminal: how long an agent has been silent stands there, on a line that is
    /// written over.
    #[must_use]
    pub fn with_progress(mut self, watched: bool) -> Self {
        self.progress = Progress::new(watched && self.form == Form::Text && self.volume != Volume::Quiet);
        self
    }

    fn line(&mut self, text: &str) {
        self.close_line();
        // A reader that went away is no reason to end the run.
        let _ = writeln!(self.out, "{text}").and_then(|()| self.out.flush());
    }

    fn close_line(&mut self) {
        self.progress.clear(&mut self.err);
        if std::mem::take(&mut self.open_line) {
            let _ = writeln!(self.out);
        }
    }

    fn aside(&mut self, kind: &str, text: &str) {
        self.close_line();
        let _ = self.out.flush();
        let _ = writeln!(self.err, "{kind}: {text}");
    }

    /// An agent's text as it comes; where several are at work, each of its lines says whose it is.
    fn speak(&mut self, role: &str, text: &str) {
        self.progress.clear(&mut self.err);
        if self.speaker != role {
            self.close_line();
            role.clone_into(&mut self.speaker);
        }
        let mut shown = String::with_capacity(text.len());
        for line in text.split_inclusive('\n') {
            if self.beside && !self.open_line {
                shown.push_str(role);
                shown.push_str(" | ");
            }
            shown.push_str(line);
            self.open_line = !line.ends_with('\n');
        }
        let _ = self.out.write_all(shown.as_bytes()).and_then(|()| self.out.flush());
    }

    fn begin(
        &mut self,
        mode: &str,
        branch: Option<&str>,
        agents: &[(String, String)],
        limits: &str,
        state: &str,
    ) {
        let pairs: Vec<String> = agents.iter().map(|(r, a)| format!("{r}={a}")).collect();
        self.line(&format!("orchestrator {mode} · branch {} · {limits}", branch.unwrap_or("none")));
        self.line(&format!("agents: {}", pairs.join(", ")));
        self.line(&format!("state: {state}"));
    }

    /// What only workstreams tell; false: it is none of that.
    fn tell_steps(&mut self, event: &Event) -> bool {
        let verbose = self.volume == Volume::Verbose;
        match event {
            Event::RunStarted { mode, limits, state, .. } if mode == "workstream" => {
                self.steps = true;
                self.line(&format!("workstream {state}: {limits}"));
            }
            Event::RunEnded { outcome, duration, cost_usd, why, .. } if self.steps => {
                let took = duration_words(*duration);
                let cost = cost_usd.filter(|c| *c > 0.0).map_or_else(String::new, |c| format!(", ${c:.2}"));
                let word = if *outcome == crate::event::Ended::Succeeded { "done" } else { "ended" };
                self.line(&format!("{word} in {took}{cost}: {why}"));
            }
            Event::StepSkipped { step, reason } if self.steps => {
                self.line(&format!("{step} not run: {reason}"));
            }
            Event::RetryScheduled { step, attempt, delay_ms, .. } => {
                let delay = duration_words(std::time::Duration::from_millis(*delay_ms));
                self.line(&format!("{step}: attempt {attempt} in {delay}"));
            }
            Event::GateFailed { step, gate, status } => {
                self.aside("warning", &format!("{step}: gate failed ({status}): {gate}"));
            }
            Event::BreakerOpened { tool, failures } => {
                self.aside("warning", &format!("{tool}: {failures} failures in a row, its circuit is open"));
            }
            Event::BreakerClosed { tool } => self.aside("notice", &format!("{tool}: its circuit is closed")),
            Event::BudgetReached { budget, limit, used } if self.steps => {
                self.aside("warning", &format!("the budget is used up: {budget} {used} of {limit}"));
            }
            Event::RunQuarantined { reason, evidence } => {
                self.aside("warning", &format!("set aside: {reason}"));
                for line in evidence {
                    self.aside("warning", &format!("  {line}"));
                }
            }
            Event::ToolRouted { step, choice, rule, .. } if verbose => {
                let choice = choice.as_deref().unwrap_or("nobody");
                self.line(&format!("  route {step} → {choice} ({})", rule.as_deref().unwrap_or("no rule")));
            }
            Event::GatePassed { step, gate } if verbose => {
                self.line(&format!("  {step}: gate passed: {gate}"));
            }
            _ => return false,
        }
        true
    }

    fn tell(&mut self, event: &Event) {
        let verbose = self.volume == Volume::Verbose;
        match event {
            Event::RunStarted { mode, limits, .. } if mode == "batch" => {
                self.batch = true;
                self.line(&format!("batch: {limits}"));
            }
            Event::RunEnded { .. } if self.batch => {}
            Event::RunStarted { mode, branch, agents, limits, state } => {
                self.begin(mode, branch.as_deref(), agents, limits, state);
            }
            Event::RunEnded { turns, duration, cost_usd, why, next, .. } => {
                let took = duration_words(*duration);
                let turns = if *turns == 1 { "1 turn".to_owned() } else { format!("{turns} turns") };
                let cost = cost_usd.map_or_else(|| "cost unknown".to_owned(), |c| format!("${c:.2}"));
                self.line(&format!("{turns} in {took}, {cost}; {why}; next: {next}"));
            }
            Event::AttemptOutput { role, text } => self.speak(role, text),
            Event::AttemptQuiet { role, silent_ms, running_ms } => {
                if self.progress.on() {
                    self.close_line();
                    let _ = self.out.flush();
                    self.progress.show(&mut self.err, role, *silent_ms, *running_ms);
                }
            }
            Event::AttemptEnded { line, .. } => self.line(line),
            Event::Verdict { iteration, verdict, text } => {
                self.line(&verdict_words(*iteration, verdict, text.as_deref()));
            }
            Event::AttemptWarning { role, text } => self.aside("warning", &format!("{role}: {text}")),
            Event::CheckFailed { command, status, .. } => {
                self.aside("warning", &format!("check failed ({status}): {command}"));
            }
            Event::Autocommit { group, commit, paths, .. } => {
                let commit = commit.as_deref().unwrap_or("-");
                self.line(&format!("  committed {commit} {group}: {}", paths.join(", ")));
            }
            Event::AgentFallback { role, from, to, reason } => {
                self.aside("notice", &format!("{role}: {to} takes the turn of {from}: {reason}"));
            }
            Event::Waiting { role, why } => self.line(&format!("{role} waits: {why}")),
            Event::Takeover { role, epoch, from, reason } => {
                self.aside("notice", &format!("{role}: taken over from {from} with epoch {epoch}: {reason}"));
            }
            Event::Fenced { role, reason, .. } => {
                self.aside("warning", &format!("{role}: the turn is lost: {reason}"));
            }
            Event::Rescue { reference, why } => self.aside("warning", &format!("{why}; kept as {reference}")),
            Event::StopRequested { by, reason } => {
                let reason = reason.as_deref().map_or_else(String::new, |r| format!(": {r}"));
                self.line(&format!("stop requested by {by}{reason}"));
            }
            Event::Signal { name } => self.aside("notice", &format!("{name} received")),
            Event::Notice { text } => self.aside("notice", text),
            Event::Warning { text } => self.aside("warning", text),
            Event::PromptRouted { role, prompt, source, reason, .. } if verbose => {
                self.line(&format!("  route {role} → {prompt} ({source}: {reason})"));
            }
            Event::StateClaimed { iteration, role, turn_id, epoch, reclaimed } if verbose => {
                let word = if *reclaimed { "reclaim" } else { "claim" };
                self.line(&format!("  {word} iter {iteration} {role} turn {turn_id} epoch {epoch}"));
            }
            Event::AttemptStarted { agent, log, .. } if verbose => {
                self.line(&format!("  run {agent} · log {log}"));
            }
            Event::CheckPassed { command, .. } if verbose => self.line(&format!("  check passed: {command}")),
            Event::StateStamped { status, next, .. } if verbose => {
                self.line(&format!("  stamp {status} · next {next}"));
            }
            Event::AttemptIdle { role, silent_ms } => {
                self.aside("warning", &format!("{role}: silent for {} s", silent_ms / 1000));
            }
            Event::HookFailed { hook, error } => self.aside("warning", &format!("hook {hook}: {error}")),
            // What else there is belongs to the ledger; a line here would say nothing to a person who watches.
            Event::PromptRouted { .. }
            | Event::RunCreated { .. }
            | Event::RunInterrupted { .. }
            | Event::RunQuarantined { .. }
            | Event::RunReleased { .. }
            | Event::StepReady { .. }
            | Event::StepSkipped { .. }
            | Event::AttemptActive { .. }
            | Event::RateLimited { .. }
            | Event::RetryScheduled { .. }
            | Event::GateFailed { .. }
            | Event::BreakerOpened { .. }
            | Event::BreakerClosed { .. }
            | Event::BudgetReached { .. }
            | Event::ToolRouted { .. }
            | Event::OneshotState { .. }
            | Event::GatePassed { .. }
            | Event::BreakerHalfOpen { .. }
            | Event::StatePublished { .. }
            | Event::StateRejected { .. }
            | Event::LeaseRenewed { .. }
            | Event::LeaseLost { .. }
            | Event::StateClaimed { .. }
            | Event::AttemptStarted { .. }
            | Event::CheckPassed { .. }
            | Event::StateStamped { .. } => {}
        }
    }
}

/// An auditor's word, and the beginning of its reasons.
fn verdict_words(iteration: u32, verdict: &str, text: Option<&str>) -> String {
    let first = text.unwrap_or_default().lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or_default();
    let brief: String = first.chars().take(200).collect();
    let colon = if brief.is_empty() { "" } else { ": " };
    format!("audit {iteration}: {verdict}{colon}{brief}")
}

fn duration_words(d: std::time::Duration) -> String {
    crate::clock::duration(d)
}

impl<O: Write, E: Write> Sink for Console<O, E> {
    fn emit(&mut self, event: Event) {
        self.emit_at(&Place::default(), event);
    }

    fn emit_at(&mut self, place: &Place, event: Event) {
        if self.form == Form::Json {
            let envelope = Envelope::at(jiff::Timestamp::now(), place.clone(), event);
            if let Ok(text) = serde_json::to_string(&envelope) {
                self.line(&text);
            }
            return;
        }
        match &event {
            Event::AttemptStarted { role, .. } => self.live.push(role.clone()),
            Event::AttemptEnded { role, .. } => self.live.retain(|live| live != role),
            _ => {}
        }
        self.beside = self.live.len() > 1 || (self.beside && !self.live.is_empty());
        if self.volume == Volume::Quiet {
            if let Event::Warning { text } = &event {
                self.aside("warning", text);
            }
            return;
        }
        if !self.tell_steps(&event) {
            self.tell(&event);
        }
    }
}

#[cfg(test)]
mod tests;

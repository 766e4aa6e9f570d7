//! The loop's words on the terminal (turns.md T38).

use std::io::Write;

use crate::event::{Envelope, Event, Sink};

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
}

impl<O: Write, E: Write> Console<O, E> {
    pub fn new(out: O, err: E, volume: Volume, form: Form) -> Self {
        Self { out, err, volume, form, open_line: false }
    }

    fn line(&mut self, text: &str) {
        self.close_line();
        // A reader that went away is no reason to end the run.
        let _ = writeln!(self.out, "{text}").and_then(|()| self.out.flush());
    }

    fn close_line(&mut self) {
        if std::mem::take(&mut self.open_line) {
            let _ = writeln!(self.out);
        }
    }

    fn aside(&mut self, kind: &str, text: &str) {
        self.close_line();
        let _ = self.out.flush();
        let _ = writeln!(self.err, "{kind}: {text}");
    }

    fn tell(&mut self, event: &Event) {
        let verbose = self.volume == Volume::Verbose;
        match event {
            Event::RunStarted { mode, branch, agents, limits, state } => {
                let branch = branch.as_deref().unwrap_or("none");
                let pairs: Vec<String> = agents.iter().map(|(r, a)| format!("{r}={a}")).collect();
                self.line(&format!("orchestrator {mode} · branch {branch} · {limits}"));
                self.line(&format!("agents: {}", pairs.join(", ")));
                self.line(&format!("state: {state}"));
            }
            Event::RunEnded { turns, duration, cost_usd, why, next } => {
                let took = duration_words(*duration);
                let turns = if *turns == 1 { "1 turn".to_owned() } else { format!("{turns} turns") };
                let cost = cost_usd.map_or_else(|| "cost unknown".to_owned(), |c| format!("${c:.2}"));
                self.line(&format!("{turns} in {took}, {cost}; {why}; next: {next}"));
            }
            Event::AttemptOutput { text, .. } => {
                let _ = self.out.write_all(text.as_bytes());
                self.open_line = !text.ends_with('\n');
                let _ = self.out.flush();
            }
            Event::AttemptEnded { line, .. } => self.line(line),
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
            Event::PromptRouted { .. }
            | Event::StateClaimed { .. }
            | Event::AttemptStarted { .. }
            | Event::CheckPassed { .. }
            | Event::StateStamped { .. }
            // The lines that follow them say it.
            | Event::RateLimited { .. }
            | Event::BudgetReached { .. } => {}
        }
    }
}

fn duration_words(d: std::time::Duration) -> String {
    crate::turns::words::duration(d)
}

impl<O: Write, E: Write> Sink for Console<O, E> {
    fn emit(&mut self, event: Event) {
        if self.form == Form::Json {
            let envelope = Envelope::new(jiff::Timestamp::now(), event);
            if let Ok(text) = serde_json::to_string(&envelope) {
                self.line(&text);
            }
            return;
        }
        if self.volume == Volume::Quiet {
            if let Event::Warning { text } = &event {
                self.aside("warning", text);
            }
            return;
        }
        self.tell(&event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(volume: Volume, events: Vec<Event>) -> (String, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut console = Console::new(&mut out, &mut err, volume, Form::Text);
        for event in events {
            console.emit(event);
        }
        (String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    /// T38: three lines at the start, agent text plain, one line a turn, one at the end.
    #[test]
    fn the_account_of_a_run() {
        let events = vec![
            Event::RunStarted {
                mode: "combined".into(),
                branch: Some("work".into()),
                agents: vec![("galph".into(), "shell".into())],
                limits: "1 iteration".into(),
                state: "iteration 1, galph's turn, idle".into(),
            },
            Event::AttemptOutput { role: "galph".into(), text: "no line end".into() },
            Event::Warning { text: "careful".into() },
            Event::AttemptEnded { role: "galph".into(), line: "iter 1 galph".into(), ok: true },
            Event::RunEnded {
                turns: 1,
                duration: std::time::Duration::from_secs(61),
                cost_usd: None,
                why: "all iterations taken".into(),
                next: "orchestrator".into(),
            },
        ];
        let (out, err) = shown(Volume::Normal, events.clone());
        assert_eq!(
            out,
            "orchestrator combined · branch work · 1 iteration\nagents: galph=shell\nstate: iteration 1, galph's turn, idle\nno line end\niter 1 galph\n1 turn in 1m01s, cost unknown; all iterations taken; next: orchestrator\n"
        );
        assert_eq!(err, "warning: careful\n");
        assert_eq!(shown(Volume::Quiet, events), (String::new(), "warning: careful\n".into()));
    }
}

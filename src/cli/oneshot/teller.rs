//! Tells a session's facts as events, and keeps the copy of its activity log.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::event::{Event, Sink};
use crate::oneshot::{Fact, Observer, Settings};
use crate::supervise::{Activity, Kind, Outcome};
use crate::turns::words::duration;

/// Between copies of the activity log while an agent runs, milliseconds.
const COPY_EVERY_MS: i64 = 200;

pub(super) struct Teller<S> {
    sink: S,
    root: PathBuf,
    branch: Option<String>,
    copy: Option<Copy>,
}

/// What was copied so far.
struct Copy {
    from: PathBuf,
    at: u64,
    to: File,
    last_ms: i64,
}

impl<S: Sink> Teller<S> {
    pub(super) fn new(sink: S, settings: &Settings, copy: Option<&Path>) -> io::Result<Self> {
        let to = copy.map(|path| OpenOptions::new().append(true).create(true).mode(0o600).open(path));
        let copy = to.transpose()?.map(|to| Copy { from: PathBuf::new(), at: 0, to, last_ms: 0 });
        let branch = super::look::branch(settings);
        Ok(Self { sink, root: settings.root.clone(), branch, copy })
    }

    fn copy(&mut self) {
        let Some(copy) = &mut self.copy else { return };
        let copied = copy.go_on();
        if let Err(e) = copied {
            self.copy = None;
            self.sink.emit(Event::Warning { text: format!("the copy of the activity log ends here: {e}") });
        }
    }

    fn activity(&mut self, role: &str, plain: bool, activity: &Activity) {
        if let Some(event) = shown(role, plain, activity) {
            self.sink.emit(event);
        }
        if let Some(copy) = &mut self.copy
            && activity.ts_ms - copy.last_ms >= COPY_EVERY_MS
        {
            copy.last_ms = activity.ts_ms;
            self.copy();
        }
    }
}

impl Copy {
    fn go_on(&mut self) -> io::Result<()> {
        let mut from = match File::open(&self.from) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        from.seek(SeekFrom::Start(self.at))?;
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes)?;
        self.to.write_all(&bytes)?;
        self.at += bytes.len() as u64;
        Ok(())
    }
}

impl<S: Sink> Observer for Teller<S> {
    fn hear(&mut self, fact: &Fact<'_>) {
        match fact {
            Fact::Began { session, folder, resumed } => {
                let folder = folder.strip_prefix(&self.root).unwrap_or(folder);
                let seat = |role: &str, name: &str| (role.to_owned(), name.to_owned());
                if let Some(copy) = &mut self.copy {
                    copy.from = self.root.join(folder).join("activity.ndjson");
                    // What a resumed session did before was copied then.
                    copy.at = if *resumed { std::fs::metadata(&copy.from).map_or(0, |m| m.len()) } else { 0 };
                }
                let word = if *resumed { "resumes" } else { "begins" };
                self.sink.emit(Event::RunStarted {
                    mode: "oneshot".into(),
                    branch: self.branch.clone(),
                    agents: vec![
                        seat("worker", &session.worker.agent),
                        seat("auditor", &session.auditor.agent),
                    ],
                    limits: format!("at most {} worker runs", session.max_iterations),
                    state: format!(
                        "session {} {word}: {} in {}",
                        session.id,
                        session.state.name(),
                        folder.display()
                    ),
                });
            }
            Fact::AttemptStarted { session, role, agent, log, .. } => self.sink.emit(Event::AttemptStarted {
                iteration: session.iteration,
                role: role.name().into(),
                prompt: format!("{} prompt", role.name()),
                agent: (*agent).to_owned(),
                log: log.strip_prefix(&self.root).unwrap_or(log).to_string_lossy().into_owned(),
            }),
            Fact::Activity { role, plain, activity } => self.activity(role.name(), *plain, activity),
            Fact::AttemptEnded { session, role, outcome, .. } => {
                self.copy();
                let line = ended(session.iteration, session.max_iterations, role.name(), outcome);
                let role = role.name().to_owned();
                self.sink.emit(Event::AttemptEnded { role, line, ok: outcome.succeeded() });
            }
            Fact::Verdict { session, verdict, feedback, unclear } => {
                let first = feedback.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or_default();
                let brief: String = first.chars().take(200).collect();
                let words = match (unclear, brief.is_empty()) {
                    (true, _) => format!("gave no verdict, which counts as {}: {brief}", verdict.word()),
                    (false, true) => verdict.word().to_owned(),
                    (false, false) => format!("{}: {brief}", verdict.word()),
                };
                let line = format!("oneshot {} auditor {words}", session.iteration);
                self.sink.emit(Event::AttemptEnded { role: "auditor".into(), line, ok: true });
            }
            Fact::Check { command, failed } => {
                let (role, command) = ("auditor".to_owned(), (*command).to_owned());
                self.sink.emit(match failed {
                    None => Event::CheckPassed { role, command },
                    Some(status) => Event::CheckFailed { role, command, status: (*status).to_owned() },
                });
            }
            Fact::Warning { text } => self.sink.emit(Event::Warning { text: (*text).to_owned() }),
            Fact::Moved { .. } | Fact::Ended { .. } => self.copy(),
        }
    }
}

fn ended(iteration: u64, most: u64, role: &str, outcome: &Outcome) -> String {
    let state = if outcome.succeeded() {
        "ok".to_owned()
    } else {
        format!("failed ({})", outcome.error.as_deref().unwrap_or(outcome.error_kind.name()))
    };
    let cost = outcome.usage.and_then(|u| u.cost_usd).map_or_else(String::new, |c| format!(" ${c:.2}"));
    format!("oneshot {iteration}/{most} {role} {state} {}{cost}", duration(outcome.duration))
}

/// What of an activity a person sees: text plain, tool calls one line each, never raw records.
fn shown(role: &str, plain: bool, activity: &Activity) -> Option<Event> {
    let output = |text: String| Some(Event::AttemptOutput { role: role.to_owned(), text });
    let warning = |text: String| Some(Event::AttemptWarning { role: role.to_owned(), text });
    match &activity.kind {
        Kind::Output { bytes } => {
            let text = String::from_utf8_lossy(bytes);
            if !plain && text.trim_start().starts_with(['{', '[']) { None } else { output(text.into_owned()) }
        }
        Kind::Message { text } => output(format!("{}\n", text.trim_end())),
        Kind::ToolUse { name, input, .. } => {
            let brief: String = input.to_string().chars().take(120).collect();
            output(format!("  > {name} {brief}\n"))
        }
        Kind::Warning { text } => warning(text.clone()),
        Kind::Idle { silent_ms } => warning(format!("silent for {} s", silent_ms / 1000)),
        Kind::Terminate { reason, .. } => warning(format!("ending the agent: {reason}")),
        Kind::Leak(leak) => {
            let words = leak.argv.join(" ");
            warning(format!("ended a process the agent left behind: pid {} ({words})", leak.pid))
        }
        _ => None,
    }
}

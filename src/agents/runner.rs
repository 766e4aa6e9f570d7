//! Runs a turn's agent through the supervisor, whatever kind it is.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::blocks::{Block, blocks};
use super::command::{MAX_ARG_BYTES, fill};
use super::discover::Ready;
use super::http;
use super::output::Protocol;
use super::table::layered;
use crate::clock::Clock;
use crate::config::{Delivery, Limits, Pty, Supervision};
use crate::supervise::{
    self, Activity, ActivityTag, ErrorKind, Failure, Kind, Lifecycle, Outcome, RawLog, Redactor, Repeat,
    Request, Stdin, Stop,
};

/// Variables that make an agent refuse to start.
pub(super) const REFUSALS: &[&str] = &["CLAUDECODE"];

/// Silence allowed to agents whose output is plain text: they often print nothing until the end.
const TEXT_INACTIVITY_SECS: u64 = 1800;
/// The same for agents that stream records.
const STREAM_INACTIVITY_SECS: u64 = 900;

/// One prompt for one agent.
pub struct Job<'a> {
    pub ready: &'a Ready,
    /// Context block and prompt.
    pub prompt: String,
    /// The prompt file alone: what the embedded agent reads blocks from.
    pub prompt_file: &'a str,
    pub root: &'a Path,
    /// Private folder for prompts that go by file.
    pub private: &'a Path,
    pub env: Vec<(String, String)>,
    pub attempt: String,
    pub supervision: &'a Supervision,
    /// The role's own limits, which win over the agent's.
    pub limits: Limits,
    pub log: Option<&'a File>,
    pub activity_log: Option<PathBuf>,
    pub redactor: Arc<Redactor>,
    pub tag: ActivityTag,
    /// PATH, to find the shells.
    pub path: OsString,
}

/// Runs the job to its end.
pub async fn run_agent(
    job: Job<'_>,
    stop: &Stop,
    clock: &dyn Clock,
    on_activity: &mut dyn FnMut(&Activity),
) -> Outcome {
    if job.ready.program.is_none() {
        return run_blocks(&job, stop, clock, on_activity).await;
    }
    match job.request(clock) {
        Ok((request, file)) => {
            let mut over = Protocol::named(&job.ready.agent.output).is_none();
            let mut hear = |activity: &Activity| {
                over |= matches!(activity.kind, Kind::Result { .. });
                on_activity(activity);
            };
            let outcome = supervise::run(request, stop, clock, &mut hear).await;
            if let Some(file) = file {
                // A prompt that stays behind is private and harmless.
                let _ = fs::remove_file(file);
            }
            if over { outcome } else { broken_off(outcome) }
        }
        Err(e) => refused(&job, clock, format!("the prompt could not be handed over: {e}")),
    }
}

impl Job<'_> {
    fn request(&self, _clock: &dyn Clock) -> io::Result<(Request, Option<PathBuf>)> {
        let agent = &self.ready.agent;
        let long = self.prompt.len() > MAX_ARG_BYTES;
        let mut file = None;
        if agent.prompt == Delivery::File || (agent.prompt == Delivery::Arg && long) {
            let path = self.private.join(format!("prompt-{}.md", self.attempt));
            write_private(&path, &self.prompt)?;
            file = Some(path);
        }
        let file_text = file.as_ref().map(|p| p.to_string_lossy().into_owned());
        let argument = match (&file_text, agent.prompt) {
            (Some(path), Delivery::Arg) => Some(format!("Follow the instructions in the file {path}")),
            (None, Delivery::Arg) => Some(self.prompt.clone()),
            _ => None,
        };
        let model = agent.model.as_ref();
        let model_value = model.and_then(|m| m.value.as_deref());
        let workdir = self.root.to_string_lossy().into_owned();
        let values = [
            ("{prompt}", argument.as_deref()),
            ("{prompt_file}", file_text.as_deref()),
            ("{model}", model_value),
            ("{session}", None),
            ("{workdir}", Some(workdir.as_str())),
        ];
        let mut argv = fill(&agent.command, &values);
        let names = |placeholder: &str| agent.command.iter().any(|w| w == placeholder);
        if let (Some(flag), Some(value)) = (model.and_then(|m| m.flag.clone()), model_value)
            && !names("{model}")
        {
            argv.splice(1..1, [flag, value.to_owned()]);
        }
        if let Some(argument) = argument.filter(|_| !names("{prompt}")) {
            argv.push(argument);
        } else if agent.prompt == Delivery::File && !names("{prompt_file}") {
            argv.extend(file_text);
        }
        if let (Some(program), Some(first)) = (&self.ready.program, argv.first_mut()) {
            *first = program.to_string_lossy().into_owned();
        }
        let stdin = match agent.prompt {
            Delivery::Stdin | Delivery::Body => Stdin::Bytes(self.prompt.clone().into_bytes()),
            Delivery::File | Delivery::Arg => Stdin::Null,
        };
        let request =
            self.base(argv.into_iter().map(OsString::from).collect(), self.attempt.clone(), stdin)?;
        Ok((request, file))
    }

    /// What every process of this job shares.
    fn base(&self, argv: Vec<OsString>, attempt: String, stdin: Stdin) -> io::Result<Request> {
        let agent = &self.ready.agent;
        let mut env: Vec<(OsString, OsString)> =
            agent.env.iter().map(|(k, v)| (k.into(), v.into())).collect();
        env.extend(self.env.iter().map(|(k, v)| (k.into(), v.into())));
        let mut request = Request::new(argv, self.root.to_owned(), attempt);
        // Survivors are looked for by project; a task may work in a folder below it.
        self.private.parent().unwrap_or(self.root).clone_into(&mut request.marker_root);
        request.env = env;
        request.env_remove = REFUSALS.iter().map(OsString::from).collect();
        request.stdin = stdin;
        request.limits = self.limits();
        request.success_codes.clone_from(&agent.success_codes);
        request.parser = Protocol::named(&agent.output).map(Protocol::parser);
        request.raw_log = match self.log {
            Some(file) => Some(RawLog::file(file.try_clone()?, self.supervision.log_max_bytes)),
            None => None,
        };
        request.activity_log.clone_from(&self.activity_log);
        if agent.http.is_some() || agent.output == "ndjson" {
            request.parser = Some(Box::new(http::Records));
        }
        request.redactor = Arc::clone(&self.redactor);
        request.pty = match (agent.pty, self.supervision.pty) {
            (Pty::Always, _) | (Pty::Auto, Pty::Always) => true,
            (Pty::Never, _) | (Pty::Auto, Pty::Auto | Pty::Never) => false,
        };
        request.repeat = match self.supervision.repeat {
            crate::config::Repeat::Warn => Repeat::Warn,
            crate::config::Repeat::Interrupt => Repeat::Interrupt,
        };
        request.tag = self.tag.clone();
        Ok(request)
    }

    /// The role's limits, else the agent's, else the general ones.
    fn limits(&self) -> supervise::Limits {
        let own = layered(self.limits, self.ready.agent.limits);
        let general = self.supervision;
        let by_output =
            if self.ready.agent.output == "text" { TEXT_INACTIVITY_SECS } else { STREAM_INACTIVITY_SECS };
        let silence = own.inactivity_secs.or(general.inactivity_secs);
        supervise::Limits {
            idle: own.idle_secs.unwrap_or(general.idle_secs).0,
            inactivity: silence.map_or(std::time::Duration::from_secs(by_output), |s| s.0),
            tool: own.tool_secs.unwrap_or(general.tool_secs).0,
            timeout: own.timeout_secs.unwrap_or(general.timeout_secs).0,
            result_grace: own.result_grace_secs.unwrap_or(general.result_grace_secs).0,
            grace: own.grace_secs.unwrap_or(general.grace_secs).0,
            log_max_bytes: general.log_max_bytes,
        }
    }
}

/// The embedded agent: each block is a process of its own, the first failure ends the turn.
async fn run_blocks(
    job: &Job<'_>,
    stop: &Stop,
    clock: &dyn Clock,
    on_activity: &mut dyn FnMut(&Activity),
) -> Outcome {
    let list = match blocks(job.prompt_file) {
        Ok(list) => list,
        Err(e) => return refused(job, clock, e.to_string()),
    };
    let mut total: Option<Outcome> = None;
    for block in &list {
        let outcome = match job.block_request(block) {
            Ok((request, file)) => {
                let outcome = supervise::run(request, stop, clock, on_activity).await;
                if let Some(file) = file {
                    let _ = fs::remove_file(file);
                }
                outcome
            }
            Err(e) => refused(job, clock, e),
        };
        let mut sum = match total.take() {
            None => outcome,
            Some(before) => join(before, outcome),
        };
        if !sum.succeeded() {
            let place = format!("block {} (line {}) failed", block.number, block.line);
            sum.error = Some(sum.error.map_or(place.clone(), |e| format!("{place}: {e}")));
            return sum;
        }
        total = Some(sum);
    }
    total.unwrap_or_else(|| refused(job, clock, "no block".into()))
}

impl Job<'_> {
    /// The script goes as an argument, so that a block may read its own (empty) stdin; a long one
    /// goes by file.
    fn block_request(&self, block: &Block) -> Result<(Request, Option<PathBuf>), String> {
        let shell = super::discover::find_on_path(&block.shell, &self.path, self.root)
            .ok_or_else(|| format!("`{}` is not on PATH", block.shell))?;
        let attempt = format!("{}.{}", self.attempt, block.number);
        let mut argv = vec![shell.into_os_string(), "-eu".into()];
        let mut file = None;
        if block.script.len() > MAX_ARG_BYTES {
            let path = self.private.join(format!("block-{attempt}.sh"));
            write_private(&path, &block.script).map_err(|e| e.to_string())?;
            argv.push(path.clone().into_os_string());
            file = Some(path);
        } else {
            argv.push("-c".into());
            argv.push(OsString::from(&block.script));
        }
        let request = self.base(argv, attempt, Stdin::Null).map_err(|e| e.to_string())?;
        Ok((request, file))
    }
}

fn join(before: Outcome, last: Outcome) -> Outcome {
    let mut leaked = before.leaked;
    leaked.extend(last.leaked.iter().cloned());
    Outcome {
        started_at: before.started_at,
        duration: before.duration + last.duration,
        stdout_bytes: before.stdout_bytes + last.stdout_bytes,
        stderr_bytes: before.stderr_bytes + last.stderr_bytes,
        logs_incomplete: before.logs_incomplete || last.logs_incomplete,
        last_lines: if last.last_lines.is_empty() { before.last_lines } else { last.last_lines },
        leaked,
        ..last
    }
}

/// An agent that ends well and never said that its turn is over did not finish it.
fn broken_off(outcome: Outcome) -> Outcome {
    if !outcome.succeeded() {
        return outcome;
    }
    let text = "the agent's output ended without a final record".to_owned();
    Outcome {
        error_kind: ErrorKind::AgentError,
        state: Lifecycle::Failed(Failure::AgentError(text.clone())),
        error: Some(text),
        ..outcome
    }
}

/// An outcome without a process.
fn refused(job: &Job<'_>, clock: &dyn Clock, error: String) -> Outcome {
    Outcome {
        argv: job.ready.agent.command.iter().map(OsString::from).collect(),
        state: Lifecycle::Failed(Failure::Spawn(error.clone())),
        error: Some(error),
        ..Outcome::without_process(clock.now())
    }
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

//! One process of an attempt: the step's own command, its agent, or a gate.

use std::ffi::OsString;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::setting::Setting;
use crate::agents::http::{Records, own_program};
use crate::agents::{Job, Ready, find_on_path, note, run_agent, shown};
use crate::clock::Clock;
use crate::config::Limits;
use crate::config::duration::Secs;
use crate::control::LiveAttempt;
use crate::event::Event;
use crate::supervise::{
    self, Activity, ActivityTag, ErrorKind, Kind, LogTarget, Outcome, RawLog, Request, Stdin, Stop, Stream,
};
use crate::workstreams::http;

/// The interpreter's own part of a `python` step: the function is given what stands on stdin, and its answer is the
/// last line on stdout.
const PYTHON: &str = "import sys, json, importlib
sys.path.insert(0, '')
module, function = sys.argv[1].split(':', 1)
target = importlib.import_module(module)
for part in function.split('.'):
    target = getattr(target, part)
answer = target(json.load(sys.stdin))
sys.stdout.flush()
print()
print('orchestrator-answer:' + json.dumps(answer))
";

/// What stands before a function's answer.
const ANSWER: &[u8] = b"orchestrator-answer:";
/// Of a command's output so much is kept for whoever asks for it.
const KEPT: usize = 64 * 1024;

/// What all processes of an attempt share.
pub(super) struct Bench<'a> {
    pub setting: &'a Setting,
    pub clock: &'a dyn Clock,
    pub run_id: &'a str,
    pub step: &'a str,
    pub attempt: &'a str,
    pub stop: &'a Stop,
    pub seen: &'a LiveAttempt,
    pub log: Log<'a>,
    pub env: Vec<(String, String)>,
    pub hear: &'a dyn Fn(Event),
}

/// Where an attempt's output goes.
#[derive(Clone, Copy)]
pub(super) enum Log<'a> {
    Open(&'a File),
    /// Made with the first byte; for an attempt of one process.
    New(&'a Path),
}

/// What is run.
pub(super) enum Program<'a> {
    Argv(&'a [String]),
    Shell(&'a str),
    Python(&'a str),
    /// A request, as JSON on standard input.
    Http,
}

/// How a process ended, and what it printed.
pub(super) struct Ran {
    pub outcome: Outcome,
    /// The beginning of its standard output.
    pub stdout: Vec<u8>,
    /// What a python function answered.
    pub answer: Option<serde_json::Value>,
    /// Of all it printed, in its order.
    pub hash: u64,
    /// Whom a rate limit would refuse; a command: none.
    pub by: Option<String>,
}

/// FNV-1a: the same for the same bytes in every program.
pub(super) fn hash(seed: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(seed, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3))
}

pub(super) const HASH: u64 = 0xcbf2_9ce4_8422_2325;

/// Collects what a process prints while it is passed on.
struct Catch<'b> {
    bench: &'b Bench<'b>,
    plain: bool,
    python: bool,
    stdout: Vec<u8>,
    line: Vec<u8>,
    answer: Option<serde_json::Value>,
    hash: u64,
}

impl<'b> Catch<'b> {
    fn new(bench: &'b Bench<'b>, plain: bool, python: bool) -> Self {
        Self { bench, plain, python, stdout: Vec::new(), line: Vec::new(), answer: None, hash: HASH }
    }

    fn hear(&mut self, activity: &Activity) {
        note(self.bench.seen, activity);
        match &activity.kind {
            Kind::Output { bytes } => {
                self.hash = hash(self.hash, bytes);
                if activity.stream == Some(Stream::Stdout) {
                    let room = KEPT.saturating_sub(self.stdout.len());
                    self.stdout.extend_from_slice(&bytes[..bytes.len().min(room)]);
                    if self.python {
                        self.take(bytes);
                    }
                }
            }
            Kind::Message { text } => self.hash = hash(self.hash, text.as_bytes()),
            _ => {}
        }
        if let Some(event) = shown(self.bench.step, activity, self.plain) {
            (self.bench.hear)(event);
        }
    }

    /// Lines may come in pieces.
    fn take(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|b| *b == b'\n') {
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") {
                if let Some(json) = self.line.strip_prefix(ANSWER) {
                    self.answer = serde_json::from_slice(json).ok();
                }
                self.line.clear();
            }
        }
    }
}

impl Bench<'_> {
    fn tag(&self, agent: &str) -> ActivityTag {
        ActivityTag {
            run: self.run_id.to_owned(),
            role: self.step.to_owned(),
            iteration: None,
            agent: agent.to_owned(),
        }
    }

    /// Runs a command. `marked`: its own part of the attempt's mark.
    ///
    /// # Errors
    /// It could not even be tried, in words.
    pub async fn command(
        &self,
        program: Program<'_>,
        stdin: Stdin,
        timeout: Option<Secs>,
        marked: &str,
    ) -> Result<Ran, String> {
        let setting = self.setting;
        let python = matches!(program, Program::Python(_));
        let http = matches!(program, Program::Http);
        let find = |name: &str| {
            find_on_path(name, &setting.path, &setting.root)
                .map(std::path::PathBuf::into_os_string)
                .ok_or_else(|| format!("`{name}` is not on PATH"))
        };
        let argv: Vec<OsString> = match program {
            Program::Argv(words) => {
                let (name, rest) = words.split_first().ok_or("the command is empty")?;
                std::iter::once(find(name)?).chain(rest.iter().map(OsString::from)).collect()
            }
            Program::Shell(line) => vec![find("sh")?, "-eu".into(), "-c".into(), line.into()],
            Program::Python(function) => {
                let interpreter = find("python3").or_else(|_| find("python"))?;
                vec![interpreter, "-c".into(), PYTHON.into(), function.into()]
            }
            Program::Http => {
                let own = own_program().ok_or("this program does not find its own file")?;
                vec![own.into_os_string(), http::COMMAND.into()]
            }
        };
        let mut request = Request::new(argv, setting.root.clone(), format!("{}{marked}", self.attempt));
        request.env = self.env.iter().map(|(k, v)| (k.into(), v.into())).collect();
        request.stdin = stdin;
        let general = &setting.config.supervision;
        request.limits = supervise::Limits {
            idle: general.idle_secs.0,
            // A command prints what it likes; only what a person set ends a silent one.
            inactivity: general.inactivity_secs.map_or(Duration::ZERO, |s| s.0),
            tool: general.tool_secs.0,
            timeout: timeout.unwrap_or(general.timeout_secs).0,
            result_grace: general.result_grace_secs.0,
            grace: general.grace_secs.0,
            log_max_bytes: general.log_max_bytes,
        };
        let target = match self.log {
            Log::Open(file) => LogTarget::File(file.try_clone().map_err(|e| e.to_string())?),
            Log::New(path) => LogTarget::New(path.to_owned()),
        };
        request.raw_log = Some(RawLog { target, max_bytes: general.log_max_bytes });
        request.redactor = Arc::clone(&setting.redactor);
        request.tag = self.tag("");
        if http {
            request.parser = Some(Box::new(Records));
        }
        let mut catch = Catch::new(self, !http, python);
        let outcome = supervise::run(request, self.stop, self.clock, &mut |a| catch.hear(a)).await;
        Ok(Ran { outcome, stdout: catch.stdout, answer: catch.answer, hash: catch.hash, by: None })
    }

    /// Sends a request. `name`: of the tool.
    pub async fn http(
        &self,
        name: &str,
        call: &http::Call,
        timeout: Option<Secs>,
        marked: &str,
    ) -> Result<Ran, String> {
        let bytes = serde_json::to_vec(call).map_err(|e| e.to_string())?;
        let mut ran = self.command(Program::Http, Stdin::Bytes(bytes), timeout, marked).await?;
        if ran.outcome.exit.code() == Some(i32::from(http::REFUSED)) && !ran.outcome.succeeded() {
            ran.outcome.error_kind = ErrorKind::InvalidRequest;
        }
        // What conditions can look into is more than a text.
        let said = ran.outcome.final_message.as_deref().unwrap_or_default();
        ran.answer = serde_json::from_str(said).ok().filter(|value: &serde_json::Value| {
            ran.outcome.succeeded() && (value.is_object() || value.is_array())
        });
        // A server answers the same twice by its nature.
        (ran.hash, ran.by) = (HASH, Some(name.to_owned()));
        Ok(ran)
    }

    /// Runs an agent.
    pub async fn agent(
        &self,
        ready: &Ready,
        prompt: &str,
        timeout: Option<Secs>,
        activity_log: &Path,
    ) -> Ran {
        let setting = self.setting;
        let job = Job {
            ready,
            prompt: prompt.to_owned(),
            prompt_file: prompt,
            root: &setting.root,
            private: &setting.private,
            env: self.env.clone(),
            attempt: self.attempt.to_owned(),
            supervision: &setting.config.supervision,
            limits: Limits { timeout_secs: timeout, ..Limits::default() },
            log: match self.log {
                Log::Open(file) => Some(file),
                Log::New(_) => None,
            },
            activity_log: Some(activity_log.to_owned()),
            redactor: Arc::clone(&setting.redactor),
            tag: self.tag(&ready.agent.name),
            path: setting.path.clone(),
        };
        let mut catch = Catch::new(self, ready.agent.output == "text", false);
        let outcome = run_agent(job, self.stop, self.clock, &mut |a| catch.hear(a)).await;
        let by = Some(ready.agent.name.clone());
        Ran { outcome, stdout: catch.stdout, answer: None, hash: catch.hash, by }
    }
}

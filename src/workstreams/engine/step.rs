//! One attempt at a step, from its process to its gates.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::book::Book;
use super::catalog::{Agents, Catalog, Means};
use super::gate::{self, Found, status};
use super::limits::{Limited, Refused};
use super::process::{Bench, Log, Program, Ran};
use super::request::{Request, Work};
use super::saved::session_file;
use super::setting::Setting;
use super::{audited, watch};
use crate::clock::{Clock, duration};
use crate::config::duration::Secs;
use crate::control::LiveAttempt;
use crate::event::{AttemptResult, Ended, Event, Place};
use crate::ids::Ids;
use crate::supervise::{ErrorKind, Lifecycle, Stdin, Stop};
use crate::workstreams::http::plan;
use crate::workstreams::quarantine::signature;
use crate::workstreams::retry::Trouble;
use crate::workstreams::scope::{Scope, violations};
use crate::workstreams::spec::{Gate, Spec, Step};

/// Of an output file so much is looked at by conditions.
const OUTPUT: u64 = 64 * 1024;

/// What the attempts of a run share.
pub(super) struct Ground<'a> {
    pub setting: &'a Setting,
    pub spec: &'a Spec,
    pub catalog: &'a Catalog,
    pub agents: &'a Agents,
    pub run_id: &'a str,
    pub clock: Arc<dyn Clock>,
    pub ids: &'a dyn Ids,
    pub book: &'a Book<'a>,
    pub logs: PathBuf,
    /// The scope of each step.
    pub scopes: &'a [Option<Scope>],
    /// Of each step that runs, those that ran at the same time, itself included.
    pub beside: RefCell<BTreeMap<usize, Vec<usize>>>,
    pub limits: Limited,
}

/// An attempt that is about to begin; its start is recorded.
pub(super) struct Start {
    pub step: usize,
    pub request: Request,
    pub log: PathBuf,
    /// Why it cannot be run at all.
    pub refused: Option<String>,
    pub validate_with: Vec<String>,
    pub stop: Stop,
    pub seen: LiveAttempt,
    /// The trial of a half-open circuit.
    pub trial: bool,
    /// What a python function is given.
    pub facts: Value,
}

/// An attempt that has ended.
pub(super) struct Done {
    pub step: usize,
    pub attempt: String,
    pub number: u64,
    pub tool: Option<String>,
    pub trial: bool,
    pub ended: Ended,
    pub trouble: Trouble,
    pub result: AttemptResult,
    /// What is compared with other errors.
    pub signature: String,
    /// What is compared with other outputs; none: a command's, or nothing was said.
    pub hash: Option<u64>,
    pub outputs: BTreeMap<String, String>,
    pub answer: Value,
    pub took: Duration,
    /// Paths outside all scopes.
    pub outside: Vec<String>,
    /// A rate limit was in the way, and that is no failure here.
    pub refused: Option<Refused>,
    /// Nobody was asked: it says nothing about the tool.
    pub unasked: bool,
    pub seen: LiveAttempt,
}

/// How the work itself, or what must hold after it, came out.
struct Verdict {
    ended: Ended,
    trouble: Trouble,
    kind: String,
    error: Option<String>,
}

impl Verdict {
    fn failed(trouble: Trouble, kind: &str, error: String) -> Self {
        Self { ended: Ended::Failed, trouble, kind: kind.to_owned(), error: Some(error) }
    }
}

impl Ground<'_> {
    pub fn place(&self, attempt: &str) -> Place {
        Place::run(self.run_id).attempt(attempt)
    }

    /// Runs an attempt to its end, whatever that is.
    pub async fn attempt(&self, start: Start) -> Done {
        let began = self.clock.awake();
        let place = self.place(&start.request.attempt);
        let room = Cell::new(self.setting.config.supervision.log_max_bytes);
        let hear = |event: Event| self.hear(&place, &room, event);
        let step = &self.spec.steps[start.step];
        let mut ran = None;
        let mut outputs = BTreeMap::new();
        let mut outside = Vec::new();
        let mut refused = None;
        let mut unasked = false;
        let verdict = if let Some(why) = start.refused.clone().or_else(|| start.request.problem()) {
            unasked = true;
            Verdict::failed(Trouble::Invalid, ErrorKind::InvalidRequest.name(), why)
        } else {
            match log_of(&start, step) {
                Err(e) => Verdict::failed(Trouble::Spawn, "os", format!("{}: {e}", start.log.display())),
                Ok(log) => {
                    let before = self.look_before(start.step);
                    let bench = Bench {
                        setting: self.setting,
                        clock: &*self.clock,
                        run_id: self.run_id,
                        step: &step.id,
                        attempt: &start.request.attempt,
                        stop: &start.stop,
                        seen: &start.seen,
                        log: log.as_ref().map_or(Log::New(&start.log), Log::Open),
                        env: self.environment(step, &start),
                        hear: &hear,
                    };
                    let mut verdict = match Box::pin(self.work(&start, &bench)).await {
                        Err(why) => Verdict::failed(Trouble::Spawn, "not_found", why),
                        Ok(done) => {
                            let mut verdict = judge(&done);
                            refused = self.limits.refused(&done);
                            if let Some(refused) = &refused {
                                let said = verdict.error.take().unwrap_or_default();
                                verdict.kind = "rate_limited".into();
                                verdict.error = Some(format!("{}: {said}", refused.words()));
                            }
                            ran = Some(done);
                            verdict
                        }
                    };
                    outside = self.look_after(start.step, before);
                    if verdict.ended == Ended::Succeeded {
                        verdict = self.outputs(step, &mut outputs).unwrap_or(verdict);
                    }
                    if verdict.ended == Ended::Succeeded {
                        verdict = self.gates(step, &start, &bench).await.unwrap_or(verdict);
                    }
                    verdict
                }
            }
        };
        let took = self.clock.awake().saturating_sub(began);
        Done { refused, unasked, ..done(start, &verdict, ran, outputs, outside, took) }
    }

    fn hear(&self, place: &Place, room: &Cell<u64>, event: Event) {
        match &event {
            // For who watches; that it fell idle is recorded.
            Event::AttemptQuiet { .. } => {}
            Event::AttemptOutput { role, text } => {
                let left = room.get();
                let size = u64::try_from(text.len()).unwrap_or(u64::MAX);
                room.set(left.saturating_sub(size));
                if size < left {
                    self.book.record(place, &event);
                } else if left > 0 {
                    let text = "further output stands in the log alone".to_owned();
                    self.book.record(place, &Event::AttemptWarning { role: role.clone(), text });
                }
            }
            _ => self.book.record(place, &event),
        }
        self.book.show(place, event);
    }

    fn environment(&self, step: &Step, start: &Start) -> Vec<(String, String)> {
        let own = [
            ("RUN_ID", self.run_id.to_owned()),
            ("STEP", step.id.clone()),
            ("STEP_ATTEMPT", start.request.number.to_string()),
            ("MODE", "workstream".to_owned()),
            ("FILES_SCOPE", step.files_scope.as_ref().map(|globs| globs.join("\n")).unwrap_or_default()),
        ];
        let own = own.into_iter().map(|(name, value)| (format!("ORCHESTRATOR_{name}"), value));
        step.env.clone().into_iter().chain(own).collect()
    }

    async fn work(&self, start: &Start, bench: &Bench<'_>) -> Result<Ran, String> {
        let request = &start.request;
        let timeout = request.timeout_secs.and_then(|s| Duration::try_from_secs_f64(s).ok()).map(Secs);
        let facts = || Stdin::Bytes(start.facts.to_string().into_bytes());
        let text = match &request.work {
            Work::Argv(argv) => return bench.command(Program::Argv(argv), Stdin::Null, timeout, "").await,
            Work::Shell(line) => return bench.command(Program::Shell(line), Stdin::Null, timeout, "").await,
            Work::Python(f) => return bench.command(Program::Python(f), facts(), timeout, "").await,
            Work::Oneshot(text) | Work::Prompt(text) => text,
        };
        let tool = request.tool.as_deref().and_then(|name| self.catalog.get(name));
        let (means, limit) = tool.ok_or("there is no tool for it")?;
        let timeout = timeout.or(limit);
        if let Work::Oneshot(_) = &request.work {
            let Means::Agent(name) = means else { return Err("a oneshot needs an agent".into()) };
            let roster = self.agents.get(name).ok_or_else(|| format!("agent {name} cannot run here"))?;
            let now = self.clock.now().as_millisecond();
            let worker = &roster.get(self.limits.seat(roster, now)).agent.name;
            let kept = session_file(&self.setting.private, self.run_id, &request.step);
            let task = audited::Task { text, worker, timeout, kept: &kept };
            return Ok(Box::pin(audited::run(bench, &self.clock, self.ids, task)).await);
        }
        let stdin = || Stdin::Bytes(text.clone().into_bytes());
        match means {
            Means::Run(argv) => bench.command(Program::Argv(argv), stdin(), timeout, "").await,
            Means::Shell(line) => bench.command(Program::Shell(line), stdin(), timeout, "").await,
            Means::Python(function) => bench.command(Program::Python(function), facts(), timeout, "").await,
            Means::Http(http) => {
                let outputs = &self.spec.steps[start.step].outputs;
                let call = plan(http, text, &start.facts, outputs)?;
                bench.http(request.tool.as_deref().unwrap_or_default(), &call, timeout, "").await
            }
            Means::Agent(name) => {
                let roster = self.agents.get(name).ok_or_else(|| format!("agent {name} cannot run here"))?;
                let activity = start.log.with_extension("ndjson");
                let seat = self.limits.seat(roster, self.clock.now().as_millisecond());
                Ok(bench.agent(roster.get(seat), text, timeout, &activity).await)
            }
        }
    }

    /// The files before it, if what it writes can be told from what others write.
    fn look_before(&self, step: usize) -> Option<watch::Look> {
        self.scopes[step].as_ref()?;
        watch::look(self.setting, &self.clock).ok()
    }

    fn look_after(&self, step: usize, before: Option<watch::Look>) -> Vec<String> {
        let Some(before) = before else { return Vec::new() };
        let beside = self.beside.borrow().get(&step).cloned().unwrap_or_default();
        let scopes: Vec<Option<&Scope>> = beside.iter().map(|other| self.scopes[*other].as_ref()).collect();
        if scopes.iter().any(Option::is_none) {
            return Vec::new();
        }
        match watch::since(&before, self.setting, &self.clock) {
            Ok(paths) => violations(&paths, &scopes).into_iter().map(str::to_owned).collect(),
            Err(e) => {
                let text = format!("what step {} wrote cannot be told: {e}", self.spec.steps[step].id);
                self.book.event(Event::Warning { text });
                Vec::new()
            }
        }
    }

    fn outputs(&self, step: &Step, found: &mut BTreeMap<String, String>) -> Option<Verdict> {
        for (name, path) in &step.outputs {
            match read_output(self.setting, path) {
                Ok(text) => found.insert(name.clone(), text),
                Err(e) => {
                    let error = format!("output {name}: {path}: {e}");
                    return Some(Verdict::failed(Trouble::Gate, "output", error));
                }
            };
        }
        None
    }

    /// The step's own gates, then the tools that validate the one that did it.
    async fn gates(&self, step: &Step, start: &Start, bench: &Bench<'_>) -> Option<Verdict> {
        let of = |name: &String| Gate { tool: Some(name.clone()), ..Gate::default() };
        let all: Vec<Gate> = step.gates.iter().cloned().chain(start.validate_with.iter().map(of)).collect();
        for (number, gate) in all.iter().enumerate() {
            let words = self.setting.redactor.text(&gate.words()).into_owned();
            match gate::look(gate, number + 1, self.catalog, bench, &self.clock).await {
                Found::Passed => {
                    (bench.hear)(Event::GatePassed { step: step.id.clone(), gate: words });
                }
                Found::Failed(why) => {
                    let status = why.clone();
                    (bench.hear)(Event::GateFailed { step: step.id.clone(), gate: words.clone(), status });
                    return Some(Verdict::failed(Trouble::Gate, "gate", format!("gate {words}: {why}")));
                }
                Found::Interrupted(why) => {
                    return Some(Verdict {
                        ended: Ended::Canceled,
                        trouble: Trouble::Interrupted,
                        kind: ErrorKind::Interrupted.name().into(),
                        error: Some(why),
                    });
                }
            }
        }
        None
    }
}

fn done(
    start: Start,
    verdict: &Verdict,
    ran: Option<Ran>,
    outputs: BTreeMap<String, String>,
    outside: Vec<String>,
    took: Duration,
) -> Done {
    let mut result = ran.as_ref().map(|ran| ran.outcome.account()).unwrap_or_default();
    result.error_kind = Some(verdict.kind.clone());
    result.error.clone_from(&verdict.error);
    let first = verdict.error.as_deref().unwrap_or_default().lines().next().unwrap_or_default();
    let kind = match (verdict.trouble, verdict.kind.as_str()) {
        (Trouble::Exit(code), kind) => format!("{kind} {code}"),
        (_, kind) => kind.to_owned(),
    };
    // A command does the same thing twice by its nature; a model that does goes in circles.
    let model = matches!(start.request.work, Work::Prompt(_) | Work::Oneshot(_));
    let hash = ran.as_ref().map(|ran| ran.hash).filter(|h| model && *h != super::process::HASH);
    let answer = match ran {
        Some(Ran { answer: Some(answer), .. }) => answer,
        Some(ran) if model => {
            let text = ran
                .outcome
                .final_message
                .unwrap_or_else(|| String::from_utf8_lossy(&ran.stdout).trim_end().to_owned());
            Value::String(text)
        }
        _ => Value::Null,
    };
    Done {
        step: start.step,
        number: start.request.number,
        tool: start.request.tool,
        attempt: start.request.attempt,
        trial: start.trial,
        ended: verdict.ended,
        trouble: verdict.trouble,
        signature: signature(&kind, first),
        result,
        hash,
        outputs,
        answer,
        took,
        outside,
        refused: None,
        unasked: false,
        seen: start.seen,
    }
}

/// The beginning of an output file.
pub(super) fn read_output(setting: &Setting, path: &str) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    let file = File::open(setting.root.join(path))?;
    std::io::Read::read_to_end(&mut std::io::Read::take(file, OUTPUT), &mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
}

fn judge(ran: &Ran) -> Verdict {
    let outcome = &ran.outcome;
    let kind = outcome.error_kind;
    match &outcome.state {
        Lifecycle::Completed => Verdict {
            ended: Ended::Succeeded,
            trouble: Trouble::Reported,
            kind: ErrorKind::None.name().into(),
            error: None,
        },
        Lifecycle::Interrupted { why } => Verdict {
            ended: Ended::Canceled,
            trouble: Trouble::Interrupted,
            kind: ErrorKind::Interrupted.name().into(),
            error: Some(why.clone()),
        },
        _ => {
            let trouble = match kind {
                ErrorKind::Timeout | ErrorKind::Inactivity => Trouble::Timeout,
                ErrorKind::Signal => Trouble::Signal,
                ErrorKind::NotFound | ErrorKind::Os => Trouble::Spawn,
                ErrorKind::InvalidRequest => Trouble::Invalid,
                ErrorKind::Interrupted => Trouble::Interrupted,
                ErrorKind::AgentError | ErrorKind::None => Trouble::Reported,
                ErrorKind::Exit => outcome.exit.code().map_or(Trouble::Reported, Trouble::Exit),
            };
            Verdict::failed(trouble, kind.name(), status(outcome))
        }
    }
}

/// None: one command's alone, made with its first byte; else it is there from the beginning.
fn log_of(start: &Start, step: &Step) -> std::io::Result<Option<File>> {
    let command = matches!(start.request.work, Work::Argv(_) | Work::Shell(_) | Work::Python(_));
    if command && step.gates.is_empty() {
        return Ok(None);
    }
    open_log(&start.log).map(Some)
}

/// Continues nothing: each attempt's log is its own.
fn open_log(path: &std::path::Path) -> std::io::Result<File> {
    let open = || OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match open() {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            fs::create_dir_all(path.parent().unwrap_or(path))?;
            open()
        }
        other => other,
    }
}

/// `[3/10] write succeeded in 1.2s`.
pub(super) fn line(id: &str, done: &Done, counts: &crate::workstreams::progress::Counts) -> String {
    let state = match done.ended {
        Ended::Succeeded => "succeeded",
        Ended::Failed => "failed",
        Ended::Canceled => "canceled",
    };
    let tool = done.tool.as_ref().map_or_else(String::new, |t| format!(" by {t}"));
    let error = done
        .result
        .error
        .as_ref()
        .map_or_else(String::new, |e| format!(": {}", e.lines().next().unwrap_or_default()));
    let eta = counts.left_words();
    format!("[{}/{}{eta}] {id} {state}{tool} in {}{error}", counts.done, counts.total, duration(done.took))
}

/// What conditions and functions see of a step.
pub(super) fn fact(
    state: &str,
    outputs: &BTreeMap<String, String>,
    answer: &Value,
    exit: Option<i32>,
) -> Value {
    json!({"state": state, "outputs": outputs, "result": answer, "exit_code": exit})
}

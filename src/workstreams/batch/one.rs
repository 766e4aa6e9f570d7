//! One task: its place, its process, what came of it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::result::{State, TaskResult};
use super::run::{Options, Setting};
use super::task::{Task, Work};
use super::worktree;
use crate::agents::{Job, Ready, find_on_path, note, run_agent, shown};
use crate::clock::Clock;
use crate::config::Limits;
use crate::config::duration::Secs;
use crate::control::LiveAttempt;
use crate::event::{AttemptResult, Ended, Event, Place, Sink};
use crate::supervise::{
    self, Activity, ActivityTag, ErrorKind, Lifecycle, LogTarget, Outcome, RawLog, Request, Stop,
};
use crate::sync::worktree::Repo;

/// What the tasks of a run share.
pub(super) struct Ground<'a> {
    pub setting: &'a Setting,
    pub options: &'a Options,
    pub run_id: &'a str,
    pub clock: Arc<dyn Clock>,
    pub sink: RefCell<&'a mut dyn Sink>,
    /// What the names of programs were found to mean.
    pub programs: RefCell<BTreeMap<String, PathBuf>>,
    /// Where the logs go.
    pub logs: PathBuf,
    /// With a worktree for each: the repository and the project root in it.
    pub repo: Option<(Repo, PathBuf)>,
}

/// A task that is about to start.
pub(super) struct Start<'a> {
    pub at: usize,
    pub task: &'a Task,
    /// None for a command.
    pub ready: Option<&'a Ready>,
    pub attempt: String,
    pub stop: Stop,
    pub seen: LiveAttempt,
}

/// A task that has ended.
pub(super) struct Done {
    pub at: usize,
    pub attempt: String,
    pub result: TaskResult,
    pub event: Event,
    /// Its place on the board, given up once its end is recorded.
    pub seen: LiveAttempt,
}

impl Ground<'_> {
    pub fn emit(&self, attempt: &str, event: Event) {
        self.sink.borrow_mut().emit_at(&Place::run(self.run_id).attempt(attempt), event);
    }

    /// A path of the project, relative where it can be.
    fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.setting.root).unwrap_or(path).to_string_lossy().into_owned()
    }

    /// Runs a task to its end, whatever that is.
    pub async fn run(&self, start: Start<'_>) -> Done {
        let Start { at, task, ready, attempt, stop, seen } = start;
        let path = self.logs.join(format!("{}.log", task.id));
        let log = self.shown(&path);
        self.emit(
            &attempt,
            Event::AttemptStarted {
                iteration: 0,
                role: task.id.clone(),
                prompt: self.setting.redactor.text(&task.words()).into_owned(),
                agent: ready.map_or_else(|| "-".to_owned(), |r| r.agent.name.clone()),
                log: log.clone(),
                step: task.id.clone(),
                turn_id: None,
            },
        );
        let (branch, outcome) = match self.place(task) {
            Err(e) => (None, Err(e)),
            Ok((place, cwd)) => {
                let outcome = self.process(task, ready, &attempt, &stop, &seen, &path, &cwd).await;
                let (branch, warning) = place.map_or((None, None), |place| {
                    let (branch, warning) = place.finish(&task.id);
                    (Some(branch), warning)
                });
                if let Some(text) = warning {
                    self.emit(&attempt, Event::AttemptWarning { role: task.id.clone(), text });
                }
                (branch, outcome)
            }
        };
        let quiet = ready.is_none()
            && outcome.as_ref().map_or(true, |outcome| outcome.stdout_bytes + outcome.stderr_bytes == 0);
        let (result, event) = account(&task.id, (!quiet).then_some(log), branch, outcome);
        Done { at, attempt, result, event, seen }
    }

    /// The task's worktree if it has one, and its working folder.
    fn place(&self, task: &Task) -> Result<(Option<worktree::Place>, PathBuf), String> {
        let make = |(repo, prefix): &(Repo, PathBuf)| {
            let private = &self.setting.private;
            worktree::Place::make(repo, prefix, private, self.run_id, &task.id, &self.clock)
        };
        let place = self.repo.as_ref().map(make).transpose().map_err(|e| e.to_string())?;
        let root = place.as_ref().map_or(&self.setting.root, |p| &p.root);
        let cwd = task.cwd.as_ref().map_or_else(|| root.clone(), |cwd| root.join(cwd));
        Ok((place, cwd))
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one call, named where they are made")]
    async fn process(
        &self,
        task: &Task,
        ready: Option<&Ready>,
        attempt: &str,
        stop: &Stop,
        seen: &LiveAttempt,
        log: &Path,
        cwd: &Path,
    ) -> Result<Outcome, String> {
        let tag = ActivityTag {
            run: self.run_id.to_owned(),
            role: task.id.clone(),
            iteration: None,
            agent: ready.map_or_else(String::new, |r| r.agent.name.clone()),
        };
        let plain = ready.is_none_or(|r| r.agent.output == "text");
        let mut hear = |activity: &Activity| {
            note(seen, activity);
            if let Some(event) = shown(&task.id, activity, plain) {
                self.emit(attempt, event);
            }
        };
        let setting = self.setting;
        let limits = Limits {
            idle_secs: self.options.idle.map(Secs),
            timeout_secs: task.timeout.map(Secs),
            ..Limits::default()
        };
        match (&task.work, ready) {
            (Work::Prompt(text), Some(ready)) => {
                let file = open_log(log).map_err(|e| format!("{}: {e}", log.display()))?;
                let job = Job {
                    ready,
                    prompt: text.clone(),
                    prompt_file: text,
                    root: cwd,
                    private: &setting.private,
                    env: self.environment(task),
                    attempt: attempt.to_owned(),
                    supervision: &setting.supervision,
                    limits,
                    log: Some(&file),
                    activity_log: Some(log.with_extension("ndjson")),
                    redactor: Arc::clone(&setting.redactor),
                    tag,
                    path: setting.path.clone(),
                };
                Ok(run_agent(job, stop, &*self.clock, &mut hear).await)
            }
            (Work::Run(argv), _) => {
                let request = self.command(task, argv, attempt, log, tag, cwd, limits)?;
                Ok(supervise::run(request, stop, &*self.clock, &mut hear).await)
            }
            (Work::Prompt(_), None) => Err("it has no agent".into()),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one request")]
    fn command(
        &self,
        task: &Task,
        argv: &[String],
        attempt: &str,
        log: &Path,
        tag: ActivityTag,
        cwd: &Path,
        own: Limits,
    ) -> Result<Request, String> {
        let setting = self.setting;
        let name = argv.first().map_or("", String::as_str);
        let program = self.program(name, cwd).ok_or_else(|| format!("`{name}` is not on PATH"))?;
        let mut words = vec![program.into_os_string()];
        words.extend(argv.iter().skip(1).map(OsString::from));
        let mut request = Request::new(words, cwd.to_owned(), attempt.to_owned());
        request.marker_root.clone_from(&setting.root);
        request.env = self.environment(task).into_iter().map(|(k, v)| (k.into(), v.into())).collect();
        let general = &setting.supervision;
        request.limits = supervise::Limits {
            idle: own.idle_secs.unwrap_or(general.idle_secs).0,
            // A command prints what it likes; only what a person set ends a silent one.
            inactivity: general.inactivity_secs.map_or(Duration::ZERO, |s| s.0),
            tool: general.tool_secs.0,
            timeout: own.timeout_secs.unwrap_or(general.timeout_secs).0,
            result_grace: general.result_grace_secs.0,
            grace: general.grace_secs.0,
            log_max_bytes: general.log_max_bytes,
        };
        let target = LogTarget::New(log.to_owned());
        request.raw_log = Some(RawLog { target, max_bytes: general.log_max_bytes });
        request.redactor = Arc::clone(&setting.redactor);
        request.tag = tag;
        Ok(request)
    }

    /// Most tasks call the same few programs: what was found once is not looked for again.
    fn program(&self, name: &str, cwd: &Path) -> Option<PathBuf> {
        if name.contains('/') {
            return find_on_path(name, &self.setting.path, cwd);
        }
        if let Some(found) = self.programs.borrow().get(name) {
            return Some(found.clone());
        }
        let found = find_on_path(name, &self.setting.path, cwd)?;
        self.programs.borrow_mut().insert(name.to_owned(), found.clone());
        Some(found)
    }

    fn environment(&self, task: &Task) -> Vec<(String, String)> {
        let own = [("RUN_ID", self.run_id), ("TASK", task.id.as_str()), ("MODE", "batch")];
        let own = own.into_iter().map(|(name, value)| (format!("ORCHESTRATOR_{name}"), value.to_owned()));
        task.env.clone().into_iter().chain(own).collect()
    }
}

/// Continues nothing: each attempt's log is its own.
fn open_log(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// What a task's end means.
fn account(
    id: &str,
    log: Option<String>,
    branch: Option<worktree::Branch>,
    outcome: Result<Outcome, String>,
) -> (TaskResult, Event) {
    let empty = branch.as_ref().is_some_and(|branch| !branch.holds);
    let branch = branch.map(|branch| branch.name);
    let mut result = TaskResult { log, branch, empty, ..TaskResult::never(id, State::Failed, None) };
    let mut told = AttemptResult::default();
    let ended = match outcome {
        Err(error) => {
            told.error_kind = Some(ErrorKind::InvalidRequest.name().to_owned());
            result.error = Some(error);
            Ended::Failed
        }
        Ok(outcome) => {
            told = outcome.account();
            (result.exit_code, result.signal) = (outcome.exit.code(), outcome.exit.signal());
            result.seconds = Some(outcome.duration.as_secs_f64());
            let (state, ended) = match &outcome.state {
                Lifecycle::Completed => (State::Completed, Ended::Succeeded),
                Lifecycle::Interrupted { .. } => (State::Interrupted, Ended::Canceled),
                _ => (State::Failed, Ended::Failed),
            };
            result.state = state;
            if ended != Ended::Succeeded {
                result.error = Some(reason(&outcome));
            }
            ended
        }
    };
    told.error.clone_from(&result.error);
    let line = line(&result);
    (result, Event::AttemptEnded { role: id.to_owned(), line, outcome: ended, result: told })
}

/// Why it did not complete, in words.
fn reason(outcome: &Outcome) -> String {
    let status = match (outcome.exit.code(), outcome.exit.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => outcome.error_kind.name().replace('_', " "),
    };
    match (&outcome.error, &outcome.state) {
        (Some(error), _) => error.clone(),
        (None, Lifecycle::Interrupted { why }) => why.clone(),
        (None, _) => status,
    }
}

/// `task 3 failed in 1.2s: exit status 7`.
pub(super) fn line(result: &TaskResult) -> String {
    let state = match result.state {
        State::Completed | State::Done => "completed",
        State::Failed => "failed",
        State::Interrupted => "interrupted",
    };
    let took = result.seconds.map_or_else(String::new, |s| format!(" in {s:.1}s"));
    let error = result.error.as_ref().map_or_else(String::new, |e| format!(": {e}"));
    format!("task {} {state}{took}{error}", result.id)
}

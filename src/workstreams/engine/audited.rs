//! A step that is done by a worker and judged by an auditor.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::process::{Bench, HASH, Log, Ran, hash};
use crate::agents::{note, shown, together};
use crate::clock::{Clock, duration};
use crate::config::duration::Secs;
use crate::config::{Limits, RateLimit as Policy};
use crate::event::Event;
use crate::ids::Ids;
use crate::oneshot::machine::Refusal;
use crate::oneshot::session::Folder;
use crate::oneshot::{self, End, Fact, OneshotError};
use crate::supervise::{
    ErrorKind, Exit, Failure, Kind, Lifecycle, Outcome, RateLimit, Stop, StopReason, Usage,
};
use crate::sync::atomic;

const NOTHING: Usage =
    Usage { input_tokens: Some(0), output_tokens: Some(0), cached_tokens: Some(0), cost_usd: Some(0.0) };

/// What is done, by whom.
pub(super) struct Task<'t> {
    pub text: &'t str,
    /// The worker's agent.
    pub worker: &'t str,
    /// Of the whole session.
    pub timeout: Option<Secs>,
    /// Where it is kept which session does the step, until the session has come to an end.
    pub kept: &'t Path,
}

/// The session of an attempt that was cut off: the next one goes on with it.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    session: String,
    worker: String,
    task: u64,
}

/// Runs a task through worker and auditor; the outcome is that of the whole session.
pub(super) async fn run(bench: &Bench<'_>, clock: &Arc<dyn Clock>, ids: &dyn Ids, task: Task<'_>) -> Ran {
    let setting = bench.setting;
    let mut config = setting.config.clone();
    config.oneshot.worker_agent = Some(task.worker.to_owned());
    let settings = oneshot::Settings {
        root: setting.root.clone(),
        config,
        table: setting.table.clone(),
        redactor: Arc::clone(&setting.redactor),
        path: setting.path.clone(),
        home: setting.home.clone(),
        env: bench.env.clone(),
        limits: Limits { timeout_secs: task.timeout, ..Limits::default() },
        git: setting.git,
    };
    let began = (clock.now(), clock.awake());
    let stop = Stop::new();
    // Under `fail` a refusal is a failure like any other, which the session may get over.
    let heed = setting.config.supervision.rate_limit != Policy::Fail;
    let mut ear = Ear {
        bench,
        task: &task,
        stop: &stop,
        heed,
        worker: None,
        refused: None,
        usage: Some(NOTHING),
        hash: HASH,
    };
    let ended = Box::pin(play(&settings, clock, ids, &stop, &mut ear));
    let (ended, late) = watched(ended, bench.stop, &stop, task.timeout).await;
    let mut outcome = ear.worker.take().unwrap_or_else(|| Outcome::without_process(began.0));
    let refused = ear.refused.take();
    let by = refused.as_ref().map_or_else(|| task.worker.to_owned(), |refused| refused.who.clone());
    outcome.usage = ear.usage;
    outcome.rate_limit = refused.as_ref().map(|refused| refused.limit.clone());
    (outcome.started_at, outcome.ended_at) = (began.0, clock.now());
    outcome.duration = clock.awake().saturating_sub(began.1);
    let mut fail = |kind: ErrorKind, text: String| {
        outcome.state = Lifecycle::Failed(Failure::AgentError(text.clone()));
        (outcome.error_kind, outcome.error) = (kind, Some(text));
    };
    let mut over = true;
    match ended {
        Err(e) => fail(ErrorKind::InvalidRequest, e.to_string()),
        Ok(Played { end, result, trouble }) => {
            let because = |what: &str| {
                trouble.as_deref().map_or_else(|| what.to_owned(), |t| format!("{what}: {}", t.trim()))
            };
            match end {
                End::Completed => {
                    outcome.state = Lifecycle::Completed;
                    (outcome.error_kind, outcome.error) = (ErrorKind::None, None);
                    (outcome.exit, outcome.final_message) = (Exit::Code(0), Some(result));
                    outcome.rate_limit = None;
                }
                End::Rejected => {
                    fail(ErrorKind::InvalidRequest, because("the auditor found the task impossible"));
                }
                End::Failed(_) => {
                    fail(ErrorKind::AgentError, because("worker and auditor did not come to an end"));
                }
                End::Interrupted(_) if late => {
                    let limit = task.timeout.map_or_else(String::new, |t| duration(t.0));
                    fail(ErrorKind::Timeout, format!("worker and auditor took longer than {limit}"));
                }
                End::Interrupted(_) if refused.is_some() && bench.stop.requested().is_none() => {
                    // An audit is gone on with; a worker that was kept from its work begins anew.
                    over = refused.is_some_and(|refused| refused.role == oneshot::Role::Worker);
                    fail(ErrorKind::AgentError, trouble.unwrap_or_else(|| "a rate limit".into()));
                }
                End::Interrupted(reason) => {
                    outcome.state = Lifecycle::Interrupted { why: reason.text.clone() };
                    (outcome.error_kind, outcome.error) = (ErrorKind::Interrupted, Some(reason.text));
                    over = false;
                }
            }
        }
    }
    if over {
        // One that stays behind names a session that has ended, which is seen when it is read.
        let _ = fs::remove_file(task.kept);
    }
    Ran { outcome, stdout: Vec::new(), answer: None, hash: ear.hash, by: Some(by) }
}

/// What a session came to.
struct Played {
    end: End,
    result: String,
    /// What went wrong, or what the auditor said.
    trouble: Option<String>,
}

async fn play(
    settings: &oneshot::Settings,
    clock: &Arc<dyn Clock>,
    ids: &dyn Ids,
    stop: &Stop,
    ear: &mut Ear<'_>,
) -> Result<Played, OneshotError> {
    let task = ear.task;
    let fingerprint = hash(HASH, task.text.as_bytes());
    let kept = fs::read(task.kept).ok().and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok());
    let kept = kept.filter(|kept| kept.worker == task.worker && kept.task == fingerprint);
    if let Some(kept) = kept {
        let how = oneshot::Resume { id: Some(kept.session.clone()), max_iterations: None };
        let world = oneshot::World { clock: Arc::clone(clock), ids, stop, observer: ear };
        match oneshot::Engine::resume(settings, world, &how) {
            Ok(engine) => return finish(engine).await,
            // It came to its end, and the program was killed before that was recorded.
            Err(e) if e.refusal() == Some(Refusal::Completed) => {
                let folder = Folder::of(&settings.root, &kept.session);
                let iteration = folder.load()?.iteration;
                let result = folder.read_result(iteration).text;
                return Ok(Played { end: End::Completed, result, trouble: None });
            }
            Err(e) if e.is_busy() => return Err(e),
            Err(e) => {
                let text = format!("session {} cannot go on: {e}; another is begun", kept.session);
                (ear.bench.hear)(Event::Warning { text });
            }
        }
    }
    let world = oneshot::World { clock: Arc::clone(clock), ids, stop, observer: ear };
    finish(oneshot::Engine::create(settings, world, task.text)?).await
}

async fn finish(mut engine: oneshot::Engine<'_>) -> Result<Played, OneshotError> {
    let end = engine.run().await?;
    let session = engine.session();
    let trouble = session.trouble.clone().or_else(|| session.feedback.clone());
    Ok(Played { end, result: engine.result(), trouble })
}

/// Passes on the wish to end, and ends what takes too long; true: it did.
async fn watched<T>(
    mut session: impl Future<Output = T> + Unpin,
    outer: &Stop,
    own: &Stop,
    timeout: Option<Secs>,
) -> (T, bool) {
    let limit = timeout.map(|t| t.0).filter(|t| !t.is_zero());
    let mut late = false;
    let mut level = 0;
    let began = tokio::time::Instant::now();
    loop {
        // Who was ended from outside before was not too slow.
        let wait = limit.filter(|_| !late && level == 0).map(|limit| limit.saturating_sub(began.elapsed()));
        tokio::select! {
            biased;
            ended = &mut session => return (ended, late),
            () = outer.reached(level + 1), if level < 2 => {
                level += 1;
                own.trigger(outer.requested().unwrap_or_else(|| StopReason::because("interrupted")));
            }
            () = tokio::time::sleep(wait.unwrap_or_default()), if wait.is_some() => {
                late = true;
                own.ask(StopReason::because("timeout"));
            }
        }
    }
}

/// Who of the two was refused.
struct Refused {
    role: oneshot::Role,
    who: String,
    limit: RateLimit,
}

struct Ear<'e> {
    bench: &'e Bench<'e>,
    task: &'e Task<'e>,
    worker: Option<Outcome>,
    stop: &'e Stop,
    /// A rate limit pauses the session.
    heed: bool,
    /// The limit that refused the last of its agents.
    refused: Option<Refused>,
    /// Of all runs; `None`: some usage is unknown.
    usage: Option<Usage>,
    hash: u64,
}

impl Ear<'_> {
    /// So that a program that is killed finds the session again.
    fn keep(&self, session: &str) {
        let worker = self.task.worker.to_owned();
        let kept = Kept { session: session.to_owned(), worker, task: hash(HASH, self.task.text.as_bytes()) };
        let kept = serde_json::to_vec(&kept).map_err(std::io::Error::from);
        if let Err(e) = kept.and_then(|bytes| atomic::write(self.task.kept, &bytes, true)) {
            let text = format!("{}: {e}; after a crash this step begins anew", self.task.kept.display());
            (self.bench.hear)(Event::Warning { text });
        }
    }

    /// The attempt's end says whether its log is whole.
    fn note(&self, bytes: &[u8]) {
        if let Log::Open(mut file) = self.bench.log {
            let _ = std::io::Write::write_all(&mut file, bytes);
        }
    }
}

impl oneshot::Observer for Ear<'_> {
    fn hear(&mut self, fact: &Fact<'_>) {
        match fact {
            Fact::Activity { role, plain, activity } => {
                note(self.bench.seen, activity);
                match &activity.kind {
                    Kind::Output { bytes } => {
                        self.hash = hash(self.hash, bytes);
                        self.note(bytes);
                    }
                    Kind::Message { text } => {
                        self.hash = hash(self.hash, text.as_bytes());
                        let text = format!("{}\n", text.trim_end());
                        self.note(text.as_bytes());
                    }
                    _ => {}
                }
                if let Some(event) = shown(role.name(), activity, *plain) {
                    (self.bench.hear)(event);
                }
            }
            Fact::AttemptEnded { session, role, outcome, .. } => {
                let limit = outcome.rate_limit.clone().filter(|limit| limit.blocked && !outcome.succeeded());
                self.refused = limit.filter(|_| self.heed).map(|limit| {
                    // Nobody else is asked before the wait is over.
                    self.stop.ask(StopReason::because("rate limited"));
                    Refused { role: *role, who: session.seat(*role).agent.clone(), limit }
                });
                self.usage = self.usage.zip(outcome.usage).map(|(sum, one)| together(sum, one));
                if *role == oneshot::Role::Worker {
                    self.worker = Some((*outcome).clone());
                }
            }
            Fact::Verdict { .. } | Fact::Check { .. } | Fact::Warning { .. } | Fact::Moved { .. } => {
                if let Some(event) = fact.event() {
                    (self.bench.hear)(event);
                }
            }
            Fact::Began { session, .. } => self.keep(&session.id),
            Fact::AttemptStarted { .. } | Fact::Ended { .. } => {}
        }
    }
}

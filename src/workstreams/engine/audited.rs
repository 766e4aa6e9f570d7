//! A step that is done by a worker and judged by an auditor.

use std::sync::Arc;

use super::process::{Bench, HASH, Log, Ran, hash};
use crate::agents::{note, shown, together};
use crate::clock::Clock;
use crate::config::Limits;
use crate::config::duration::Secs;
use crate::ids::Ids;
use crate::oneshot::{self, End, Fact};
use crate::supervise::{ErrorKind, Exit, Failure, Kind, Lifecycle, Outcome, Usage};

const NOTHING: Usage =
    Usage { input_tokens: Some(0), output_tokens: Some(0), cached_tokens: Some(0), cost_usd: Some(0.0) };

/// Runs a task through worker and auditor; the outcome is that of the whole session.
pub(super) async fn run(
    bench: &Bench<'_>,
    clock: &Arc<dyn Clock>,
    ids: &dyn Ids,
    task: &str,
    worker: Option<String>,
    timeout: Option<Secs>,
) -> Ran {
    let setting = bench.setting;
    let mut config = setting.config.clone();
    if worker.is_some() {
        config.oneshot.worker_agent = worker;
    }
    let settings = oneshot::Settings {
        root: setting.root.clone(),
        config,
        table: setting.table.clone(),
        redactor: Arc::clone(&setting.redactor),
        path: setting.path.clone(),
        home: setting.home.clone(),
        env: bench.env.clone(),
        limits: Limits { timeout_secs: timeout, ..Limits::default() },
        git: setting.git,
    };
    let began = (clock.now(), clock.awake());
    let mut ear = Ear { bench, worker: None, usage: Some(NOTHING), hash: HASH };
    let world = oneshot::World { clock: Arc::clone(clock), ids, stop: bench.stop, observer: &mut ear };
    let ended = async {
        let mut engine = oneshot::Engine::create(&settings, world, task)?;
        let end = engine.run().await?;
        let session = engine.session();
        let trouble = session.trouble.clone().or_else(|| session.feedback.clone());
        Ok::<_, oneshot::OneshotError>((end, engine.result(), trouble))
    };
    let ended = ended.await;
    let mut outcome = ear.worker.take().unwrap_or_else(|| Outcome::without_process(began.0));
    outcome.usage = ear.usage;
    (outcome.started_at, outcome.ended_at) = (began.0, clock.now());
    outcome.duration = clock.awake().saturating_sub(began.1);
    let mut fail = |kind: ErrorKind, text: String| {
        outcome.state = Lifecycle::Failed(Failure::AgentError(text.clone()));
        (outcome.error_kind, outcome.error) = (kind, Some(text));
    };
    match ended {
        Err(e) => fail(ErrorKind::InvalidRequest, e.to_string()),
        Ok((end, result, trouble)) => {
            let because = |what: &str| {
                trouble.as_deref().map_or_else(|| what.to_owned(), |t| format!("{what}: {}", t.trim()))
            };
            match end {
                End::Completed => {
                    outcome.state = Lifecycle::Completed;
                    (outcome.error_kind, outcome.error) = (ErrorKind::None, None);
                    (outcome.exit, outcome.final_message) = (Exit::Code(0), Some(result));
                }
                End::Rejected => {
                    fail(ErrorKind::InvalidRequest, because("the auditor found the task impossible"));
                }
                End::Failed(_) => {
                    fail(ErrorKind::AgentError, because("worker and auditor did not come to an end"));
                }
                End::Interrupted(reason) => {
                    outcome.state = Lifecycle::Interrupted { why: reason.text.clone() };
                    (outcome.error_kind, outcome.error) = (ErrorKind::Interrupted, Some(reason.text));
                }
            }
        }
    }
    Ran { outcome, stdout: Vec::new(), answer: None, hash: ear.hash }
}

struct Ear<'e> {
    bench: &'e Bench<'e>,
    worker: Option<Outcome>,
    /// Of all runs; `None`: some usage is unknown.
    usage: Option<Usage>,
    hash: u64,
}

impl Ear<'_> {
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
            Fact::AttemptEnded { role, outcome, .. } => {
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
            Fact::Began { .. } | Fact::AttemptStarted { .. } | Fact::Ended { .. } => {}
        }
    }
}

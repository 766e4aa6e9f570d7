//! A turn whose work is audited before it is handed off (oneshot.md O11).
//!
//! The turn's prompt is the task and its agent the worker. The session is the turn's own: a turn that is taken again
//! begins a new one, on what the old one left in the working tree.

use std::cell::RefCell;
use std::io::Write as _;
use std::pin::pin;
use std::sync::Arc;

use super::Engine;
use super::limits::Watch;
use super::prompt::{Run, wished};
use crate::agents::{Ready, note, shown, together};
use crate::clock::duration;
use crate::control::LiveAttempt;
use crate::event::{Event, Place, Sink};
use crate::oneshot::{self, End, Fact, OneshotError};
use crate::supervise::{ErrorKind, Exit, Failure, Kind, Lifecycle, Outcome, Usage};
use crate::turns::logs::TurnLog;

impl Engine<'_> {
    /// Runs a prompt through worker and auditor; the outcome is that of the whole session.
    pub(super) async fn run_audited(
        &mut self,
        ready: &Ready,
        run: Run<'_>,
        log: Option<&TurnLog>,
    ) -> (Outcome, String) {
        let s = self.settings;
        let mut config = s.config.clone();
        config.oneshot.worker_agent = Some(ready.agent.name.clone());
        let settings = oneshot::Settings {
            root: s.root.clone(),
            config,
            table: s.table.clone(),
            redactor: Arc::clone(&s.redactor),
            path: s.path.clone(),
            home: s.home.clone(),
            env: self.environment(&run),
            limits: run.limits,
            git: s.options.git,
        };
        let began = (self.world.clock.now(), self.world.clock.awake());
        let seen = self.show(&run.attempt, run.role.as_str(), run.prompt, &ready.agent.name);
        let watch = Watch::new(self.world.stop, &*self.world.clock, &s.config.budget, self.spent());
        let own: &mut dyn Sink = &mut *self.world.sink;
        let sink = RefCell::new(own);
        let place = &self.place;
        let mut ear =
            Ear { sink: &sink, place, seen: &seen, watch: &watch, log, worker: None, usage: Some(NOTHING) };
        let world = oneshot::World {
            clock: Arc::clone(&self.world.clock),
            ids: self.world.ids,
            stop: watch.stop(),
            observer: &mut ear,
        };
        let ended = {
            let mut running = pin!(watch.over(session(&settings, world, &run.text)));
            let ended = tokio::select! {
                biased;
                ended = &mut running => Ok(ended),
                text = wished(&self.board, run.turn_id) => Err(text),
            };
            match ended {
                Ok(ended) => ended,
                Err(text) => {
                    let text = s.redactor.text(&text).into_owned();
                    sink.borrow_mut().emit_at(place, Event::Notice { text });
                    running.await
                }
            }
        };
        let (worker, usage) = (ear.worker.take(), ear.usage);
        let mut outcome = worker.unwrap_or_else(|| Outcome::without_process(began.0));
        outcome.usage = usage;
        outcome.started_at = began.0;
        outcome.ended_at = self.world.clock.now();
        outcome.duration = self.world.clock.awake().saturating_sub(began.1);
        let result = match ended {
            Ok((end, result, trouble)) => {
                judge(&mut outcome, &end, trouble.as_deref());
                result
            }
            Err(e) => {
                let text = format!("the audited run could not go on: {e}");
                outcome.state = Lifecycle::Failed(Failure::Spawn(text.clone()));
                (outcome.error_kind, outcome.error) = (ErrorKind::InvalidRequest, Some(text));
                outcome.exit = Exit::None;
                String::new()
            }
        };
        self.cut = watch.cut(&outcome);
        outcome.final_message = Some(result.clone()).filter(|text| !text.is_empty());
        (outcome, result)
    }
}

/// Its end, the accepted result, and what was wrong if it was not accepted.
async fn session<'a>(
    settings: &'a oneshot::Settings,
    world: oneshot::World<'a>,
    task: &str,
) -> Result<(End, String, Option<String>), OneshotError> {
    let mut engine = oneshot::Engine::create(settings, world, task)?;
    let end = engine.run().await?;
    let session = engine.session();
    let trouble = session.trouble.clone().or_else(|| session.feedback.clone());
    Ok((end, engine.result(), trouble))
}

/// The last worker's outcome becomes the whole session's.
fn judge(outcome: &mut Outcome, end: &End, trouble: Option<&str>) {
    let because = |what: &str| trouble.map_or_else(|| what.to_owned(), |t| format!("{what}: {}", t.trim()));
    let failed = |outcome: &mut Outcome, what: &str| {
        let text = because(what);
        outcome.state = Lifecycle::Failed(Failure::AgentError(text.clone()));
        (outcome.error_kind, outcome.error) = (ErrorKind::AgentError, Some(text));
    };
    match end {
        End::Completed => {
            // Also when its result was found after it had ended early: it was audited like any other.
            outcome.state = Lifecycle::Completed;
            (outcome.error_kind, outcome.error, outcome.exit) = (ErrorKind::None, None, Exit::Code(0));
        }
        End::Rejected => failed(outcome, "the auditor found the task impossible"),
        End::Failed(why) => {
            let what = match why {
                oneshot::machine::Why::WorkerDead => "the worker ended early and left nothing",
                oneshot::machine::Why::AuditorCrash => "the auditor ended early",
                oneshot::machine::Why::AuditorSilent => "the auditor fell silent",
                oneshot::machine::Why::MaxIterations => "not done after all worker runs",
            };
            failed(outcome, what);
        }
        End::Interrupted(reason) => {
            outcome.state = Lifecycle::Interrupted { why: reason.text.clone() };
            (outcome.error_kind, outcome.error) = (ErrorKind::Interrupted, Some(reason.text.clone()));
        }
    }
}

/// Before the first run.
const NOTHING: Usage =
    Usage { input_tokens: Some(0), output_tokens: Some(0), cached_tokens: Some(0), cost_usd: Some(0.0) };

/// Tells the session's facts as the turn's, and keeps what the turn's end needs.
struct Ear<'e, 's> {
    sink: &'e RefCell<&'s mut dyn Sink>,
    place: &'e Place,
    seen: &'e LiveAttempt,
    watch: &'e Watch<'e>,
    log: Option<&'e TurnLog>,
    worker: Option<Outcome>,
    /// Of all runs; `None`: some usage is unknown.
    usage: Option<Usage>,
}

impl Ear<'_, '_> {
    fn say(&self, event: Event) {
        self.sink.borrow_mut().emit_at(self.place, event);
    }

    fn tell(&self, fact: &Fact<'_>) {
        if let Some(event) = fact.event() {
            self.say(event);
        }
    }

    fn note(&self, text: &str) {
        if let Some(log) = self.log {
            // The turn's end says whether its log is whole.
            let _ = (&log.file).write_all(text.as_bytes());
        }
    }
}

impl oneshot::Observer for Ear<'_, '_> {
    fn hear(&mut self, fact: &Fact<'_>) {
        match fact {
            Fact::Began { session, folder, .. } => {
                self.note(&format!("# oneshot session: {} · {}\n", session.id, folder.display()));
            }
            Fact::AttemptStarted { session, role, agent, .. } => {
                self.note(&format!("# {} {} · agent: {agent}\n", role.name(), session.iteration));
            }
            Fact::Activity { role, plain, activity } => {
                note(self.seen, activity);
                self.watch.hear(activity);
                match &activity.kind {
                    Kind::Output { bytes } => self.note(&String::from_utf8_lossy(bytes)),
                    Kind::Message { text } => self.note(&format!("{}\n", text.trim_end())),
                    _ => {}
                }
                if let Some(event) = shown(role.name(), activity, *plain) {
                    self.say(event);
                }
            }
            Fact::AttemptEnded { role, outcome, .. } => {
                let words = outcome.error.as_deref().unwrap_or("ok");
                self.note(&format!("# {} ended: {words} · {}\n", role.name(), duration(outcome.duration)));
                self.usage = self.usage.zip(outcome.usage).map(|(sum, one)| together(sum, one));
                self.watch.settle(outcome.usage);
                if *role == oneshot::Role::Worker {
                    self.worker = Some((*outcome).clone());
                }
            }
            Fact::Verdict { session, verdict, feedback, .. } => {
                let text = format!(
                    "auditor of worker run {}: {} {}",
                    session.iteration,
                    verdict.word(),
                    feedback.trim()
                );
                self.note(&format!("# {}\n", text.trim_end().replace('\n', "\n# ")));
                self.tell(fact);
            }
            Fact::Check { .. } | Fact::Warning { .. } | Fact::Moved { .. } => self.tell(fact),
            Fact::Ended { .. } => {}
        }
    }
}

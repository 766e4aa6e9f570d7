//! Running the commands: beside the loop, some at once, each with a limit.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::future::{Future, poll_fn};
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::alias::{name, point_of};
use crate::clock::Clock;
use crate::config;
use crate::event::{Envelope, Event, Place};
use crate::supervise::{self, Exit, Limits, Outcome, Redactor, Request, Stdin, Stop, StopReason};

/// How long one command may take; and, when the run is over, all that are left together.
const LIMIT: Duration = Duration::from_secs(30);
const AT_ONCE: usize = 4;
/// Commands that may wait for their turn.
const WAITING: usize = 256;

/// One command to run.
struct Job {
    hook: &'static str,
    place: Place,
    argv: Vec<String>,
    /// The event, as JSON.
    input: Vec<u8>,
}

/// The end that hears events; when it is dropped, no more will come.
pub struct Hooks {
    table: config::Hooks,
    redactor: Arc<Redactor>,
    clock: Arc<dyn Clock>,
    jobs: UnboundedSender<Job>,
}

/// The end that runs commands.
pub struct Runner {
    root: PathBuf,
    redactor: Arc<Redactor>,
    clock: Arc<dyn Clock>,
    jobs: UnboundedReceiver<Job>,
    run_id: String,
}

/// The two ends for the hooks of a project at `root`. `run_id` marks their processes.
pub fn bind(
    table: config::Hooks,
    root: PathBuf,
    redactor: Arc<Redactor>,
    clock: Arc<dyn Clock>,
    run_id: String,
) -> (Hooks, Runner) {
    let (sender, jobs) = unbounded_channel();
    let hooks = Hooks { table, redactor: Arc::clone(&redactor), clock: Arc::clone(&clock), jobs: sender };
    (hooks, Runner { root, redactor, clock, jobs, run_id })
}

impl Hooks {
    /// Calls the hook of an event, if one is bound to it. Never waits.
    pub fn hear(&self, place: &Place, event: &Event) {
        let Some(point) = point_of(event) else { return };
        let Some(argv) = self.table.get(&point).filter(|argv| !argv.is_empty()) else { return };
        let envelope = Envelope::at(self.clock.now(), place.clone(), event.clone());
        let Ok(mut value) = serde_json::to_value(envelope) else { return };
        self.redactor.json(&mut value);
        let input = format!("{value}\n").into_bytes();
        let job = Job { hook: name(point), place: place.clone(), argv: argv.clone(), input };
        // The other end is gone only when the run is.
        let _ = self.jobs.send(job);
    }
}

type Running<'a> = Pin<Box<dyn Future<Output = (Job, Outcome)> + 'a>>;

impl Runner {
    /// Runs commands until no more can come and all have ended. `stop` is the run's own wish to end: its first
    /// signal leaves hooks alone (they tell of it), the second ends them.
    pub async fn run(mut self, stop: &Stop, mut failed: impl FnMut(&Place, Event)) {
        let own = Stop::new();
        let (root, redactor, clock, run_id) = (self.root, self.redactor, self.clock, self.run_id);
        let start = |job: Job, number: u64| -> Running<'_> {
            let (root, redactor, clock, own) =
                (root.clone(), Arc::clone(&redactor), Arc::clone(&clock), &own);
            let attempt = format!("{run_id}-hook-{number}");
            Box::pin(async move {
                let mut request = Request::new(job.argv.iter().map(OsString::from).collect(), root, attempt);
                request.stdin = Stdin::Bytes(job.input.clone());
                request.env = vec![("ORCHESTRATOR_HOOK".into(), job.hook.into())];
                request.limits = Limits {
                    timeout: LIMIT,
                    inactivity: Duration::ZERO,
                    idle: Duration::ZERO,
                    ..Limits::default()
                };
                request.redactor = redactor;
                let outcome = supervise::run(request, own, &*clock, &mut |_| {}).await;
                (job, outcome)
            })
        };
        let mut insisted = pin!(stop.reached(2));
        let mut last_call: Option<Pin<Box<tokio::time::Sleep>>> = None;
        let mut waiting: VecDeque<Job> = VecDeque::new();
        let mut running: Vec<Running<'_>> = Vec::new();
        let mut number = 0;
        poll_fn(|cx| {
            if own.requested().is_none() && insisted.as_mut().poll(cx).is_ready() {
                own.trigger(StopReason::because("the run was ended at once"));
            }
            loop {
                match self.jobs.poll_recv(cx) {
                    Poll::Ready(Some(job)) if waiting.len() < WAITING => waiting.push_back(job),
                    Poll::Ready(Some(job)) => {
                        let error = format!("not run: {WAITING} hooks wait already");
                        failed(&job.place, Event::HookFailed { hook: job.hook.into(), error });
                    }
                    Poll::Ready(None) => {
                        last_call.get_or_insert_with(|| Box::pin(tokio::time::sleep(LIMIT)));
                        break;
                    }
                    Poll::Pending => break,
                }
            }
            if own.requested().is_none()
                && last_call.as_mut().is_some_and(|sleep| sleep.as_mut().poll(cx).is_ready())
            {
                own.trigger(StopReason::because("the run was over for 30 s"));
            }
            loop {
                while running.len() < AT_ONCE {
                    let Some(job) = waiting.pop_front() else { break };
                    number += 1;
                    running.push(start(job, number));
                }
                let before = running.len();
                running.retain_mut(|hook| match hook.as_mut().poll(cx) {
                    Poll::Pending => true,
                    Poll::Ready((job, outcome)) => {
                        if !outcome.succeeded() {
                            let error = words(&job, &outcome);
                            failed(&job.place, Event::HookFailed { hook: job.hook.into(), error });
                        }
                        false
                    }
                });
                if running.len() == before || waiting.is_empty() {
                    break;
                }
            }
            if last_call.is_some() && running.is_empty() && waiting.is_empty() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

/// Why a command failed, with its last line.
fn words(job: &Job, outcome: &Outcome) -> String {
    let program = job.argv.first().map_or("", String::as_str);
    let status = match (outcome.exit, &outcome.error) {
        (_, Some(error)) => error.clone(),
        (Exit::Code(code), None) => format!("exit status {code}"),
        (Exit::Signal(signal), None) => format!("signal {signal}"),
        (Exit::None, None) => outcome.error_kind.name().replace('_', " "),
    };
    let last = outcome.last_lines.last().map_or_else(String::new, |line| format!(": {line}"));
    format!("{program}: {status}{last}")
}

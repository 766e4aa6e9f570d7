//! Runs one process from its request to its outcome.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::activity::{Activity, Kind, Leak, Stream};
use super::conduct::Conduct;
use super::lifecycle::{Edge, Failure, Lifecycle, Response};
use super::outcome::{ErrorKind, Exit, Outcome};
use super::pipeline::{Pipeline, Stamp};
use super::process;
use super::request::{Request, Stdin};
use super::stop::Stop;
use super::terminal::Saved;
use crate::clock::Clock;

/// Runs one process to its end, come what may, and says honestly how it was.
///
/// Needs a tokio runtime with its I/O and time drivers on. The child is bound to the thread that polls this first
/// (by its parent-death signal), so that should be the main thread, on a current-thread runtime. Dropping the
/// future kills the child's process group.
pub async fn run(
    mut request: Request,
    stop: &Stop,
    clock: &dyn Clock,
    on_activity: &mut dyn FnMut(&Activity),
) -> Outcome {
    let mut life = Life { state: Lifecycle::Created, started_at: clock.now(), began: clock.awake() };
    let argv = masked(&request);
    let log_max = request.limits.log_max_bytes;
    let (mut pipeline, complaints) = Pipeline::new(
        Arc::clone(&request.redactor),
        request.raw_log.take(),
        request.activity_log.take().map(|path| (path, log_max)),
        &request.tag,
        request.parser.take(),
    );
    for complaint in complaints {
        pipeline.say(complaint, life.stamp(clock), on_activity);
    }
    if let Some(reason) = stop.requested() {
        life.follow(Edge::Interrupt(reason.text.clone()), clock);
        return life.outcome(
            argv,
            pipeline,
            clock,
            on_activity,
            Ending::before_start(ErrorKind::Interrupted, reason.text),
        );
    }
    let fed = match &request.stdin {
        Stdin::Bytes(bytes) => Some(bytes.len()),
        Stdin::Null => None,
    };
    let _terminal = Saved::take();
    match process::start(&mut request) {
        Err(error) => {
            let (kind, text) = (error.kind(), error.to_string());
            life.follow(Edge::Fail(Failure::Spawn(text.clone())), clock);
            life.outcome(argv, pipeline, clock, on_activity, Ending::before_start(kind, text))
        }
        Ok(running) => {
            life.follow(Edge::Start, clock);
            life.began = clock.awake();
            let spawned = Kind::Spawn {
                pid: running.leader.pid().unsigned_abs(),
                argv: argv.iter().map(|word| word.to_string_lossy().into_owned()).collect(),
            };
            pipeline.say(spawned, life.stamp(clock), on_activity);
            let conduct = Conduct::new(running, &request, fed, pipeline, life, stop, clock, on_activity);
            let (pipeline, life, ending) = conduct.finished().await;
            life.outcome(argv, pipeline, clock, on_activity, ending)
        }
    }
}

/// The command as it may be shown.
fn masked(request: &Request) -> Vec<OsString> {
    let mask = |word: &OsString| OsString::from_vec(request.redactor.bytes(word.as_bytes()).into_owned());
    request.argv.iter().map(mask).collect()
}

/// The state, and the times it counts from.
pub(super) struct Life {
    state: Lifecycle,
    started_at: Timestamp,
    began: Duration,
}

impl Life {
    /// True when the state changed.
    pub(super) fn follow(&mut self, edge: Edge, clock: &dyn Clock) -> bool {
        match self.state.apply(edge, clock.awake()) {
            Ok(response) => response == Response::Changed,
            Err(error) => {
                tracing::error!("supervisor: {error}");
                false
            }
        }
    }

    pub(super) fn stamp(&self, clock: &dyn Clock) -> Stamp {
        let offset = clock.awake().saturating_sub(self.began);
        Stamp {
            ts_ms: clock.now().as_millisecond(),
            offset_ms: u64::try_from(offset.as_millis()).unwrap_or(u64::MAX),
        }
    }

    fn outcome(
        self,
        argv: Vec<OsString>,
        mut pipeline: Pipeline,
        clock: &dyn Clock,
        sink: &mut dyn FnMut(&Activity),
        end: Ending,
    ) -> Outcome {
        let exit = Kind::Exit {
            code: end.exit.code(),
            signal: end.exit.signal(),
            state: self.state.name(),
            error_kind: end.kind,
            error: end.error.clone(),
        };
        pipeline.say(exit, self.stamp(clock), sink);
        let [stdout_bytes, stderr_bytes] = [Stream::Stdout, Stream::Stderr].map(|s| pipeline.bytes(s));
        let (facts, last_lines, logs_incomplete) = pipeline.close();
        let result = facts.result.and_then(|(text, _)| text);
        Outcome {
            argv,
            exit: end.exit,
            started_at: self.started_at,
            ended_at: clock.now(),
            duration: clock.awake().saturating_sub(self.began),
            stdout_bytes,
            stderr_bytes,
            error_kind: end.kind,
            error: end.error,
            last_lines,
            final_message: result.or(facts.message),
            session_id: facts.session,
            usage: facts.usage,
            rate_limit: facts.rate_limit,
            leaked: end.leaked,
            logs_incomplete,
            state: self.state,
        }
    }
}

/// How it ended, for the outcome.
pub(super) struct Ending {
    pub exit: Exit,
    pub kind: ErrorKind,
    pub error: Option<String>,
    pub leaked: Vec<Leak>,
}

impl Ending {
    fn before_start(kind: ErrorKind, error: String) -> Self {
        Self { exit: Exit::None, kind, error: Some(error), leaked: Vec::new() }
    }
}

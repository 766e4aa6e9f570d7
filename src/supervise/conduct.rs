//! Conducts one child: takes events, asks the pure machines, does what they say.

mod ending;

use std::future::poll_fn;
use std::time::Duration;

use rustix::process::Signal;

use super::activity::{Activity, Kind, Leak};
use super::circling::Circling;
use super::course::{Cause, Course, Response};
use super::events::{Event, Events};
use super::kin::{self, Kin};
use super::lifecycle::Edge;
use super::outcome::Exit;
use super::owner::{Ending, Life};
use super::pipeline::Pipeline;
use super::process::Running;
use super::request::{Repeat, Request};
use super::stop::Stop;
use super::streams::Source;
use super::watch::{Reached, Verdict, Watch};
use crate::clock::Clock;

/// Logs are brought to their files at least this often while output streams in.
const FLUSH_EVERY: Duration = Duration::from_millis(100);
/// Dead adopted orphans are reaped this often during a turn.
const REAP_EVERY: Duration = Duration::from_secs(60);

pub(super) struct Conduct<'a> {
    events: Events<'a>,
    kin: Kin,
    watch: Watch,
    course: Course,
    circling: Circling,
    pipeline: Pipeline,
    life: Life,
    stop: &'a Stop,
    clock: &'a dyn Clock,
    sink: &'a mut dyn FnMut(&Activity),
    success_codes: Vec<i32>,
    repeat: Repeat,
    fed: Option<usize>,
    /// The leader has been signalled.
    signalled: bool,
    flushed: Duration,
    next_reap: Duration,
    leaked: Vec<Leak>,
    /// Living members of the ended leader's family.
    left: usize,
}

impl<'a> Conduct<'a> {
    #[expect(clippy::too_many_arguments, reason = "called once; a struct for it would be this struct")]
    pub(super) fn new(
        running: Running,
        request: &Request,
        fed: Option<usize>,
        pipeline: Pipeline,
        life: Life,
        stop: &'a Stop,
        clock: &'a dyn Clock,
        sink: &'a mut dyn FnMut(&Activity),
    ) -> Self {
        let now = clock.awake();
        Self {
            kin: Kin::new(running.leader.pid(), request.attempt.clone()),
            watch: Watch::new(request.limits, now),
            course: Course::new(request.limits.grace, request.leave_running),
            circling: Circling::default(),
            events: Events::new(running, stop, clock),
            pipeline,
            life,
            stop,
            clock,
            sink,
            success_codes: request.success_codes.clone(),
            repeat: request.repeat,
            fed,
            signalled: false,
            flushed: now,
            next_reap: now + REAP_EVERY,
            leaked: Vec::new(),
            left: 0,
        }
    }

    /// Until nothing of the child is left.
    pub(super) async fn finished(mut self) -> (Pipeline, Life, Ending) {
        if self.events.running.feeder.is_none() {
            self.say_fed();
        }
        loop {
            let due = self.due();
            let Self { events, pipeline, .. } = &mut self;
            let event = poll_fn(|cx| {
                events.poll(due, cx, &mut || {
                    if pipeline.waiting() {
                        pipeline.flush();
                    }
                })
            })
            .await;
            let now = self.clock.awake();
            let mut response = self.handle(event, now);
            while response != Response::Nothing {
                if response == Response::Done {
                    return self.finish();
                }
                response = self.obey(response, now);
            }
        }
    }

    fn due(&self) -> Duration {
        let live = if self.course.is_live() { self.watch.due() } else { None };
        [self.course.due(), live].into_iter().flatten().fold(self.next_reap, Duration::min)
    }

    fn handle(&mut self, event: Event, now: Duration) -> Response {
        match event {
            Event::Stop => {
                let why = self.stop.requested().map_or_else(|| "stopped".to_owned(), |reason| reason.text);
                self.course.ask(Cause::Stop(why), now)
            }
            Event::Insist => self.course.insist(now),
            Event::Ended(exit) => self.ended(exit, now),
            Event::Read { source, count: 0 } => {
                self.close(source);
                self.family_left(now)
            }
            Event::Read { source, count } => self.read(source, count, now),
            Event::Fed => {
                self.say_fed();
                Response::Nothing
            }
            Event::FamilyGone => Response::Look,
            Event::Tick => self.tick(now),
        }
    }

    fn read(&mut self, source: usize, count: usize, now: Duration) -> Response {
        if self.watch.heard(now) && self.life.follow(Edge::Activity, self.clock) {
            self.say(Kind::Active);
        }
        let stamp = self.life.stamp(self.clock);
        let mut circles = Vec::new();
        {
            let Self { events, pipeline, watch, circling, sink, .. } = self;
            let Some(stream) = events.running.sources[source].as_ref().map(|s| s.stream) else {
                return Response::Nothing;
            };
            pipeline.read(stream, &events.buffer[..count], stamp, &mut |activity| {
                match &activity.kind {
                    Kind::ToolUse { id, name, input } => {
                        watch.tool_opened(id, name);
                        circles.extend(circling.call(name, input));
                    }
                    Kind::ToolResult { id, .. } => watch.tool_closed(id),
                    Kind::Result { .. } => watch.result(now),
                    _ => {}
                }
                sink(activity);
            });
        }
        self.events.grow(count);
        if now >= self.flushed + FLUSH_EVERY {
            self.flushed = now;
            self.pipeline.flush();
        }
        self.pipeline.report_trouble(stamp, self.sink);
        let mut response = Response::Nothing;
        for circle in circles {
            self.say(Kind::Warning { text: circle.text() });
            if self.repeat == Repeat::Interrupt && response == Response::Nothing {
                response = self.course.ask(Cause::Stop(circle.text()), now);
            }
        }
        response
    }

    fn tick(&mut self, now: Duration) -> Response {
        if now >= self.next_reap {
            self.next_reap = now + REAP_EVERY;
            kin::reap_orphans();
        }
        let response = self.course.tick(now);
        if response != Response::Nothing || !self.course.is_live() {
            return response;
        }
        let Self { watch, kin, .. } = self;
        let verdicts = watch.tick(now, &mut || {
            let ticks = kin.cpu_ticks()?;
            Some(Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second()))
        });
        for verdict in verdicts {
            match verdict {
                Verdict::Idle { silent } => {
                    if self.life.follow(Edge::Silence, self.clock) {
                        self.say(Kind::Idle { silent_ms: millis(silent) });
                    }
                }
                Verdict::Heartbeat { silent } => self.say(Kind::Heartbeat { silent_ms: millis(silent) }),
                Verdict::Warn(text) => self.say(Kind::Warning { text }),
                Verdict::End(reached) => return self.limit(reached, now),
            }
        }
        Response::Nothing
    }

    /// A limit was reached, unless the child was quicker and only the news of it is not.
    fn limit(&mut self, reached: Reached, now: Duration) -> Response {
        if let Some(exit) = self.events.running.leader.peek() {
            return self.ended(exit, now);
        }
        let cause = match reached {
            Reached::Inactivity(text) => {
                // Bytes that lie in a pipe were written in time.
                if self.events.running.sources.iter().flatten().any(Source::has_bytes) {
                    self.watch.heard(now);
                    return Response::Nothing;
                }
                Cause::Inactivity(text)
            }
            Reached::Timeout(text) => Cause::Timeout(text),
            Reached::ResultGrace => Cause::ResultGrace,
        };
        self.course.ask(cause, now)
    }

    fn ended(&mut self, exit: Exit, now: Duration) -> Response {
        self.events.ended = true;
        let well = exit.code().is_some_and(|code| self.success_codes.contains(&code));
        self.course.ended(exit, well, now)
    }

    fn obey(&mut self, response: Response, now: Duration) -> Response {
        match response {
            Response::Nothing | Response::Done => response,
            Response::Terminate => self.end_leader(Signal::TERM),
            Response::Kill => self.end_leader(Signal::KILL),
            Response::Look => {
                self.look();
                self.family_left(now)
            }
            Response::TerminateFamily => self.end_family(Signal::TERM, now),
            Response::KillFamily => self.end_family(Signal::KILL, now),
        }
    }

    fn say_fed(&mut self) {
        if let Some(bytes) = self.fed.take() {
            self.say(Kind::Stdin { bytes: bytes as u64 });
        }
    }

    fn say(&mut self, kind: Kind) {
        let stamp = self.life.stamp(self.clock);
        self.pipeline.say(kind, stamp, self.sink);
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

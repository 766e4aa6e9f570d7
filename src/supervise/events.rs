//! Everything that can happen to a running child, as one stream of events in a fixed order of precedence.

use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, Sleep};

use super::outcome::Exit;
use super::process::Running;
use super::stop::Stop;
use crate::clock::Clock;

/// Reads start small, for the sake of many silent children, and grow with the flood.
const SMALLEST_READ: usize = 8 * 1024;
const LARGEST_READ: usize = 256 * 1024;

/// One thing that happened.
#[derive(Debug, Clone, Copy)]
pub(super) enum Event {
    /// The end is wished for.
    Stop,
    /// The end is wished for at once.
    Insist,
    /// The leader has ended; it is not reaped yet.
    Ended(Exit),
    /// So many bytes of a stream lie in the buffer; none: it has ended.
    Read { source: usize, count: usize },
    /// The prompt is handed over.
    Fed,
    /// Every awaited member of the family has ended.
    FamilyGone,
    /// The deadline has passed.
    Tick,
}

/// Where events come from.
pub(super) struct Events<'a> {
    pub running: Running,
    pub buffer: Vec<u8>,
    /// Whether the leader's end has been told.
    pub ended: bool,
    /// The family of the ended leader.
    pub family: Vec<AsyncFd<OwnedFd>>,
    stop: &'a Stop,
    stop_wait: Option<Pin<Box<dyn Future<Output = ()>>>>,
    stopped: bool,
    clock: &'a dyn Clock,
    sleep: Pin<Box<Sleep>>,
    /// What the sleep is set to, on our clock.
    armed: Option<Duration>,
    /// The stream that is asked first.
    turn: usize,
}

impl<'a> Events<'a> {
    pub(super) fn new(running: Running, stop: &'a Stop, clock: &'a dyn Clock) -> Self {
        Self {
            running,
            buffer: vec![0; SMALLEST_READ],
            ended: false,
            family: Vec::new(),
            stop,
            stop_wait: Some(Box::pin(stop.reached(1))),
            stopped: false,
            clock,
            sleep: Box::pin(tokio::time::sleep(Duration::ZERO)),
            armed: None,
            turn: 0,
        }
    }

    /// The next event. A wish to end comes before the end itself, so that a killed child is never taken for a
    /// finished one; the leader's end comes before a deadline, so that who ended in time is never called late; a
    /// deadline comes before bytes, so that no flood hides it. `quiet` is called when there is nothing.
    pub(super) fn poll(
        &mut self,
        due: Duration,
        cx: &mut Context<'_>,
        quiet: &mut dyn FnMut(),
    ) -> Poll<Event> {
        if let Some(wait) = &mut self.stop_wait
            && wait.as_mut().poll(cx).is_ready()
        {
            let first = !std::mem::replace(&mut self.stopped, true);
            self.stop_wait =
                first.then(|| Box::pin(self.stop.reached(2)) as Pin<Box<dyn Future<Output = ()>>>);
            return Poll::Ready(if first { Event::Stop } else { Event::Insist });
        }
        let Running { leader, end, sources, feeder } = &mut self.running;
        if !self.ended
            && let Poll::Ready(exit) = end.poll(leader, cx)
        {
            return Poll::Ready(Event::Ended(exit));
        }
        if self.clock.awake() >= due {
            return Poll::Ready(Event::Tick);
        }
        for offset in 0..sources.len() {
            let source = (self.turn + offset) % sources.len();
            let Some(reader) = &mut sources[source] else { continue };
            if let Poll::Ready(count) = reader.poll_read(&mut self.buffer, cx) {
                self.turn = source + 1;
                return Poll::Ready(Event::Read { source, count });
            }
        }
        if let Some(feeding) = feeder
            && feeding.poll(cx).is_ready()
        {
            *feeder = None;
            return Poll::Ready(Event::Fed);
        }
        if !self.family.is_empty() {
            self.family.retain(|member| member.poll_read_ready(cx).is_pending());
            if self.family.is_empty() {
                return Poll::Ready(Event::FamilyGone);
            }
        }
        if self.poll_deadline(due, cx).is_ready() {
            return Poll::Ready(Event::Tick);
        }
        quiet();
        Poll::Pending
    }

    /// A read that filled the buffer asks for a larger one.
    pub(super) fn grow(&mut self, count: usize) {
        if count == self.buffer.len() && count < LARGEST_READ {
            self.buffer.resize(count * 2, 0);
        }
    }

    fn poll_deadline(&mut self, due: Duration, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let now = self.clock.awake();
            if now >= due {
                return Poll::Ready(());
            }
            if self.armed.is_none_or(|armed| due < armed) {
                self.sleep.as_mut().reset(Instant::now() + due.saturating_sub(now));
                self.armed = Some(due);
            }
            if self.sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.armed = None;
        }
    }
}

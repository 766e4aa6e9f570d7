//! Limits on silence and running time, as a pure machine over injected time (supervision.md P7, P8).
//!
//! Raw bytes are activity. So is CPU time of the process tree, but looking at it costs, so it is only looked at in
//! the second half of a silence: often enough to notice work, never when there is output.

use std::time::Duration;

use super::request::Limits;

/// Silence is reported this often.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// Looks at the CPU time during the second half of a silence.
const LOOKS: u32 = 8;
/// Looks closer together than this would see less than the clock ticks that CPU time is counted in.
const SHORTEST_LOOK: Duration = Duration::from_millis(50);
/// One part in this many of the time between two looks is work; less is a spinner or a keep-alive timer.
const BUSY: u32 = 20;

/// What a look at the clock found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Idle { silent: Duration },
    Heartbeat { silent: Duration },
    Warn(String),
    End(Reached),
}

/// A limit that was reached, with the words for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reached {
    Inactivity(String),
    Timeout(String),
    /// The result is in, the process stayed.
    ResultGrace,
}

/// The watch over one running child. All times are on one monotonic clock.
#[derive(Debug)]
pub(super) struct Watch {
    limits: Limits,
    spawned: Duration,
    /// Last output.
    heard: Duration,
    /// Last output or work.
    busy: Duration,
    idle: bool,
    next_beat: Duration,
    warned_silence: bool,
    warned_timeout: bool,
    cpu: Option<(Duration, Duration)>,
    next_look: Duration,
    tools: Vec<(String, String)>,
    result: Option<Duration>,
}

impl Watch {
    pub(super) fn new(limits: Limits, spawned: Duration) -> Self {
        Self {
            limits,
            spawned,
            heard: spawned,
            busy: spawned,
            idle: false,
            next_beat: spawned + HEARTBEAT,
            warned_silence: false,
            warned_timeout: false,
            cpu: None,
            next_look: spawned,
            tools: Vec::new(),
            result: None,
        }
    }

    /// Output came. True when that ends an idle time.
    pub(super) fn heard(&mut self, now: Duration) -> bool {
        self.heard = now;
        self.busy = now;
        self.next_beat = now + HEARTBEAT;
        self.quiet_again();
        std::mem::replace(&mut self.idle, false)
    }

    pub(super) fn tool_opened(&mut self, id: &str, name: &str) {
        self.tools.push((id.to_owned(), name.to_owned()));
    }

    /// A result without a known call closes nothing.
    pub(super) fn tool_closed(&mut self, id: &str) {
        self.tools.retain(|(open, _)| open != id);
    }

    /// The final record came.
    pub(super) fn result(&mut self, now: Duration) {
        self.result.get_or_insert(now);
    }

    /// When to look next.
    pub(super) fn due(&self) -> Option<Duration> {
        let silence = self.silence_limit();
        let times = [
            on(self.limits.idle).filter(|_| !self.idle).map(|limit| self.heard + limit),
            Some(self.next_beat),
            silence.map(|limit| self.busy + limit),
            silence.filter(|_| !self.warned_silence).map(|limit| self.busy + limit / 2),
            silence.map(|limit| self.next_look.max(self.busy + limit / 2)),
            on(self.limits.timeout).map(|limit| self.spawned + limit),
            on(self.limits.timeout).filter(|_| !self.warned_timeout).map(|limit| self.spawned + limit / 2),
            self.result.and_then(|at| Some(at + on(self.limits.result_grace)?)),
        ];
        times.into_iter().flatten().min()
    }

    /// Judges. `cpu` gives the tree's CPU time so far, where the system knows it.
    pub(super) fn tick(&mut self, now: Duration, cpu: &mut dyn FnMut() -> Option<Duration>) -> Vec<Verdict> {
        if let (Some(at), Some(grace)) = (self.result, on(self.limits.result_grace))
            && now >= at + grace
        {
            return vec![Verdict::End(Reached::ResultGrace)];
        }
        let mut out = Vec::new();
        if let Some(limit) = on(self.limits.timeout) {
            if now >= self.spawned + limit {
                let text = format!("ran for {} (timeout){}", seconds(limit), self.open_tool());
                return vec![Verdict::End(Reached::Timeout(text))];
            }
            if now >= self.spawned + limit / 2 && !self.warned_timeout {
                self.warned_timeout = true;
                let left = seconds((self.spawned + limit).saturating_sub(now));
                out.push(Verdict::Warn(format!(
                    "half of the timeout of {} is over, {left} left",
                    seconds(limit)
                )));
            }
        }
        if let Some(limit) = self.silence_limit() {
            if now >= self.busy + limit / 2 && now >= self.next_look {
                self.look(now, limit, cpu);
            }
            if now >= self.busy + limit {
                let which = if self.tools.is_empty() { "inactivity limit" } else { "tool limit" };
                let text = format!("no sign of life for {} ({which}){}", seconds(limit), self.open_tool());
                return vec![Verdict::End(Reached::Inactivity(text))];
            }
            if now >= self.busy + limit / 2 && !self.warned_silence {
                self.warned_silence = true;
                let text = format!(
                    "silent for {}, ended after {}{}",
                    seconds(now.saturating_sub(self.busy)),
                    seconds(limit),
                    self.open_tool()
                );
                out.push(Verdict::Warn(text));
            }
        }
        let silent = now.saturating_sub(self.heard);
        if on(self.limits.idle).is_some_and(|limit| silent >= limit) && !self.idle {
            self.idle = true;
            out.push(Verdict::Idle { silent });
        }
        if now >= self.next_beat {
            self.next_beat = now + HEARTBEAT;
            out.push(Verdict::Heartbeat { silent });
        }
        out
    }

    fn look(&mut self, now: Duration, limit: Duration, cpu: &mut dyn FnMut() -> Option<Duration>) {
        // The last look falls on the limit itself, and a short one before it would say nothing new.
        let step = (limit / 2 / LOOKS).max(SHORTEST_LOOK);
        let end = self.busy + limit;
        self.next_look = if now + step + step / 2 >= end { end.max(now + SHORTEST_LOOK) } else { now + step };
        let Some(used) = cpu() else { return };
        if let Some((then, before)) = self.cpu.replace((now, used)) {
            let worked = used.saturating_sub(before);
            if worked >= now.saturating_sub(then) / BUSY {
                self.busy = now;
                self.warned_silence = false;
                self.next_look = now + limit / 2;
            }
        }
    }

    fn quiet_again(&mut self) {
        self.warned_silence = false;
        self.cpu = None;
        self.next_look = Duration::ZERO;
    }

    fn silence_limit(&self) -> Option<Duration> {
        on(if self.tools.is_empty() { self.limits.inactivity } else { self.limits.tool })
    }

    fn open_tool(&self) -> String {
        match self.tools.last() {
            Some((_, name)) => format!(", tool `{name}` open"),
            None => String::new(),
        }
    }
}

fn on(limit: Duration) -> Option<Duration> {
    (!limit.is_zero()).then_some(limit)
}

fn seconds(time: Duration) -> String {
    let tenths = (time.as_millis() + 50) / 100;
    if tenths.is_multiple_of(10) {
        format!("{} s", tenths / 10)
    } else {
        format!("{}.{} s", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_edges;

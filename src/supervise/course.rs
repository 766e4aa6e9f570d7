//! How a run comes to its end: asking, insisting, tidying up, as a pure machine (supervision.md P9).
//!
//! The owner reports what happened; the answer is the one thing it has to do. Limits and signals lead to a polite
//! end (SIGTERM, then SIGKILL when the grace is over). Once the leader has ended, whatever of its family lives gets
//! a moment to end by itself, is asked, and is killed.

use std::time::Duration;

use super::outcome::Exit;

/// How long the family of a leader that has ended may take to end by itself, or after it has been asked.
const MOMENT: Duration = Duration::from_millis(80);
/// How long something killed may take to vanish before it is given up (a process in an uninterruptible call).
const PATIENCE: Duration = Duration::from_secs(5);

/// Why the end was sought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cause {
    Stop(String),
    Inactivity(String),
    Timeout(String),
    /// The result was in: a success.
    ResultGrace,
    /// Nobody sought it.
    Own,
}

/// Where the run stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    Live,
    /// SIGTERM was sent.
    Asked {
        kill_at: Duration,
    },
    /// SIGKILL was sent.
    Killed {
        until: Duration,
    },
    /// The leader has ended; its family is looked after.
    Tidying {
        step: Tidy,
        until: Duration,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tidy {
    /// It may end by itself.
    Wait,
    Asked,
    Killed,
}

/// What the owner has to do.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Response {
    Nothing,
    /// SIGTERM to leader and family.
    Terminate,
    /// SIGKILL to leader and family.
    Kill,
    /// Look for the family of the ended leader and report it with `family`.
    Look,
    /// SIGTERM to the remaining family.
    TerminateFamily,
    /// SIGKILL to the remaining family and to whoever holds the streams.
    KillFamily,
    /// Over. What is left could not be ended.
    Done,
}

/// The machine.
#[derive(Debug)]
pub(super) struct Course {
    phase: Phase,
    cause: Cause,
    exit: Option<Exit>,
    may_be_first: bool,
    grace: Duration,
    /// What a successful leader started may live on.
    leave_running: bool,
}

impl Course {
    pub(super) fn new(grace: Duration, leave_running: bool) -> Self {
        Self { phase: Phase::Live, cause: Cause::Own, exit: None, may_be_first: false, grace, leave_running }
    }

    pub(super) fn cause(&self) -> &Cause {
        &self.cause
    }

    pub(super) fn exit(&self) -> Option<Exit> {
        self.exit
    }

    /// Nothing has been done to the child yet.
    pub(super) fn is_live(&self) -> bool {
        self.phase == Phase::Live
    }

    /// The family is left alone: the leader succeeded and was meant to start something.
    pub(super) fn leaves_family(&self) -> bool {
        self.leave_running && self.cause == Cause::Own && self.exit.is_some()
    }

    pub(super) fn due(&self) -> Option<Duration> {
        match self.phase {
            Phase::Live => None,
            Phase::Asked { kill_at: at } | Phase::Killed { until: at } | Phase::Tidying { until: at, .. } => {
                Some(at)
            }
        }
    }

    /// Someone or something wants the end. The first cause stays, but a stop outranks a success in waiting: what a
    /// signal ended is never taken for finished.
    pub(super) fn ask(&mut self, cause: Cause, now: Duration) -> Response {
        let stops = matches!(cause, Cause::Stop(_));
        if self.cause == Cause::Own || (stops && self.cause == Cause::ResultGrace) {
            self.cause = cause;
        }
        if self.phase != Phase::Live {
            return Response::Nothing;
        }
        if self.grace.is_zero() {
            return self.kill(now);
        }
        self.phase = Phase::Asked { kill_at: now + self.grace };
        Response::Terminate
    }

    /// The signals that were answered for have been sent, and it is this late: what they are given counts from now.
    pub(super) fn sent(&mut self, now: Duration) {
        match &mut self.phase {
            Phase::Asked { kill_at } => *kill_at = now + self.grace,
            Phase::Tidying { step: Tidy::Asked, until } => *until = now + MOMENT,
            // Who is killed again and again is not waited for any longer.
            Phase::Live | Phase::Killed { .. } | Phase::Tidying { .. } => {}
        }
    }

    /// At once.
    pub(super) fn insist(&mut self, now: Duration) -> Response {
        match self.phase {
            Phase::Live | Phase::Asked { .. } => self.kill(now),
            Phase::Tidying { step: Tidy::Wait | Tidy::Asked, .. } => self.kill_family(now),
            Phase::Killed { .. } | Phase::Tidying { step: Tidy::Killed, .. } => Response::Nothing,
        }
    }

    /// The leader was already on its way out when the signal was sent.
    pub(super) fn may_be_first(&mut self) {
        self.may_be_first = true;
    }

    /// The leader has ended, well or not.
    pub(super) fn ended(&mut self, exit: Exit, well: bool, now: Duration) -> Response {
        if self.exit.is_some() {
            return Response::Nothing;
        }
        self.exit = Some(exit);
        self.leave_running &= well;
        // Who ended by itself was not timed out. A stop stays a stop: what it may have ended never was finished.
        if self.may_be_first
            && matches!(exit, Exit::Code(_))
            && matches!(self.cause, Cause::Inactivity(_) | Cause::Timeout(_))
        {
            self.cause = Cause::Own;
        }
        let (step, until) = match self.phase {
            Phase::Asked { kill_at } => (Tidy::Asked, kill_at.min(now + MOMENT)),
            Phase::Killed { .. } => (Tidy::Killed, now + PATIENCE),
            Phase::Live | Phase::Tidying { .. } => (Tidy::Wait, now + MOMENT),
        };
        self.phase = Phase::Tidying { step, until };
        Response::Look
    }

    /// What is left after the leader: how many of its family, and whether a stream is still open.
    pub(super) fn family(&mut self, left: usize, streams_open: bool, now: Duration) -> Response {
        let Phase::Tidying { step, .. } = self.phase else { return Response::Nothing };
        if left == 0 && !streams_open {
            return Response::Done;
        }
        match step {
            // Those that are left were born after the others were killed.
            Tidy::Killed if left > 0 => Response::KillFamily,
            // Nobody is left who could be found, yet a stream is open: it will not end any more.
            Tidy::Killed => {
                self.phase = Phase::Tidying { step, until: now + MOMENT };
                Response::Nothing
            }
            Tidy::Wait | Tidy::Asked => Response::Nothing,
        }
    }

    /// A deadline may have passed.
    pub(super) fn tick(&mut self, now: Duration) -> Response {
        if self.due().is_none_or(|due| now < due) {
            return Response::Nothing;
        }
        match self.phase {
            Phase::Live => Response::Nothing,
            Phase::Asked { .. } => self.kill(now),
            Phase::Killed { .. } | Phase::Tidying { step: Tidy::Killed, .. } => Response::Done,
            Phase::Tidying { .. } if self.leaves_family() => Response::Done,
            Phase::Tidying { step: Tidy::Wait, .. } => {
                self.phase = Phase::Tidying { step: Tidy::Asked, until: now + MOMENT };
                Response::TerminateFamily
            }
            Phase::Tidying { step: Tidy::Asked, .. } => self.kill_family(now),
        }
    }

    fn kill(&mut self, now: Duration) -> Response {
        self.phase = Phase::Killed { until: now + PATIENCE };
        Response::Kill
    }

    fn kill_family(&mut self, now: Duration) -> Response {
        self.phase = Phase::Tidying { step: Tidy::Killed, until: now + PATIENCE };
        Response::KillFamily
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_edges;

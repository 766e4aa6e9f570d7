//! What a live run is doing, kept by the run and read by whoever asks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::message::{AttemptStatus, Reply, Request, RunInfo, Status};
use crate::clock::{Clock, iso_seconds};

/// How something is interrupted; it is told why. It must return at once.
type Interrupt = Box<dyn Fn(&str) + Send>;

/// Told of every process of an attempt, as soon as there is one.
type Birth = Arc<dyn Fn(u32) + Send + Sync>;

/// The words for a run's record.
const WHY: &str = "orchestrator interrupt";

/// The same for a run that is not to be resumed.
pub const CANCELED: &str = "orchestrator workstream cancel";

/// A cloneable handle; all clones are the same board.
#[derive(Clone)]
pub struct Board {
    live: Arc<Mutex<Live>>,
    clock: Arc<dyn Clock>,
    stop: watch::Sender<Option<Asked>>,
}

/// A wish that nothing more be begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub reason: Option<String>,
    /// The turn it came from; none: a person.
    pub turn_id: Option<String>,
}

/// An attempt that is about to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptInfo {
    pub id: String,
    pub role: String,
    pub iteration: Option<u64>,
    pub prompt: String,
    pub agent: String,
}

struct Live {
    run: RunInfo,
    interrupt: Interrupt,
    interrupted: bool,
    attempts: Vec<Slot>,
    birth: Option<Birth>,
}

struct Slot {
    info: AttemptInfo,
    interrupt: Interrupt,
    interrupted: bool,
    started_at: String,
    began: Duration,
    heard: Duration,
    pid: Option<u32>,
    idle: bool,
}

/// An attempt's place on the board, given up when dropped.
pub struct LiveAttempt {
    board: Board,
    id: String,
}

impl Board {
    /// `interrupt` ends the run with all its attempts. It is called at most once, on another thread.
    pub fn new(run: RunInfo, clock: Arc<dyn Clock>, interrupt: impl Fn(&str) + Send + 'static) -> Self {
        let live = Live {
            run,
            interrupt: Box::new(interrupt),
            interrupted: false,
            attempts: Vec::new(),
            birth: None,
        };
        Self { live: Arc::new(Mutex::new(live)), clock, stop: watch::Sender::new(None) }
    }

    /// Puts an attempt on the board. `interrupt` ends it and nothing else, and is called at most once.
    pub fn begin(&self, info: AttemptInfo, interrupt: impl Fn(&str) + Send + 'static) -> LiveAttempt {
        let (id, now) = (info.id.clone(), self.clock.awake());
        let slot = Slot {
            info,
            interrupt: Box::new(interrupt),
            interrupted: false,
            started_at: iso_seconds(self.clock.now()),
            began: now,
            heard: now,
            pid: None,
            idle: false,
        };
        self.lock().attempts.push(slot);
        LiveAttempt { board: self.clone(), id }
    }

    /// Who is to be told, in the thread that started it, of each process of an attempt; nobody: no longer.
    pub fn on_birth(&self, tell: Option<Arc<dyn Fn(u32) + Send + Sync>>) {
        self.lock().birth = tell;
    }

    /// The wish that nothing more be begun, if there is one.
    pub fn stop_asked(&self) -> Option<Asked> {
        self.stop.borrow().clone()
    }

    /// Returns once there is such a wish.
    pub async fn wait_stop(&self) -> Asked {
        let mut receiver = self.stop.subscribe();
        loop {
            if let Some(asked) = receiver.borrow_and_update().clone() {
                return asked;
            }
            // The sender is this board's own, so the channel stays open.
            if receiver.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// The wish was answered; the next one is a new one.
    pub fn stop_answered(&self) {
        self.stop.send_replace(None);
    }

    pub fn status(&self) -> Status {
        let now = self.clock.awake();
        let live = self.lock();
        let millis =
            |since: Duration| u64::try_from(now.saturating_sub(since).as_millis()).unwrap_or(u64::MAX);
        let attempts = live.attempts.iter().map(|slot| AttemptStatus {
            id: slot.info.id.clone(),
            role: slot.info.role.clone(),
            iteration: slot.info.iteration,
            prompt: slot.info.prompt.clone(),
            agent: slot.info.agent.clone(),
            pid: slot.pid,
            started_at: slot.started_at.clone(),
            running_ms: millis(slot.began),
            silent_ms: millis(slot.heard),
            idle: slot.idle,
            interrupted: slot.interrupted || live.interrupted,
        });
        Status {
            attempts: attempts.collect(),
            run: live.run.clone(),
            stop_asked: self.stop.borrow().is_some(),
            interrupted: live.interrupted,
        }
    }

    /// Does what was asked, and says so. Never waits.
    pub fn answer(&self, request: Request) -> Reply {
        match request {
            Request::Status => Reply::status(self.status()),
            Request::Stop { reason, turn_id } => {
                self.stop.send_replace(Some(Asked { reason, turn_id }));
                Reply::done()
            }
            Request::Interrupt { attempt: None } => self.interrupt_run(WHY),
            Request::Cancel => self.interrupt_run(CANCELED),
            Request::Interrupt { attempt: Some(id) } => {
                let mut live = self.lock();
                let run_interrupted = live.interrupted;
                // The lock is held, so it cannot end and another one begin between the look and the deed.
                let Some(slot) = live.attempts.iter_mut().find(|slot| slot.info.id == id) else {
                    return Reply::refused("no such attempt is live here");
                };
                if run_interrupted || std::mem::replace(&mut slot.interrupted, true) {
                    return Reply::already();
                }
                (slot.interrupt)(WHY);
                Reply::done()
            }
        }
    }

    fn interrupt_run(&self, why: &str) -> Reply {
        let mut live = self.lock();
        if std::mem::replace(&mut live.interrupted, true) {
            return Reply::already();
        }
        (live.interrupt)(why);
        Reply::done()
    }

    fn lock(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LiveAttempt {
    /// Its process was started, or another one of the same attempt.
    pub fn spawned(&self, pid: u32) {
        let now = self.board.clock.awake();
        let started_at = iso_seconds(self.board.clock.now());
        self.change(|slot| {
            // One that waited for its turn does not age (supervision.md P2).
            if slot.pid.replace(pid).is_none() {
                (slot.began, slot.started_at) = (now, started_at);
            }
            slot.heard = now;
        });
        let birth = self.board.lock().birth.clone();
        if let Some(tell) = birth {
            tell(pid);
        }
    }

    /// It gave a sign of life.
    pub fn heard(&self) {
        let now = self.board.clock.awake();
        self.change(|slot| {
            slot.heard = now;
            slot.idle = false;
        });
    }

    /// It has been silent for longer than its threshold.
    pub fn fell_idle(&self) {
        self.change(|slot| slot.idle = true);
    }

    fn change(&self, change: impl FnOnce(&mut Slot)) {
        if let Some(slot) = self.board.lock().attempts.iter_mut().find(|slot| slot.info.id == self.id) {
            change(slot);
        }
    }
}

impl Drop for LiveAttempt {
    fn drop(&mut self) {
        self.board.lock().attempts.retain(|slot| slot.info.id != self.id);
    }
}

#[cfg(test)]
mod tests;

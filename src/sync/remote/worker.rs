//! Calls that are given up when nothing happens for too long (G15).
//!
//! libgit2 can wait for ever on a socket and cannot be interrupted there. So it runs in a thread of
//! its own that shows a sign of life whenever something moves; a silent one is left behind and ends
//! with its connection. What it was sending may still arrive, as with any push whose reply is lost.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::error::RemoteError;

/// Signs of life of one call, and whether anybody still waits for it.
#[derive(Debug)]
pub(super) struct Pulse {
    began: Instant,
    last_ms: AtomicU64,
    abandoned: AtomicBool,
}

impl Pulse {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            last_ms: AtomicU64::new(0),
            abandoned: AtomicBool::new(false),
        })
    }

    /// Something moved. `false`: nobody waits any more.
    pub(super) fn beat(&self) -> bool {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_ms.store(now, Ordering::Relaxed);
        !self.abandoned.load(Ordering::Relaxed)
    }

    fn silent_for(&self) -> Duration {
        let last = Duration::from_millis(self.last_ms.load(Ordering::Relaxed));
        self.began.elapsed().saturating_sub(last)
    }
}

/// Ends the network calls in progress and all later ones: the program is to end now.
#[derive(Clone, Default)]
pub struct Cancel(Arc<Mutex<Bells>>);

#[derive(Default)]
struct Bells {
    rung: bool,
    next: u64,
    waiting: Vec<(u64, Box<dyn Fn() + Send>)>,
}

impl Cancel {
    pub fn cancel(&self) {
        let mut bells = self.lock();
        bells.rung = true;
        bells.waiting.iter().for_each(|(_, ring)| ring());
    }

    pub fn is_cancelled(&self) -> bool {
        self.lock().rung
    }

    /// `ring` is called at the cancellation, at once if that was before.
    pub(super) fn watch(&self, ring: impl Fn() + Send + 'static) -> Watch {
        let mut bells = self.lock();
        if bells.rung {
            ring();
        }
        let number = bells.next;
        bells.next += 1;
        bells.waiting.push((number, Box::new(ring)));
        Watch { of: self.clone(), number }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Bells> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Cancel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Cancel").field(&self.is_cancelled()).finish()
    }
}

pub(super) struct Watch {
    of: Cancel,
    number: u64,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.of.lock().waiting.retain(|(number, _)| *number != self.number);
    }
}

type Job<S> = Box<dyn FnOnce(Result<&mut S, RemoteError>) + Send>;
type Make<S> = Arc<dyn Fn() -> Result<S, RemoteError> + Send + Sync>;

enum Answer<T> {
    Done(Result<T, RemoteError>),
    Cancelled,
}

/// A thread with its own `S`, made there on first use and again after a call was given up.
pub(super) struct Worker<S> {
    make: Make<S>,
    jobs: Option<Sender<Job<S>>>,
    silence: Duration,
    cancel: Cancel,
}

impl<S: 'static> Worker<S> {
    pub(super) fn new(
        silence: Duration,
        cancel: Cancel,
        make: impl Fn() -> Result<S, RemoteError> + Send + Sync + 'static,
    ) -> Self {
        Self { make: Arc::new(make), jobs: None, silence, cancel }
    }

    /// Runs `job` in the thread and waits for it as long as it lives.
    pub(super) fn run<T: Send + 'static>(
        &mut self,
        job: impl FnOnce(&mut S, &Arc<Pulse>) -> Result<T, RemoteError> + Send + 'static,
    ) -> Result<T, RemoteError> {
        let pulse = Pulse::new();
        let (answer, answers) = mpsc::channel();
        let bell = answer.clone();
        let _watch = self.cancel.watch(move || {
            // Nobody listens any more: the call is over already.
            let _ = bell.send(Answer::Cancelled);
        });
        let life = Arc::clone(&pulse);
        self.send(Box::new(move |own| {
            life.beat();
            let _ = answer.send(Answer::Done(own.and_then(|own| job(own, &life))));
        }))?;
        loop {
            let left = self.silence.saturating_sub(pulse.silent_for());
            match answers.recv_timeout(left) {
                Ok(Answer::Done(result)) => return result,
                Ok(Answer::Cancelled) => return Err(self.abandon(&pulse, RemoteError::Cancelled)),
                Err(RecvTimeoutError::Timeout) if pulse.silent_for() >= self.silence => {
                    return Err(self.abandon(&pulse, RemoteError::TimedOut(self.silence)));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    let why = "its transport broke down".to_owned();
                    return Err(self.abandon(&pulse, RemoteError::Unreachable(why)));
                }
            }
        }
    }

    fn abandon(&mut self, pulse: &Pulse, why: RemoteError) -> RemoteError {
        pulse.abandoned.store(true, Ordering::Relaxed);
        self.jobs = None;
        why
    }

    fn send(&mut self, job: Job<S>) -> Result<(), RemoteError> {
        if self.jobs.is_none() {
            self.jobs = Some(self.spawn()?);
        }
        let gone = match &self.jobs {
            Some(jobs) => jobs.send(job).is_err(),
            None => true,
        };
        if gone {
            self.jobs = None;
            return Err(RemoteError::Unreachable("its transport ended".to_owned()));
        }
        Ok(())
    }

    fn spawn(&self) -> Result<Sender<Job<S>>, RemoteError> {
        let (sender, jobs) = mpsc::channel::<Job<S>>();
        let make = Arc::clone(&self.make);
        let body = move || {
            let mut own = None;
            for job in jobs {
                if own.is_none() {
                    match make() {
                        Ok(made) => own = Some(made),
                        Err(e) => {
                            job(Err(e));
                            continue;
                        }
                    }
                }
                if let Some(own) = &mut own {
                    job(Ok(own));
                }
            }
        };
        let started = thread::Builder::new().name("remote".to_owned()).spawn(body);
        started.map(|_| sender).map_err(|e| RemoteError::Unreachable(format!("no thread: {e}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker(silence_ms: u64, cancel: &Cancel) -> Worker<u32> {
        Worker::new(Duration::from_millis(silence_ms), cancel.clone(), || Ok(0))
    }

    /// G15: a call that hangs is given up, and the next one works.
    #[test]
    fn a_silent_call_is_left_behind() {
        let mut worker = worker(30, &Cancel::default());
        let (_keep, never) = mpsc::channel::<()>();
        let never = Mutex::new(never);
        let hung = worker.run(move |_, _| {
            let _ = never.lock().unwrap().recv();
            Ok(())
        });
        assert!(matches!(hung, Err(RemoteError::TimedOut(_))));
        // The next calls are no matter of time, however busy the machine is.
        worker.silence = Duration::from_secs(90);
        assert_eq!(
            worker
                .run(|n, _| {
                    *n += 1;
                    Ok(*n)
                })
                .unwrap(),
            1,
            "with a state of its own"
        );
        assert_eq!(
            worker
                .run(|n, _| {
                    *n += 1;
                    Ok(*n)
                })
                .unwrap(),
            2
        );
    }

    /// G15: a call may last for longer than the silence that is allowed, as long as something moves.
    #[test]
    fn a_call_that_moves_is_waited_for() {
        let lasts = || {
            let slow = worker(60, &Cancel::default()).run(|_, life| {
                for _ in 0..10 {
                    thread::sleep(Duration::from_millis(12));
                    life.beat();
                }
                Ok(7)
            });
            slow.is_ok_and(|n| n == 7)
        };
        // A busy machine can hold up the thread itself for that long, but not every time.
        assert!((0..100).any(|_| lasts()));
    }

    #[test]
    fn a_cancelled_call_ends_at_once() {
        let cancel = Cancel::default();
        let mut worker = worker(60_000, &cancel);
        let (_keep, never) = mpsc::channel::<()>();
        let never = Mutex::new(never);
        let bell = cancel.clone();
        let hung = worker.run(move |_, _| {
            bell.cancel();
            let _ = never.lock().unwrap().recv();
            Ok(())
        });
        assert!(matches!(hung, Err(RemoteError::Cancelled)));
        assert!(matches!(worker.run(|_, _| Ok(())), Err(RemoteError::Cancelled)));
    }
}

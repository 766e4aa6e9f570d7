//! The wish to end, from a signal, a limit or a person, as one handle that everybody can hold.

use std::future::Future;
use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::table;

pub(crate) const SIGHUP: i32 = 1;
pub(crate) const SIGINT: i32 = 2;
pub(crate) const SIGKILL: i32 = 9;
pub(crate) const SIGTERM: i32 = 15;
/// The number differs between systems.
pub(crate) const SIGCHLD: i32 = rustix::process::Signal::CHILD.as_raw();

/// Why everything should end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopReason {
    /// The signal's number; `SIGTERM` when it was not a signal.
    pub signal: i32,
    /// For messages.
    pub text: String,
}

impl StopReason {
    pub fn signal(signal: i32) -> Self {
        let text = match signal {
            SIGHUP => "SIGHUP".to_owned(),
            SIGINT => "SIGINT".to_owned(),
            SIGTERM => "SIGTERM".to_owned(),
            other => format!("signal {other}"),
        };
        Self { signal, text }
    }

    /// Not a signal: a lost lease, a budget, a request over the control socket.
    pub fn because(text: impl Into<String>) -> Self {
        Self { signal: SIGTERM, text: text.into() }
    }

    /// 130 after SIGINT, 143 after anything else.
    pub fn exit_code(&self) -> u8 {
        if self.signal == SIGINT { 130 } else { 143 }
    }
}

/// A cloneable handle; all clones are the same wish.
#[derive(Debug, Clone)]
pub struct Stop(watch::Sender<Wish>);

#[derive(Debug, Clone, Default)]
struct Wish {
    reason: Option<StopReason>,
    level: u8,
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

impl Stop {
    /// A handle that listens to nobody yet.
    pub fn new() -> Self {
        Self(watch::Sender::new(Wish::default()))
    }

    /// A handle that follows SIGINT, SIGTERM and SIGHUP: the first asks, the second insists. Signals that were
    /// ignored at start (`nohup`, a background job of a script) stay ignored. Needs a running tokio runtime.
    pub fn install_signals() -> io::Result<Self> {
        let stop = Self::new();
        let ignored = table::ignored_signals();
        for number in [SIGINT, SIGTERM, SIGHUP] {
            if !ignored.contains(&number) {
                let stream = signal(SignalKind::from_raw(number))?;
                tokio::spawn(stop.clone().follow(stream, number));
            }
        }
        Ok(stop)
    }

    async fn follow(self, mut stream: Signal, number: i32) {
        while stream.recv().await.is_some() {
            self.trigger(StopReason::signal(number));
        }
    }

    /// Asks for the end; asking again makes it immediate. The first reason stays.
    pub fn trigger(&self, reason: StopReason) {
        self.0.send_modify(|wish| {
            wish.level = wish.level.saturating_add(1);
            wish.reason.get_or_insert(reason);
        });
    }

    /// Asks for the end unless it has been asked for; never makes it immediate.
    pub fn ask(&self, reason: StopReason) {
        self.0.send_if_modified(|wish| {
            let first = wish.level == 0;
            if first {
                *wish = Wish { reason: Some(reason), level: 1 };
            }
            first
        });
    }

    /// The first reason, once there is one.
    pub fn requested(&self) -> Option<StopReason> {
        self.0.borrow().reason.clone()
    }

    /// Like `requested`, but lets a signal that came during synchronous work through first.
    pub async fn check(&self) -> Option<StopReason> {
        // One turn of the runtime for the signal driver, one for the listening task.
        for _ in 0..2 {
            tokio::task::yield_now().await;
        }
        self.requested()
    }

    /// Asked for twice.
    pub fn immediate(&self) -> bool {
        self.0.borrow().level > 1
    }

    /// Returns once the end has been asked for.
    pub async fn wait(&self) -> StopReason {
        self.reached(1).await;
        self.requested().unwrap_or_else(|| StopReason::because("stopped"))
    }

    /// Returns once the end has been asked for `level` times.
    pub(crate) fn reached(&self, level: u8) -> impl Future<Output = ()> + use<> {
        let mut receiver = self.0.subscribe();
        let keep = self.0.clone();
        async move {
            // The sender is kept, so the channel cannot close while this waits.
            let _ = receiver.wait_for(|wish| wish.level >= level).await;
            drop(keep);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// P10: 130 for SIGINT, 143 for SIGTERM and SIGHUP.
    #[test]
    fn exit_codes() {
        let codes = [SIGINT, SIGTERM, SIGHUP].map(|s| StopReason::signal(s).exit_code());
        assert_eq!(codes, [130, 143, 143]);
    }

    #[test]
    fn asking_politely_never_insists() {
        let stop = Stop::new();
        stop.ask(StopReason::because("one"));
        stop.ask(StopReason::because("two"));
        assert_eq!(stop.requested().map(|r| r.text), Some("one".to_owned()));
        assert!(!stop.immediate());
    }

    #[tokio::test]
    async fn the_second_request_insists_and_the_first_reason_stays() {
        let stop = Stop::new();
        assert_eq!((stop.requested(), stop.immediate()), (None, false));
        stop.clone().trigger(StopReason::signal(SIGINT));
        assert_eq!(stop.wait().await.signal, SIGINT);
        assert!(!stop.immediate());
        stop.trigger(StopReason::because("lease lost"));
        stop.reached(2).await;
        assert!(stop.immediate());
        assert_eq!(stop.requested().map(|r| r.text), Some("SIGINT".to_owned()));
    }
}

//! Time, injected: nothing else in the library reads a clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;

/// A source of time.
pub trait Clock: Send + Sync {
    /// Wall-clock time.
    fn now(&self) -> Timestamp;
    /// Time since boot, suspend included (leases must not stretch while a laptop sleeps).
    fn mono(&self) -> Duration;
    /// Time the machine was awake, suspend excluded: an agent must not be found silent for the
    /// night its laptop slept through.
    fn awake(&self) -> Duration {
        self.mono()
    }
}

/// The machine's clocks.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn mono(&self) -> Duration {
        #[cfg(target_os = "linux")]
        let id = rustix::time::ClockId::Boottime;
        #[cfg(not(target_os = "linux"))]
        let id = rustix::time::ClockId::Monotonic;
        since_boot(id)
    }

    fn awake(&self) -> Duration {
        // macOS counts suspend in neither clock under this name, Linux only in `Boottime`.
        since_boot(rustix::time::ClockId::Monotonic)
    }
}

fn since_boot(id: rustix::time::ClockId) -> Duration {
    let t = rustix::time::clock_gettime(id);
    Duration::new(u64::try_from(t.tv_sec).unwrap_or(0), u32::try_from(t.tv_nsec).unwrap_or(0))
}

/// A clock that moves only when told to, for tests and simulations.
#[derive(Debug)]
pub struct ManualClock {
    start: Timestamp,
    elapsed_ms: AtomicU64,
}

impl ManualClock {
    /// A clock that stands at `start`.
    pub fn at(start: Timestamp) -> Self {
        Self { start, elapsed_ms: AtomicU64::new(0) }
    }

    /// Moves both clocks forward.
    pub fn advance(&self, by: Duration) {
        let ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.elapsed_ms.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.start.saturating_add(self.mono()).unwrap_or(self.start)
    }

    fn mono(&self) -> Duration {
        Duration::from_millis(self.elapsed_ms.load(Ordering::SeqCst))
    }
}

/// `YYYY-MM-DDTHH:MM:SSZ`, whole seconds: the form of the state file.
pub fn iso_seconds(t: Timestamp) -> String {
    t.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `YYYYMMDD_HHMMSS` in UTC: the form of file names.
pub fn file_stamp(t: Timestamp) -> String {
    t.strftime("%Y%m%d_%H%M%S").to_string()
}

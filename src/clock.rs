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

/// `0.4s`, `12s`, `4m12s`, `2h03m`, `3d04h`.
pub fn duration(d: Duration) -> String {
    let secs = d.as_secs();
    match secs {
        0..10 => format!("{:.1}s", d.as_secs_f64()),
        10..60 => format!("{secs}s"),
        60..3600 => format!("{}m{:02}s", secs / 60, secs % 60),
        3600..86_400 => format!("{}h{:02}m", secs / 3600, secs % 3600 / 60),
        _ => format!("{}d{:02}h", secs / 86_400, secs % 86_400 / 3600),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        let shown: Vec<String> =
            [0, 9, 42, 60, 3599, 3600, 90_000].map(|s| duration(Duration::from_secs(s))).to_vec();
        assert_eq!(shown, ["0.0s", "9.0s", "42s", "1m00s", "59m59s", "1h00m", "1d01h"]);
    }
}

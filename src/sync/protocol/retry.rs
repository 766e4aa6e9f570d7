//! Back-off with full jitter, bounded by time (G15).

use std::time::Duration;

/// Something that failed a few times in a row.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Retry {
    since: Option<Duration>,
    attempts: u32,
}

const FIRST: Duration = Duration::from_millis(500);
/// Of the limit: half a minute of the default fifteen.
const LONGEST_PART: u32 = 30;

impl Retry {
    /// Counts one more failure. The longest wait before the next try, or `None` when `limit`
    /// has passed since the first of them (0: at once).
    pub fn failed(&mut self, now: Duration, limit: Duration) -> Option<Duration> {
        let since = *self.since.get_or_insert(now);
        let spent = now.saturating_sub(since);
        if spent >= limit {
            return None;
        }
        let longest = limit / LONGEST_PART;
        let most = FIRST.saturating_mul(1 << self.attempts.min(10)).min(longest);
        self.attempts = self.attempts.saturating_add(1);
        Some(most.min(limit.saturating_sub(spent)))
    }

    /// It worked.
    pub fn over(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    /// G15: the waits grow, stay bounded and never reach past the limit.
    #[test]
    fn waits_grow_and_end() {
        let mut retry = Retry::default();
        let limit = secs(900);
        let mut now = secs(7);
        let mut last = Duration::ZERO;
        for _ in 0..6 {
            let most = retry.failed(now, limit).unwrap();
            assert!(most > last && most <= limit / LONGEST_PART);
            last = most;
            now += secs(1);
        }
        assert_eq!(retry.failed(secs(7 + 899), limit), Some(secs(1)));
        assert_eq!(retry.failed(secs(7 + 900), limit), None);
        retry.over();
        assert_eq!(retry.failed(secs(500), limit), Some(FIRST));
    }

    /// G15: half a minute of a quarter of an hour is the longest rest.
    #[test]
    fn no_rest_is_longer_than_its_part() {
        let mut retry = Retry::default();
        let rests: Vec<u64> =
            (0..8).map(|n| retry.failed(secs(n), secs(900)).unwrap()).map(|d| d.as_secs()).collect();
        assert_eq!(rests, [0, 1, 2, 4, 8, 16, 30, 30]);
    }

    /// G15: `retry_secs: 0` fails at once.
    #[test]
    fn no_time_means_no_second_try() {
        assert_eq!(Retry::default().failed(secs(1), Duration::ZERO), None);
    }
}

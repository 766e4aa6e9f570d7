//! How far a run is and how long it still takes (workstreams.md W22). Pure.

use std::fmt::Write as _;
use std::time::Duration;

use crate::clock::duration;
use crate::ledger::StepState;

/// Counts by step: a retry is no second one.
#[derive(Debug, Clone)]
pub struct Progress {
    rank: Vec<u64>,
    /// Steps of each rank that are not over: the longest way that is left is its highest one.
    left_of_rank: Vec<usize>,
    counts: Counts,
    limit: u64,
    over: Vec<bool>,
    running: Vec<bool>,
    measured: u32,
    sum: Duration,
}

/// What is left is told from here on: a guess of a moment is no news.
const TOLD: Duration = Duration::from_secs(5);

/// What a person sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Counts {
    pub total: usize,
    /// Over, whatever the end.
    pub done: usize,
    pub running: usize,
    pub succeeded: usize,
    pub failed: usize,
    pub skipped: usize,
    pub canceled: usize,
    /// None until a step has ended.
    pub eta: Option<Duration>,
}

impl Progress {
    /// `depth`: of each step the number of steps on the longest way from it to an end.
    pub fn new(depth: Vec<u64>, limit: usize) -> Self {
        let highest = depth.iter().copied().max().unwrap_or(0);
        let mut left_of_rank = vec![0; usize::try_from(highest).unwrap_or(0) + 1];
        for own in &depth {
            left_of_rank[usize::try_from(*own).unwrap_or(0)] += 1;
        }
        let total = depth.len();
        Self {
            rank: depth,
            left_of_rank,
            counts: Counts { total, ..Counts::default() },
            limit: u64::try_from(limit.max(1)).unwrap_or(u64::MAX),
            over: vec![false; total],
            running: vec![false; total],
            measured: 0,
            sum: Duration::ZERO,
        }
    }

    /// A step came into a state; of one that ran, how long.
    pub fn moved(&mut self, step: usize, to: StepState, took: Option<Duration>) {
        if std::mem::replace(&mut self.running[step], to == StepState::Running) {
            self.counts.running -= 1;
        }
        self.counts.running += usize::from(to == StepState::Running);
        if !to.is_over() || std::mem::replace(&mut self.over[step], true) {
            return;
        }
        self.counts.done += 1;
        match to {
            StepState::Succeeded => self.counts.succeeded += 1,
            StepState::Failed => self.counts.failed += 1,
            StepState::Skipped => self.counts.skipped += 1,
            _ => self.counts.canceled += 1,
        }
        self.left_of_rank[usize::try_from(self.rank[step]).unwrap_or(0)] -= 1;
        while self.left_of_rank.len() > 1 && self.left_of_rank.last() == Some(&0) {
            self.left_of_rank.pop();
        }
        if let Some(took) = took {
            self.measured = self.measured.saturating_add(1);
            self.sum = self.sum.saturating_add(took);
        }
    }

    pub fn counts(&self) -> Counts {
        let left = u64::try_from(self.counts.total - self.counts.done).unwrap_or(u64::MAX);
        let way = u64::try_from(self.left_of_rank.len() - 1).unwrap_or(u64::MAX);
        // Neither more at once than may run nor faster than the longest way.
        let rounds = u32::try_from(left.div_ceil(self.limit).max(way.min(left))).unwrap_or(u32::MAX);
        let mean = self.sum.checked_div(self.measured);
        let eta = match (left, mean) {
            (0, _) => Some(Duration::ZERO),
            (_, mean) => mean.map(|mean| mean.saturating_mul(rounds)),
        };
        Counts { eta, ..self.counts }
    }
}

impl Counts {
    /// `, about 40s left`, or nothing.
    pub fn left_words(&self) -> String {
        let eta = self.eta.filter(|eta| self.done < self.total && *eta >= TOLD);
        eta.map_or_else(String::new, |eta| format!(", about {} left", duration(eta)))
    }

    /// `3 of 10`, and what went otherwise than well.
    pub fn words(&self) -> String {
        let mut words = format!("{} of {}", self.done, self.total);
        for (count, word) in [(self.failed, "failed"), (self.skipped, "skipped"), (self.canceled, "canceled")]
        {
            if count > 0 {
                // Writing to a String cannot fail.
                let _ = write!(words, ", {count} {word}");
            }
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use StepState::{Canceled, Failed, Running, Skipped, Succeeded};

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_longest_way_or_the_places() {
        // A chain of three and three beside it, two at once.
        let mut progress = Progress::new(vec![3, 2, 1, 1, 1, 1], 2);
        assert_eq!(progress.counts().eta, None);
        progress.moved(0, Running, None);
        progress.moved(0, Succeeded, Some(SECOND));
        assert_eq!(progress.counts().eta, Some(3 * SECOND), "five steps, two at once");
        for step in 3..6 {
            progress.moved(step, Succeeded, Some(SECOND));
        }
        assert_eq!(progress.counts().eta, Some(2 * SECOND), "a chain of two");
        progress.moved(1, Failed, Some(SECOND));
        progress.moved(2, Skipped, None);
        let counts = progress.counts();
        assert_eq!((counts.done, counts.eta), (6, Some(Duration::ZERO)));
        assert_eq!(counts.words(), "6 of 6, 1 failed, 1 skipped");
    }

    proptest! {
        /// W22: never above the whole, whatever is told, and at the end nothing is left.
        #[test]
        fn never_above_the_whole(moves in prop::collection::vec((0usize..6, 0usize..5), 0..60)) {
            let mut progress = Progress::new(vec![2, 2, 1, 1, 1, 1], 2);
            let states = [Running, Succeeded, Failed, Skipped, Canceled];
            for (step, state) in moves {
                progress.moved(step, states[state], Some(SECOND));
                let counts = progress.counts();
                prop_assert!(counts.done <= counts.total && counts.running <= counts.total);
                let sum = counts.succeeded + counts.failed + counts.skipped + counts.canceled;
                prop_assert_eq!(sum, counts.done);
            }
            for step in 0..6 {
                progress.moved(step, Succeeded, None);
            }
            let counts = progress.counts();
            prop_assert_eq!((counts.done, counts.running, counts.eta), (6, 0, Some(Duration::ZERO)));
        }
    }
}

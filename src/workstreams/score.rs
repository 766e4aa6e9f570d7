//! What is known of a tool from its runs, and which of several is taken by it (workstreams.md W15 `auto`). Pure.

use serde::{Deserialize, Serialize};

/// After so many runs a result counts half.
pub const HALF_LIFE: f64 = 50.0;
/// Every so many decisions the least tried candidate is taken, so that one that got better is found.
pub const EXPLORE_EVERY: u64 = 10;
/// What the slowest candidate loses against one that needs no time.
const SLOWNESS: f64 = 0.2;

/// The record of one tool; older runs count less.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Record {
    pub runs: u64,
    /// Of successes, 0 to 1; of no meaning without a run.
    pub success_rate: f64,
    pub latency_ms: f64,
}

fn decay() -> f64 {
    0.5f64.powf(1.0 / HALF_LIFE)
}

/// The sum of the weights of so many runs.
#[expect(clippy::cast_precision_loss, reason = "counts of runs")]
fn weight(runs: u64) -> f64 {
    (1.0 - decay().powf(runs as f64)) / (1.0 - decay())
}

impl Record {
    /// With one run more.
    #[must_use]
    pub fn with(self, success: bool, latency_ms: f64) -> Self {
        let runs = self.runs.saturating_add(1);
        let part = 1.0 / weight(runs);
        let towards = |old: f64, new: f64| old + (new - old) * part;
        Self {
            runs,
            success_rate: towards(self.success_rate, if success { 1.0 } else { 0.0 }),
            latency_ms: towards(self.latency_ms, latency_ms),
        }
    }

    /// The rate, as if there had been one success and one failure before: one lucky run proves little.
    pub fn smoothed(&self) -> f64 {
        let own = weight(self.runs);
        (self.success_rate * own + 1.0) / (own + 2.0)
    }
}

/// A candidate with its record and how many of it run.
#[derive(Debug, Clone, Copy)]
pub struct Candidate {
    pub record: Record,
    pub running: u64,
}

/// The place of the one that is taken, and why. None of no candidates.
pub fn pick(candidates: &[Candidate]) -> Option<(usize, String)> {
    let tried = |c: &Candidate| c.record.runs.saturating_add(c.running);
    let fewest = candidates.iter().enumerate().min_by_key(|(place, c)| (tried(c), *place))?;
    if tried(fewest.1) == 0 {
        return Some((fewest.0, "never tried before".into()));
    }
    let all = candidates.iter().map(tried).fold(0u64, u64::saturating_add);
    if candidates.len() > 1 && all % EXPLORE_EVERY == EXPLORE_EVERY - 1 {
        return Some((fewest.0, format!("tried least: every {EXPLORE_EVERY}th decision explores")));
    }
    let slowest = candidates.iter().map(|c| c.record.latency_ms).fold(0.0, f64::max);
    let score = |c: &Candidate| {
        let slow = if slowest > 0.0 { c.record.latency_ms / slowest } else { 0.0 };
        c.record.smoothed() - SLOWNESS * slow
    };
    // One whose first run is under way has no record to go by, unless none has.
    let any = candidates.iter().any(|c| c.record.runs > 0);
    let mut best: Option<(usize, f64)> = None;
    for (place, candidate) in candidates.iter().enumerate().filter(|(_, c)| c.record.runs > 0 || !any) {
        let own = score(candidate);
        if best.is_none_or(|(_, score)| own > score) {
            best = Some((place, own));
        }
    }
    best.map(|(place, score)| (place, format!("best score {score:.2}")))
}

#[cfg(test)]
mod tests_edges;

#[cfg(test)]
mod tests {
    use super::*;

    /// Tools that succeed in so many of ten runs and need so long.
    fn play(tools: &[(u64, f64)], rounds: u64, mut records: Vec<Record>) -> (Vec<Record>, Vec<u64>) {
        let mut taken = vec![0; tools.len()];
        for round in 0..rounds {
            let candidates: Vec<Candidate> =
                records.iter().map(|record| Candidate { record: *record, running: 0 }).collect();
            let (place, _) = pick(&candidates).unwrap();
            taken[place] += 1;
            let good = (round * 7 + 3) % 10 < tools[place].0;
            records[place] = records[place].with(good, tools[place].1);
        }
        (records, taken)
    }

    /// W15: it comes to prefer the better one, and goes on trying the other.
    #[test]
    fn it_converges_and_explores() {
        let fresh = vec![Record::default(); 2];
        let (_, taken) = play(&[(3, 100.0), (9, 100.0)], 400, fresh.clone());
        assert!(taken[1] > 320 && taken[0] >= 38, "{taken:?}");
        // Equally good: the faster one.
        let (_, taken) = play(&[(10, 900.0), (10, 100.0)], 400, fresh.clone());
        assert!(taken[1] > 320 && taken[0] >= 38, "{taken:?}");
        // What was good turns bad: it is found out, for old runs count less and less.
        let (records, _) = play(&[(2, 100.0), (9, 100.0)], 300, fresh);
        let (_, taken) = play(&[(9, 100.0), (1, 100.0)], 600, records);
        assert!(taken[0] > 400, "{taken:?}");
    }

    #[test]
    fn the_untried_come_first() {
        let tried = Candidate { record: Record::default().with(true, 1.0), running: 0 };
        let fresh = Candidate { record: Record::default(), running: 0 };
        let busy = Candidate { record: Record::default(), running: 1 };
        assert_eq!(pick(&[tried, fresh]).unwrap().0, 1);
        assert_eq!(pick(&[tried, busy]).unwrap().0, 0, "its first run is under way");
        assert!(pick(&[]).is_none());
    }

    /// A result counts half after the half-life.
    #[test]
    fn old_results_fade() {
        let bad = (0..50).fold(Record::default(), |r, _| r.with(false, 10.0));
        let mended = (0..50).fold(bad, |r, _| r.with(true, 10.0));
        assert!((mended.success_rate - 2.0 / 3.0).abs() < 0.01, "{mended:?}");
        assert!((mended.latency_ms - 10.0).abs() < 1e-6);
    }
}

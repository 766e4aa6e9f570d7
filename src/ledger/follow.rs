//! A subscriber: it reads the ledger from a number on, so it misses nothing and holds nobody.

use std::path::Path;
use std::time::Duration;

use super::error::LedgerError;
use super::model::EventRow;
use super::read::EventFilter;
use super::schema::Ledger;
use super::wake::Wake;

/// Events of one batch: what is kept in memory at once.
const BATCH: u32 = 500;

/// Reads events in their order, those that come later too.
#[derive(Debug)]
pub struct Follower {
    ledger: Ledger,
    filter: EventFilter,
    after: i64,
    bytes: usize,
    wake: Wake,
}

impl Follower {
    /// Begins after the event `after`; 0 is the beginning.
    pub fn new(ledger: Ledger, filter: EventFilter, after: i64) -> Self {
        let folder = ledger.path().parent().unwrap_or(Path::new("."));
        let wake = Wake::new(folder);
        Self { ledger, filter, after, bytes: usize::MAX, wake }
    }

    /// Reads batches whose data is at most about so many bytes.
    #[must_use]
    pub fn in_batches_of(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// Up to which number it has looked.
    pub fn position(&self) -> i64 {
        self.after
    }

    /// The next events; empty if there are none yet.
    pub fn read(&mut self) -> Result<Vec<EventRow>, LedgerError> {
        // A damaged file was replaced; the numbers of the new one go on behind those of the old one.
        if self.ledger.replaced() && self.ledger.path().exists() {
            self.ledger = Ledger::open_existing(self.ledger.path())?;
        }
        // Whole batches may hold nothing that fits the filter.
        loop {
            let before = self.after;
            let (rows, after) = self.ledger.events_within(&self.filter, self.after, BATCH, self.bytes)?;
            self.after = after;
            if !rows.is_empty() || after == before {
                return Ok(rows);
            }
        }
    }

    /// Waits until there may be more, at most `limit`.
    pub fn wait(&mut self, limit: Duration) {
        self.wake.wait(limit);
    }

    /// Whether the run that is followed is over: nothing more will come.
    pub fn is_over(&self) -> Result<bool, LedgerError> {
        let Some(run_id) = &self.filter.run_id else { return Ok(false) };
        let run = self.ledger.run(run_id)?;
        Ok(run.is_none_or(|run| run.ended_at.is_some() || self.ledger.is_abandoned(&run)))
    }
}

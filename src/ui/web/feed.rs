//! The one reader of the ledger that all open pages share.
//!
//! It reads only while a page is open, and never waits for one: a batch goes into a ring of bounded size, and a page
//! that has fallen out of it reads on from the ledger for itself.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::broadcast;

use super::parts::{Part, parts};
use super::site::{Project, open};
use super::watch::Watch;
use crate::ledger::{EventFilter, Follower, LedgerError};

/// Between two batches: what comes meanwhile is sent together.
const GAP: Duration = Duration::from_millis(80);
/// The same while there is more than fits into one.
const SHORT_GAP: Duration = Duration::from_millis(25);
/// A wake-up that was missed costs at most this.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// While there is no ledger, or it cannot be read.
const NONE_YET: Duration = Duration::from_millis(300);
/// Data of a batch, about.
pub(super) const BATCH_BYTES: usize = 192 * 1024;
/// Batches in the ring: a second of a flood, some seconds of anything else, and at most some MiB.
const RING: usize = 40;

/// Everything that was recorded after `from`, up to `to`.
#[derive(Debug)]
pub(super) struct Batch {
    pub from: i64,
    pub to: i64,
    pub parts: Vec<Part>,
}

pub(super) struct Feed {
    ledger: PathBuf,
    project: Arc<dyn Project>,
    watch: Arc<Watch>,
    news: broadcast::Sender<Arc<Batch>>,
    /// Open pages.
    readers: Mutex<usize>,
    more: Condvar,
}

/// A page is open; dropped, it is not any more.
pub(super) struct Reading(Arc<Feed>);

impl Drop for Reading {
    fn drop(&mut self) {
        *self.0.lock() -= 1;
        self.0.watch.leave();
    }
}

impl Feed {
    pub(super) fn start(
        ledger: PathBuf,
        project: Arc<dyn Project>,
        watch: Arc<Watch>,
    ) -> std::io::Result<Arc<Self>> {
        let feed = Arc::new(Self {
            ledger,
            project,
            watch,
            news: broadcast::Sender::new(RING),
            readers: Mutex::new(0),
            more: Condvar::new(),
        });
        let own = Arc::clone(&feed);
        // It ends with the program: it holds nothing that would have to be put down first.
        std::thread::Builder::new().name("feed".into()).spawn(move || own.run())?;
        Ok(feed)
    }

    /// Has the ledger read as long as the answer lives.
    pub(super) fn read(self: &Arc<Self>) -> Reading {
        *self.lock() += 1;
        self.more.notify_all();
        self.watch.enter();
        Reading(Arc::clone(self))
    }

    /// What is read from now on.
    pub(super) fn listen(&self) -> broadcast::Receiver<Arc<Batch>> {
        self.news.subscribe()
    }

    /// Covers what is secret.
    pub(super) fn mask(&self, part: Part) -> Part {
        match self.project.mask(&part.bytes) {
            Cow::Borrowed(_) => part,
            Cow::Owned(masked) => Part { bytes: Bytes::from(masked), ..part },
        }
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        loop {
            let guard = self.lock();
            drop(self.more.wait_while(guard, |readers| *readers == 0));
            if let Err(error) = self.follow() {
                tracing::warn!("the ledger cannot be read: {error}");
                std::thread::sleep(NONE_YET);
            }
        }
    }

    /// Until nobody reads any more.
    fn follow(&self) -> Result<(), LedgerError> {
        let Some(ledger) = open(&self.ledger)? else {
            std::thread::sleep(NONE_YET);
            return Ok(());
        };
        let begin = ledger.last_seq()?;
        let mut follower = Follower::new(ledger, EventFilter::default(), begin).in_batches_of(BATCH_BYTES);
        // Whoever began to read before this moment looks for itself up to here.
        let _ = self.news.send(Arc::new(Batch { from: begin, to: begin, parts: Vec::new() }));
        while *self.lock() > 0 {
            let from = follower.position();
            let rows = follower.read()?;
            if rows.is_empty() {
                follower.wait(LOOK_AGAIN);
                continue;
            }
            let parts: Vec<Part> = parts(&rows).into_iter().map(|part| self.mask(part)).collect();
            let full = parts.iter().map(|part| part.bytes.len()).sum::<usize>() >= BATCH_BYTES;
            if parts.iter().any(|part| !part.output) {
                self.watch.look();
            }
            // Nobody listens only while they still read what was before.
            let _ = self.news.send(Arc::new(Batch { from, to: follower.position(), parts }));
            std::thread::sleep(if full { SHORT_GAP } else { GAP });
        }
        Ok(())
    }
}

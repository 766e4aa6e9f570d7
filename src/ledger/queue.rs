//! What waits for the writer: bounded, and putting something in never takes long.

use std::collections::VecDeque;
use std::sync::mpsc::Sender;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::change::Entry;
use super::error::LedgerError;
use crate::event::Event;

/// Events wait this long for company before they are written: what a kill can lose.
const LINGER: Duration = Duration::from_millis(50);
/// Between two transactions while transitions come thick and fast and nobody waits for them: one after a quiet spell
/// is written at once.
const GAP: Duration = Duration::from_millis(2);
/// What was written and nobody waits for is on the disk so much later, together with what came meanwhile.
const SYNC_AFTER: Duration = Duration::from_millis(10);
/// A batch is at most this much, so that progress shows while the writer is behind.
const BATCH: usize = 1024;
const BATCH_BYTES: usize = 1 << 18;
/// What may wait.
const LIMIT: usize = 8 * BATCH;
const LIMIT_BYTES: usize = 8 * BATCH_BYTES;
/// A full queue that does not move for so long belongs to an ill disk: from then on events are dropped and counted. A
/// healthy one that others keep busy may take most of a second for one trip.
const PATIENCE: Duration = Duration::from_secs(2);

/// An entry, and whoever waits for what becomes of it.
#[derive(Debug)]
pub(super) struct Item {
    pub entry: Entry,
    pub reply: Option<Sender<Progress>>,
}

/// How far a transition has come.
#[derive(Debug)]
pub(super) enum Progress {
    /// The death of the program cannot undo it any more (unless it was refused).
    Written,
    /// On the disk, or refused.
    Done(Result<(), LedgerError>),
}

impl Item {
    pub(super) fn is_change(&self) -> bool {
        matches!(self.entry, Entry::Change(_))
    }

    /// Tells who waits; whoever asked may have gone on.
    pub(super) fn tell_written(&self) {
        if let Some(reply) = &self.reply {
            let _ = reply.send(Progress::Written);
        }
    }

    fn bytes(&self) -> usize {
        match &self.entry {
            Entry::Event(record) => match &record.event {
                Event::AttemptOutput { text, .. } => 256 + text.len(),
                _ => 256,
            },
            Entry::Change(_) => 1024,
        }
    }
}

/// What the writer is to do next.
#[derive(Debug)]
pub(super) enum Work {
    Write(Vec<Item>),
    /// Bring to the disk what was written.
    Sync,
    End,
}

#[derive(Debug, Default)]
struct Inner {
    items: VecDeque<Item>,
    bytes: usize,
    changes: usize,
    /// When the first of the waiting events came.
    since: Option<Instant>,
    /// When transitions were last taken out.
    last: Option<Instant>,
    /// When the oldest transition was written that is not on the disk yet.
    unsynced: Option<Instant>,
    /// Somebody waits for a transition.
    hurry: bool,
    /// How often something was taken out.
    taken: u64,
    closing: bool,
    /// The writer has ended.
    gone: bool,
    /// It was full and did not move.
    ill: bool,
    lost: u64,
    problems: Vec<String>,
}

impl Inner {
    fn is_full(&self) -> bool {
        self.items.len() >= LIMIT || self.bytes >= LIMIT_BYTES
    }

    /// When the next batch is to be taken; none: there is nothing to take.
    fn write_at(&self, now: Instant) -> Option<Instant> {
        let full = self.items.len() >= BATCH || self.bytes >= BATCH_BYTES;
        if self.items.is_empty() {
            None
        } else if self.closing || full || (self.hurry && self.changes > 0) {
            Some(now)
        } else if self.changes > 0 {
            Some(self.last.map_or(now, |last| last + GAP))
        } else {
            Some(self.since.unwrap_or(now) + LINGER)
        }
    }

    fn sync_at(&self, now: Instant) -> Option<Instant> {
        self.unsynced.map(|since| if self.hurry || self.closing { now } else { since + SYNC_AFTER })
    }
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    /// Told to the writer.
    more: Condvar,
    /// Told by the writer.
    room: Condvar,
}

impl Queue {
    /// A thread that panicked left whole entries behind: every change under the lock is one call.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an entry in. Transitions always find room, as they are few; an event waits for room as long as the
    /// writer moves, and is counted as lost when it does not.
    pub(super) fn put(&self, item: Item) {
        let now = Instant::now();
        let mut inner = self.lock();
        if !item.is_change() {
            while inner.is_full() && !inner.ill && !inner.gone {
                let seen = inner.taken;
                let (guard, time) =
                    self.room.wait_timeout(inner, PATIENCE).unwrap_or_else(PoisonError::into_inner);
                inner = guard;
                inner.ill = time.timed_out() && inner.taken == seen;
            }
            if inner.is_full() {
                inner.lost += 1;
                return;
            }
            inner.ill = false;
        }
        if inner.gone {
            inner.lost += 1;
            return;
        }
        let before = inner.write_at(now);
        inner.bytes += item.bytes();
        inner.changes += usize::from(item.is_change());
        inner.since.get_or_insert(now);
        inner.items.push_back(item);
        if inner.write_at(now) != before {
            self.more.notify_one();
        }
    }

    /// What was put in, or written, is waited for.
    pub(super) fn hurry(&self) {
        let mut inner = self.lock();
        if !inner.hurry && (inner.changes > 0 || inner.unsynced.is_some()) {
            inner.hurry = true;
            self.more.notify_one();
        }
    }

    /// Waits for the next thing to do.
    pub(super) fn next(&self) -> Work {
        let mut inner = self.lock();
        loop {
            let now = Instant::now();
            let (write, sync) = (inner.write_at(now), inner.sync_at(now));
            if write.is_some_and(|at| at <= now) {
                return Work::Write(self.take(&mut inner, now));
            }
            if sync.is_some_and(|at| at <= now) {
                return Work::Sync;
            }
            if inner.closing {
                return Work::End;
            }
            inner = match write.into_iter().chain(sync).min() {
                None => self.more.wait(inner).unwrap_or_else(PoisonError::into_inner),
                Some(at) => {
                    let left = at.saturating_duration_since(now);
                    self.more.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    fn take(&self, inner: &mut Inner, now: Instant) -> Vec<Item> {
        let mut batch = Vec::new();
        let (mut size, changes) = (0, inner.changes);
        while batch.len() < BATCH && size < BATCH_BYTES {
            let Some(item) = inner.items.pop_front() else { break };
            size += item.bytes();
            inner.changes -= usize::from(item.is_change());
            batch.push(item);
        }
        if inner.changes < changes {
            inner.last = Some(now);
        }
        inner.since = (!inner.items.is_empty()).then_some(now);
        inner.bytes = inner.bytes.saturating_sub(size);
        inner.taken += 1;
        self.room.notify_all();
        batch
    }

    /// Transitions were written and are not on the disk yet.
    pub(super) fn written(&self) {
        self.lock().unsynced.get_or_insert_with(Instant::now);
    }

    /// All that was written is on the disk.
    pub(super) fn synced(&self) {
        let mut inner = self.lock();
        inner.unsynced = None;
        inner.hurry &= inner.changes > 0;
    }

    /// Lets time pass, but not after the wish to end.
    pub(super) fn pause(&self, time: Duration) {
        let guard = self.lock();
        drop(self.more.wait_timeout_while(guard, time, |inner| !inner.closing));
    }

    pub(super) fn is_closing(&self) -> bool {
        self.lock().closing
    }

    /// No more will come.
    pub(super) fn close(&self) {
        self.lock().closing = true;
        self.more.notify_one();
    }

    /// The writer has ended; nobody waits for it any more.
    pub(super) fn end(&self) {
        let mut inner = self.lock();
        inner.gone = true;
        inner.items.clear();
        self.room.notify_all();
    }

    pub(super) fn say(&self, problem: String) {
        self.lock().problems.push(problem);
    }

    /// What a person should know, once.
    pub(super) fn problems(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().problems)
    }

    pub(super) fn add_lost(&self, count: u64) {
        self.lock().lost += count;
    }

    /// How many events were lost since this was last asked.
    pub(super) fn lost(&self) -> u64 {
        std::mem::take(&mut self.lock().lost)
    }
}

//! What waits for the writer: bounded, and putting something in never takes long.

use std::collections::VecDeque;
use std::sync::mpsc::Sender;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::change::Entry;
use super::error::LedgerError;
use crate::event::Event;

/// Events wait this long for company before they are written: what a kill can lose.
const LINGER: Duration = Duration::from_millis(50);
/// A batch is at most this much, so that progress shows while the writer is behind.
const BATCH: usize = 1024;
const BATCH_BYTES: usize = 1 << 18;
/// What may wait.
const LIMIT: usize = 8 * BATCH;
const LIMIT_BYTES: usize = 8 * BATCH_BYTES;
/// A full queue that does not move for so long belongs to an ill disk: from then on events are dropped and counted.
const PATIENCE: Duration = Duration::from_millis(250);

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

#[derive(Debug, Default)]
struct Inner {
    items: VecDeque<Item>,
    bytes: usize,
    changes: usize,
    /// How often something was taken out.
    taken: u64,
    /// The writer waits for anything; else it wants to be woken for what is urgent.
    idle: bool,
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

    fn is_urgent(&self) -> bool {
        self.closing || self.changes > 0 || self.items.len() >= BATCH || self.bytes >= BATCH_BYTES
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
        let urgent = inner.is_urgent();
        inner.bytes += item.bytes();
        inner.changes += usize::from(item.is_change());
        inner.items.push_back(item);
        if inner.idle || (inner.is_urgent() && !urgent) {
            inner.idle = false;
            self.more.notify_one();
        }
    }

    /// Takes the next batch; an empty one is the end.
    pub(super) fn take(&self) -> Vec<Item> {
        let mut inner = self.lock();
        while inner.items.is_empty() && !inner.closing {
            inner.idle = true;
            inner = self.more.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
        inner.idle = false;
        let (mut inner, _) = self
            .more
            .wait_timeout_while(inner, LINGER, |inner| !inner.is_urgent())
            .unwrap_or_else(PoisonError::into_inner);
        let mut batch = Vec::new();
        let mut size = 0;
        while batch.len() < BATCH && size < BATCH_BYTES {
            let Some(item) = inner.items.pop_front() else { break };
            size += item.bytes();
            inner.changes -= usize::from(item.is_change());
            batch.push(item);
        }
        inner.bytes = inner.bytes.saturating_sub(size);
        inner.taken += 1;
        self.room.notify_all();
        batch
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

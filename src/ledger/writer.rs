//! The one thread of this program that writes the ledger.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use super::change::{Change, Entry, Record};
use super::error::LedgerError;
use super::mask::Mask;
use super::queue::{Item, Progress, Queue, Work};
use super::store::Store;
use crate::clock::Clock;

/// What a writer needs to know.
#[derive(Clone)]
pub struct Options {
    /// The ledger's file; its folder is there.
    pub path: PathBuf,
    pub clock: Arc<dyn Clock>,
    pub mask: Option<Mask>,
}

/// A handle on the thread. The file is opened there, so that a start does not wait for it.
#[derive(Debug)]
pub struct Writer {
    queue: Arc<Queue>,
    /// Ends with the thread.
    running: Receiver<()>,
}

impl Writer {
    /// Starts the thread; it first closes what dead owners left.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn start(options: Options) -> io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let (alive, running) = mpsc::channel();
        let own = Arc::clone(&queue);
        std::thread::Builder::new().name("ledger".into()).spawn(move || {
            let _alive = alive;
            let _end = End(Arc::clone(&own));
            let mut store = Store::new(options, Arc::clone(&own));
            store.prepare();
            loop {
                match own.next() {
                    Work::Write(batch) => store.write(batch),
                    Work::Sync => store.sync(),
                    Work::End => break,
                }
            }
            store.finish();
        })?;
        Ok(Self { queue, running })
    }

    /// An event: written with the next batch, at most a tenth of a second later.
    pub fn event(&self, record: Record) {
        self.queue.put(Item { entry: Entry::Event(Box::new(record)), reply: None });
    }

    /// A transition, with the event that it carries: written at once, and on the disk soon after. Many in a row share
    /// transactions and trips to the disk, unless they are waited for.
    pub fn change(&self, change: Change) -> Ticket {
        let (reply, answer) = mpsc::channel();
        self.queue.put(Item { entry: Entry::Change(Box::new(change)), reply: Some(reply) });
        Ticket { answer, queue: Arc::clone(&self.queue) }
    }

    /// What a person should know of the ledger's health; each is given once.
    pub fn problems(&self) -> Vec<String> {
        self.queue.problems()
    }

    /// Lets the thread write what is left. False if it took longer than `limit`.
    pub fn close(&self, limit: Duration) -> bool {
        self.queue.close();
        self.running.recv_timeout(limit) == Err(RecvTimeoutError::Disconnected)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// Also a thread that panicked has ended.
struct End(Arc<Queue>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// What becomes of a transition.
#[derive(Debug)]
pub struct Ticket {
    answer: Receiver<Progress>,
    queue: Arc<Queue>,
}

impl Ticket {
    /// Waits until the death of the program cannot undo the transition; false if that takes longer than `limit`.
    pub fn written(&self, limit: Duration) -> bool {
        !matches!(self.next(limit), Err(RecvTimeoutError::Timeout))
    }

    /// Waits until it is durable or refused; `None` if that takes longer than `limit`.
    pub fn wait(&self, limit: Duration) -> Option<Result<(), LedgerError>> {
        loop {
            match self.next(limit) {
                Ok(Progress::Written) => {}
                Ok(Progress::Done(result)) => return Some(result),
                Err(RecvTimeoutError::Timeout) => return None,
                Err(RecvTimeoutError::Disconnected) => return Some(Err(LedgerError::Closed)),
            }
        }
    }

    fn next(&self, limit: Duration) -> Result<Progress, RecvTimeoutError> {
        self.answer.try_recv().or_else(|_| {
            if !limit.is_zero() {
                self.queue.hurry();
            }
            self.answer.recv_timeout(limit)
        })
    }
}

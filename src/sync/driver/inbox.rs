//! What reaches the main loop from outside of it.

use std::sync::mpsc::Sender;

use super::host::Work;
use crate::sync::protocol::{AgentMark, Event, Lost, RefName, Signal};
use crate::sync::remote::Cancel;

pub(super) enum Mail {
    Note(Event),
    /// A person asked to stop, and why.
    Stop(Option<String>),
    /// Acknowledged once it is journalled.
    AgentStarted(AgentMark, Sender<()>),
    AgentEnded(Box<Work>),
    /// From the lease of this number.
    LeaseLost(u64, Lost),
    /// The remote will not have this lease ref, in its words.
    LeaseRefused(RefName, String),
    /// The lease warns, goes on, or has something to tell.
    Lease(super::host::Said),
}

/// To be held by signal handlers and by whoever watches for stop requests.
#[derive(Clone)]
pub struct Handle {
    pub(super) mail: Sender<Mail>,
    pub(super) cancel: Cancel,
}

impl Handle {
    /// Ends the turn as interrupted; one bounded attempt is made to publish that (T36).
    pub fn interrupt(&self, by: Signal) {
        self.note(Event::Interrupted(by));
    }

    /// `orchestrator stop` left its request: no further turn is begun, and `exit` is published.
    pub fn stop_requested(&self, reason: Option<String>) {
        // A driver that has ended needs no note.
        let _ = self.mail.send(Mail::Stop(reason));
    }

    /// Ends network calls at once: a second interrupt. What is unfinished is in the journal.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    fn note(&self, event: Event) {
        // A driver that has ended needs no note.
        let _ = self.mail.send(Mail::Note(event));
    }
}

//! What happens goes into the ledger first, and then to whoever watches.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::event::{Event, Place, Sink};
use crate::ledger::{Change, Record, Ticket, Writer};

/// How long a run waits for the ledger: far longer than a healthy machine takes.
const PATIENCE: Duration = Duration::from_secs(2);

/// The ledger's writer and the watcher of one run.
pub(super) struct Book<'a> {
    writer: &'a Writer,
    sink: RefCell<&'a mut dyn Sink>,
    clock: Arc<dyn Clock>,
    place: Place,
    /// The last transition that was not waited for.
    last: RefCell<Option<Ticket>>,
    /// Told once it cannot be undone.
    untold: RefCell<Vec<(Place, Event)>>,
    /// The writer did not answer in time: nobody waits for it any more.
    ill: Cell<bool>,
}

impl<'a> Book<'a> {
    pub fn new(writer: &'a Writer, sink: &'a mut dyn Sink, clock: Arc<dyn Clock>, run_id: &str) -> Self {
        Self {
            writer,
            sink: RefCell::new(sink),
            clock,
            place: Place::run(run_id),
            last: RefCell::new(None),
            untold: RefCell::new(Vec::new()),
            ill: Cell::new(false),
        }
    }

    pub fn now_ms(&self) -> i64 {
        self.clock.now().as_millisecond()
    }

    pub fn place(&self) -> &Place {
        &self.place
    }

    /// A transition, and the event that people see of it.
    pub fn change(&self, change: Change, place: Place, event: Option<Event>) {
        let ticket = self.writer.change(change);
        *self.last.borrow_mut() = Some(ticket);
        self.untold.borrow_mut().extend(event.map(|event| (place, event)));
    }

    /// A fact that changes no state.
    pub fn event(&self, event: Event) {
        let place = self.place.clone();
        self.event_at(&place, event);
    }

    pub fn event_at(&self, place: &Place, event: Event) {
        self.record(place, &event);
        if self.untold.borrow().is_empty() {
            self.sink.borrow_mut().emit_at(place, event);
        } else {
            self.untold.borrow_mut().push((place.clone(), event));
        }
    }

    /// Into the ledger alone.
    pub fn record(&self, place: &Place, event: &Event) {
        self.writer.event(Record { place: place.clone(), at: self.now_ms(), event: event.clone() });
    }

    /// To the watcher alone.
    pub fn show(&self, place: &Place, event: Event) {
        self.sink.borrow_mut().emit_at(place, event);
    }

    /// Returns when a kill cannot undo any transition so far; then they are told.
    pub fn settle(&self) {
        if let Some(ticket) = self.last.borrow_mut().take()
            && !self.ill.get()
        {
            self.ill.set(!ticket.written(PATIENCE));
        }
        self.tell();
    }

    /// The same, and a power cut cannot undo them either. False: the ledger does not take them.
    pub fn sync(&self) -> bool {
        let ticket = self.last.borrow_mut().take();
        let done = ticket.is_none_or(|ticket| {
            !self.ill.get() && ticket.wait(PATIENCE).is_some_and(|result| result.is_ok())
        });
        self.tell();
        done
    }

    fn tell(&self) {
        let mut sink = self.sink.borrow_mut();
        for (place, event) in self.untold.borrow_mut().drain(..) {
            sink.emit_at(&place, event);
        }
        for text in self.writer.problems() {
            sink.emit(Event::Warning { text });
        }
    }
}

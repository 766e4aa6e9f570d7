//! The one stream of events of a run, and who hears it: the ledger and the terminal.

use crate::event::{Event, Place, Sink};
use crate::ledger::{FILE, Mask, Options, Recorder};
use crate::turns::settings::Settings;

use super::setup::Machine;

/// Passes each event to the ledger first, so that nothing is told to a person that a kill could still undo.
pub(super) struct Stream<'a> {
    recorder: Recorder,
    console: &'a mut dyn Sink,
}

impl<'a> Stream<'a> {
    pub(super) fn new(settings: &Settings, machine: &Machine, console: &'a mut dyn Sink) -> Self {
        let redactor = std::sync::Arc::clone(&settings.redactor);
        let options = Options {
            path: settings.private().join(FILE),
            clock: machine.clock.clone(),
            mask: Some(Mask::new(move |value| redactor.json(value))),
        };
        let recorder = Recorder::new(options, settings.config.supervision.log_max_bytes);
        Self { recorder, console }
    }

    /// Lets everything be written.
    pub(super) fn close(mut self) {
        self.recorder.close();
        self.complain();
    }

    /// What is wrong with the ledger is a warning, never an error.
    fn complain(&mut self) {
        for text in self.recorder.problems() {
            self.console.emit(Event::Warning { text });
        }
    }
}

impl Sink for Stream<'_> {
    fn emit(&mut self, event: Event) {
        self.emit_at(&Place::default(), event);
    }

    fn emit_at(&mut self, place: &Place, event: Event) {
        self.recorder.emit_at(place, event.clone());
        self.complain();
        self.console.emit_at(place, event);
    }

    fn ahead(&mut self, place: &Place, event: &Event) {
        self.recorder.ahead(place, event);
    }
}

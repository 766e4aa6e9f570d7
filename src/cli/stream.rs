//! The one stream of events of a run, and who hears it: the ledger, the hooks and the terminal.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;

use super::setup::Machine;
use crate::clock::Clock;
use crate::event::{Event, Place, Sink};
use crate::hooks::{self, Hooks, Runner};
use crate::ids::Ids;
use crate::ledger::{FILE, Mask, Options, Recorder};
use crate::supervise::Redactor;
use crate::turns::settings::Settings;

/// Everybody who hears events. Events come from the run and, beside it, from hooks that fail: hence the cell.
pub(super) struct Stream<'a>(RefCell<Ears<'a>>);

struct Ears<'a> {
    recorder: Recorder,
    /// None when the run is over: what happens then calls no hook.
    hooks: Option<Hooks>,
    console: &'a mut dyn Sink,
}

impl<'a> Stream<'a> {
    /// The stream of a run of this project, and the hooks' other end.
    pub(super) fn new(settings: &Settings, machine: &Machine, console: &'a mut dyn Sink) -> (Self, Runner) {
        let output_max = settings.config.supervision.log_max_bytes;
        let clock = machine.clock.clone();
        let mut stream = Self::below(&settings.private(), &settings.redactor, output_max, clock, console);
        let (hooks, runner) = hooks::bind(
            settings.config.hooks.clone(),
            settings.root.clone(),
            Arc::clone(&settings.redactor),
            machine.clock.clone(),
            machine.ids.uuid(),
        );
        stream.0.get_mut().hooks = Some(hooks);
        (stream, runner)
    }

    /// Without hooks, with the ledger in the private folder of a project.
    pub(super) fn below(
        private: &Path,
        redactor: &Arc<Redactor>,
        output_max: u64,
        clock: Arc<dyn Clock>,
        console: &'a mut dyn Sink,
    ) -> Self {
        let redactor = Arc::clone(redactor);
        let mask = Some(Mask::new(move |value| redactor.json(value)));
        let options = Options { path: private.join(FILE), clock, mask };
        Self(RefCell::new(Ears { recorder: Recorder::new(options, output_max), hooks: None, console }))
    }

    /// Where the run's own events go.
    pub(super) fn ear(&self) -> Ear<'_, 'a> {
        Ear(self)
    }

    /// An event from beside the run.
    pub(super) fn tell(&self, place: &Place, event: Event) {
        self.0.borrow_mut().hear(place, event);
    }

    /// The run is over: hooks that were called end, no further one is called.
    pub(super) fn over(&self) {
        self.0.borrow_mut().hooks = None;
    }

    /// Lets everything be written.
    pub(super) fn close(self) {
        let mut ears = self.0.into_inner();
        ears.recorder.close();
        ears.complain();
    }
}

impl Ears<'_> {
    /// The ledger comes first, so that nothing is told that a kill could still undo.
    fn hear(&mut self, place: &Place, event: Event) {
        self.recorder.emit_at(place, event.clone());
        self.complain();
        if let Some(hooks) = &self.hooks {
            hooks.hear(place, &event);
        }
        self.console.emit_at(place, event);
    }

    /// What is wrong with the ledger is a warning, never an error.
    fn complain(&mut self) {
        for text in self.recorder.problems() {
            self.console.emit(Event::Warning { text });
        }
    }
}

/// The run's handle on the stream.
pub(super) struct Ear<'s, 'a>(&'s Stream<'a>);

impl Sink for Ear<'_, '_> {
    fn emit(&mut self, event: Event) {
        self.emit_at(&Place::default(), event);
    }

    fn emit_at(&mut self, place: &Place, event: Event) {
        self.0.tell(place, event);
    }

    fn ahead(&mut self, place: &Place, event: &Event) {
        self.0.0.borrow_mut().recorder.ahead(place, event);
    }

    fn settle(&mut self) {
        self.0.0.borrow_mut().recorder.settle();
    }
}

//! The one stream of events of a run, and who hears it: the ledger, the hooks and the terminal.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;

use super::setup::Machine;
use crate::config::Config;
use crate::event::{Event, Place, Sink};
use crate::hooks::{self, Hooks, Runner};
use crate::ids::Ids;
use crate::ledger::{FILE, Mask, Options, Recorder};
use crate::supervise::Redactor;
use crate::turns::lock::PRIVATE;
use crate::turns::settings::Settings;

/// What a stream has to know of the project.
pub(super) struct Project<'p> {
    pub root: &'p Path,
    pub config: &'p Config,
    pub redactor: &'p Arc<Redactor>,
}

/// Everybody who hears events. Events come from the run and, beside it, from hooks that fail: hence the cell.
pub(super) struct Stream<'a>(RefCell<Ears<'a>>);

struct Ears<'a> {
    /// None for a run that writes its own transitions.
    recorder: Option<Recorder>,
    /// None when the run is over: what happens then calls no hook.
    hooks: Option<Hooks>,
    console: &'a mut dyn Sink,
}

impl<'a> Stream<'a> {
    /// The stream of a run of this project, and the hooks' other end.
    pub(super) fn new(settings: &Settings, machine: &Machine, console: &'a mut dyn Sink) -> (Self, Runner) {
        let project =
            Project { root: &settings.root, config: &settings.config, redactor: &settings.redactor };
        Self::of(&project, machine, console)
    }

    /// The same for a run that is no loop.
    pub(super) fn of(project: &Project<'_>, machine: &Machine, console: &'a mut dyn Sink) -> (Self, Runner) {
        let redactor = Arc::clone(project.redactor);
        let options = Options {
            path: project.root.join(PRIVATE).join(FILE),
            clock: machine.clock.clone(),
            mask: Some(Mask::new(move |value| redactor.json(value))),
        };
        let recorder = Recorder::new(options, project.config.supervision.log_max_bytes);
        let (hooks, runner) = hooks::bind(
            project.config.hooks.clone(),
            project.root.to_owned(),
            Arc::clone(project.redactor),
            machine.clock.clone(),
            machine.ids.uuid(),
        );
        (Self(RefCell::new(Ears { recorder: Some(recorder), hooks: Some(hooks), console })), runner)
    }

    /// The stream of a run that records itself.
    pub(super) fn unrecorded(
        settings: &Settings,
        machine: &Machine,
        console: &'a mut dyn Sink,
    ) -> (Self, Runner) {
        let (stream, runner) = Self::new(settings, machine, console);
        stream.0.borrow_mut().recorder = None;
        (stream, runner)
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
        if let Some(recorder) = &mut ears.recorder {
            recorder.close();
        }
        ears.complain();
    }
}

impl Ears<'_> {
    /// The ledger comes first, so that nothing is told that a kill could still undo.
    fn hear(&mut self, place: &Place, event: Event) {
        if let Some(recorder) = &mut self.recorder {
            recorder.emit_at(place, event.clone());
        }
        self.complain();
        if let Some(hooks) = &self.hooks {
            hooks.hear(place, &event);
        }
        self.console.emit_at(place, event);
    }

    /// What is wrong with the ledger is a warning, never an error.
    fn complain(&mut self) {
        for text in self.recorder.iter_mut().flat_map(Recorder::problems).collect::<Vec<_>>() {
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
        if let Some(recorder) = &mut self.0.0.borrow_mut().recorder {
            recorder.ahead(place, event);
        }
    }

    fn settle(&mut self) {
        if let Some(recorder) = &mut self.0.0.borrow_mut().recorder {
            recorder.settle();
        }
    }
}

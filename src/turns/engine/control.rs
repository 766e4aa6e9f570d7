//! What the loop lets others know and ask while it lives (supervision.md P18).

use std::sync::Arc;

use super::Engine;
use crate::clock::{Clock, iso_seconds};
use crate::control::{self, AttemptInfo, Board, LiveAttempt, RunInfo, Server};
use crate::event::Event as Fact;
use crate::supervise::{Stop, StopReason};
use crate::turns::settings::Settings;

/// The board of a run; an interrupt of the run is like a first Ctrl-C, and never like a second one.
pub(super) fn board(settings: &Settings, run_id: &str, clock: &Arc<dyn Clock>, stop: &Stop) -> Board {
    let info = RunInfo {
        id: run_id.to_owned(),
        kind: "turns".into(),
        mode: settings.options.mode.clone(),
        pid: std::process::id(),
        started_at: iso_seconds(clock.now()),
    };
    Board::new(info, Arc::clone(clock), interrupt(stop))
}

fn interrupt(stop: &Stop) -> impl Fn(&str) + Send + 'static {
    let stop = stop.clone();
    move |why| stop.ask(StopReason::because(why))
}

impl Engine<'_> {
    /// Opens the control socket, and removes those of dead runs. A run without one goes on.
    pub(super) fn open_control(&mut self) {
        let folder = control::folder(&self.settings.private());
        control::sweep(&folder, self.world.clock.now());
        let runtime = self.settings.runtime_dir.as_deref();
        match Server::open(&folder, runtime, self.board.clone()) {
            Ok(server) => self.server = Some(server),
            Err(e) => {
                self.say(Fact::Notice { text: format!("{e}; this run cannot be asked or interrupted") });
            }
        }
    }

    /// Lets others see an attempt as long as what is returned lives. In this loop one runs at a time, so whoever
    /// ends it ends the run: the turn is stamped as interrupted.
    pub(super) fn show(&self, id: &str, role: &str, prompt: &str, agent: &str) -> LiveAttempt {
        let masked = |text: &str| self.settings.redactor.text(text).into_owned();
        let info = AttemptInfo {
            id: id.to_owned(),
            role: role.to_owned(),
            iteration: Some(self.state.iteration),
            prompt: masked(prompt),
            agent: masked(agent),
        };
        self.board.begin(info, interrupt(self.world.stop))
    }
}

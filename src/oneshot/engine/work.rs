//! A worker's run.

use super::play::{Part, trouble};
use super::{Engine, shown};
use crate::oneshot::changes;
use crate::oneshot::error::OneshotError;
use crate::oneshot::fact::Role;
use crate::oneshot::machine::Event;
use crate::oneshot::prompts::Texts;
use crate::oneshot::session::Run;
use crate::supervise::{ErrorKind, Outcome};

impl Engine<'_> {
    /// The first run, or one with feedback.
    pub(super) async fn work(&mut self, again: bool) -> Result<(), OneshotError> {
        let iteration = self.session.iteration + 1;
        let checks = shown(&self.session.checks);
        let texts = Texts { session: &self.session.id, task: &self.session.task, checks: &checks };
        let blocks = self.templates.own_blocks(Role::Worker, texts)?;
        let prompt = if again {
            let feedback = self.session.orders();
            self.folder.write(&self.folder.feedback(iteration), &feedback)?;
            self.templates.reworker(texts, &feedback)?
        } else {
            self.templates.worker(texts)?
        };
        let prompt_file = self.folder.prompt(Role::Worker.name(), iteration);
        self.folder.write(&prompt_file, &prompt)?;
        let attempt = self.world.ids.uuid();
        self.session.run = Some(Run {
            attempt: attempt.clone(),
            salvaged: false,
            log_from: self.folder.activity_bytes(),
            before: changes::look(self.settings, &self.world.clock)?,
        });
        self.session.iteration = iteration;
        self.session.trouble = None;
        self.follow(if again { Event::Next } else { Event::Start })?;
        let part =
            Part { role: Role::Worker, attempt, prompt: &prompt, blocks: &blocks, prompt_file: &prompt_file };
        let (outcome, heard) = self.play(part).await?;
        match after(&outcome) {
            After::Success => {
                self.folder.write_result(iteration, &heard.result(&prompt).unwrap_or_default())?;
                self.follow(Event::Success)?;
            }
            After::Broken(event) => {
                let words = trouble(&outcome);
                self.warn(&format!("the worker ended early: {words}"));
                self.session.trouble = Some(words);
                if let (ErrorKind::Interrupted, Some(reason)) =
                    (outcome.error_kind, self.world.stop.requested())
                {
                    return self.interrupt(reason);
                }
                self.follow(event)?;
            }
        }
        Ok(())
    }
}

enum After {
    Success,
    Broken(Event),
}

/// The exit status is always read: a worker that says it is done and then fails has failed (O3).
fn after(outcome: &Outcome) -> After {
    match outcome.error_kind {
        ErrorKind::None if outcome.succeeded() => After::Success,
        ErrorKind::Inactivity => After::Broken(Event::Inactivity),
        _ => After::Broken(Event::Crash),
    }
}

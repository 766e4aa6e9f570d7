//! How far a batch is, on a line at the bottom of a terminal.

use std::fmt::Write as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::event::{Ended, Event, Place, Sink};

/// How many are done, of how many, and in words.
type Look = Box<dyn Fn() -> (usize, usize, String)>;

/// Passes events on and counts them; the line is taken away while something else is written.
pub struct Bar<S> {
    inner: S,
    line: ProgressBar,
    running: usize,
    idle: usize,
    failed: usize,
    /// Of a run whose engine knows better how far it is: done, in all, and words.
    steps: Option<Look>,
}

impl<S: Sink> Bar<S> {
    /// For so many tasks. Without `watched`, when nobody looks at a terminal, nothing is drawn.
    pub fn new(inner: S, tasks: usize, watched: bool) -> Self {
        let target = if watched { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let line = ProgressBar::with_draw_target(u64::try_from(tasks).ok(), target);
        // A fixed text that is known to be a good template.
        if let Ok(style) = ProgressStyle::with_template("{bar:20} {pos}/{len}  {elapsed}  {msg}") {
            line.set_style(style);
        }
        Self { inner, line, running: 0, idle: 0, failed: 0, steps: None }
    }

    /// For a run of steps that may have several attempts: how far it is says its engine.
    pub fn of_steps(inner: S, watched: bool, steps: impl Fn() -> (usize, usize, String) + 'static) -> Self {
        let mut bar = Self::new(inner, 0, watched);
        bar.steps = Some(Box::new(steps));
        bar
    }

    fn count(&mut self, event: &Event) {
        if let Some(steps) = &self.steps {
            let (done, all, words) = steps();
            self.line.set_length(u64::try_from(all).unwrap_or(0));
            self.line.set_position(u64::try_from(done.min(all)).unwrap_or(0));
            return self.line.set_message(words);
        }
        match event {
            Event::AttemptStarted { .. } => self.running += 1,
            Event::AttemptIdle { .. } => self.idle += 1,
            Event::AttemptActive { .. } => self.idle = self.idle.saturating_sub(1),
            Event::AttemptEnded { outcome, .. } => {
                self.running = self.running.saturating_sub(1);
                self.idle = self.idle.min(self.running);
                self.failed += usize::from(*outcome != Ended::Succeeded);
                self.line.inc(1);
            }
            Event::StepSkipped { .. } => self.line.inc(1),
            _ => return,
        }
        self.line.set_message(self.words());
    }

    fn words(&self) -> String {
        let mut words = format!("{} running", self.running);
        for (n, word) in [(self.idle, "silent"), (self.failed, "failed")] {
            if n > 0 {
                // Writing to a String cannot fail.
                let _ = write!(words, ", {n} {word}");
            }
        }
        words
    }
}

impl<S: Sink> Sink for Bar<S> {
    fn emit(&mut self, event: Event) {
        self.emit_at(&Place::default(), event);
    }

    fn emit_at(&mut self, place: &Place, event: Event) {
        self.count(&event);
        let inner = &mut self.inner;
        self.line.suspend(|| inner.emit_at(place, event));
    }
}

impl<S> Drop for Bar<S> {
    fn drop(&mut self) {
        self.line.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::AttemptResult;

    #[test]
    fn it_counts() {
        let mut heard = 0;
        let mut bar = Bar::new(|_: Event| heard += 1, 3, false);
        let ended = |outcome| Event::AttemptEnded {
            role: "1".into(),
            line: String::new(),
            outcome,
            result: AttemptResult::default(),
        };
        let started = || Event::AttemptStarted {
            iteration: 0,
            role: "1".into(),
            prompt: String::new(),
            agent: "-".into(),
            log: String::new(),
            step: "1".into(),
            turn_id: None,
        };
        bar.emit(started());
        bar.emit(started());
        bar.emit(Event::AttemptIdle { role: "1".into(), silent_ms: 1 });
        assert_eq!(bar.words(), "2 running, 1 silent");
        bar.emit(ended(Ended::Failed));
        bar.emit(ended(Ended::Succeeded));
        bar.emit(Event::StepSkipped { step: "3".into(), reason: String::new() });
        assert_eq!((bar.words(), bar.line.position()), ("0 running, 1 failed".to_owned(), 3));
        drop(bar);
        assert_eq!(heard, 6);
    }
}

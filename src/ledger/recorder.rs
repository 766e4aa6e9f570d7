//! From the events of a run to its rows: what an engine tells its sink is what is recorded.

use std::collections::BTreeMap;
use std::time::Duration;

use super::change::{Change, Record};
use super::mapping::change_of;
use super::state::RunState;
use super::writer::{Options, Ticket, Writer};
use crate::event::{Event, Place, Sink};

/// How long a run waits for the end of an attempt: far longer than a healthy machine takes.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long the end of the program waits for the last entries.
const LAST: Duration = Duration::from_secs(2);
/// Events kept until the first run begins.
const EARLY: usize = 256;

/// Writes what it is told into the ledger. It begins with the first run, so a command that runs nothing writes nothing.
pub struct Recorder {
    options: Options,
    writer: Option<Writer>,
    /// What was told before the first run began.
    early: Vec<Record>,
    /// Ends of attempts that are on their way, by attempt.
    sent: BTreeMap<String, Ticket>,
    /// Attempts run side by side in this run: none of them waits for the disk.
    side_by_side: bool,
    /// One of them ended since the last that began: the next waits until that is written.
    an_end: bool,
    /// The writer did not answer in time; nobody waits for it until it does.
    behind: Option<Ticket>,
    problems: Vec<String>,
    /// Bytes of output that each live attempt may still have recorded.
    output_left: BTreeMap<String, u64>,
    output_max: u64,
    /// The exit code of the last attempt that failed.
    exit_code: Option<i32>,
}

impl Recorder {
    /// `output_max`: bytes of output recorded of one attempt; the rest stands in its log alone.
    pub fn new(options: Options, output_max: u64) -> Self {
        Self {
            options,
            writer: None,
            early: Vec::new(),
            sent: BTreeMap::new(),
            side_by_side: false,
            an_end: false,
            behind: None,
            problems: Vec::new(),
            output_left: BTreeMap::new(),
            output_max,
            exit_code: None,
        }
    }

    /// What a person should know of the ledger's health; each is given once.
    pub fn problems(&mut self) -> Vec<String> {
        let mut all = std::mem::take(&mut self.problems);
        all.extend(self.writer.iter().flat_map(Writer::problems));
        all
    }

    /// Waits, not for long, until everything is written.
    pub fn close(&mut self) {
        if let Some(writer) = &self.writer
            && !writer.close(LAST)
        {
            self.problems.push("the ledger did not take the last events of this run in time".into());
        }
    }

    fn record(&self, place: &Place, event: Event) -> Record {
        Record { place: place.clone(), at: self.options.clock.now().as_millisecond(), event }
    }

    fn begin(&mut self) {
        match Writer::start(self.options.clone()) {
            Ok(writer) => {
                for record in self.early.drain(..) {
                    writer.event(record);
                }
                self.writer = Some(writer);
            }
            Err(e) => self.problems.push(format!("the ledger's thread cannot be started: {e}")),
        }
    }

    /// Puts a transition in; the end of an attempt is waited for when it is told.
    fn send(&mut self, change: Change) {
        let Some(writer) = &self.writer else { return };
        if self.side_by_side {
            return self.send_beside(change);
        }
        let ended = match &change {
            Change::EndAttempt(end) => end.place.attempt_id.clone(),
            _ => None,
        };
        let ticket = writer.change(change);
        if let Some(id) = ended {
            self.sent.insert(id, ticket);
        }
    }

    /// One of many tasks. What is resumed after a kill must be there before the first begins; and what a task could
    /// see of those before it, that they are finished, must not be forgotten by then.
    fn send_beside(&mut self, change: Change) {
        let Some(writer) = &self.writer else { return };
        let waits = match &change {
            Change::StartAttempt(_) => self.an_end,
            Change::MoveRun(step) => step.to == RunState::Running,
            _ => false,
        };
        let ended = match &change {
            Change::EndAttempt(end) => end.place.attempt_id.clone(),
            _ => None,
        };
        let ticket = writer.change(change);
        if let Some(id) = ended {
            self.an_end = true;
            self.sent.insert(id, ticket);
        } else if waits {
            self.an_end = false;
            if !self.is_behind() && !ticket.written(PATIENCE) {
                self.behind = Some(ticket);
            }
        }
    }

    fn await_end(&mut self, attempt_id: &str) {
        let Some(ticket) = self.sent.remove(attempt_id) else { return };
        if !self.side_by_side && !self.is_behind() && ticket.wait(PATIENCE).is_none() {
            self.behind = Some(ticket);
        }
    }

    /// Whether the writer still owes an answer that was waited for in vain.
    fn is_behind(&mut self) -> bool {
        if self.behind.as_ref().is_some_and(|ticket| ticket.wait(Duration::ZERO).is_some()) {
            self.behind = None;
        }
        self.behind.is_some()
    }

    fn change(&mut self, place: &Place, event: &Event) -> Option<Change> {
        let at = self.options.clock.now().as_millisecond();
        let mut change = change_of(place, at, event)?;
        match &mut change {
            Change::StartAttempt(new) => {
                self.output_left.insert(new.attempt_id.clone(), self.output_max);
            }
            Change::EndAttempt(end) => {
                self.exit_code = end.result.exit_code.filter(|code| *code != 0);
                if let Some(id) = &end.place.attempt_id {
                    self.output_left.remove(id);
                }
            }
            Change::MoveRun(step) if step.error.is_some() => step.exit_code = self.exit_code,
            _ => {}
        }
        Some(change)
    }

    /// Whether a piece of output still has room; says where the rest is when it has not.
    fn has_room(&mut self, place: &Place, event: &Event) -> bool {
        let Event::AttemptOutput { role, text } = event else { return true };
        let left = place.attempt_id.as_ref().and_then(|id| self.output_left.get_mut(id));
        let Some(budget) = left else { return true };
        let (left, size) = (*budget, text.len() as u64);
        *budget = left.saturating_sub(size);
        if left > 0 && size >= left {
            let text = "further output stands in the log alone".to_owned();
            let record = self.record(place, Event::AttemptWarning { role: role.clone(), text });
            if let Some(writer) = &self.writer {
                writer.event(record);
            }
        }
        size < left
    }
}

impl Sink for Recorder {
    fn emit(&mut self, event: Event) {
        self.emit_at(&Place::default(), event);
    }

    fn emit_at(&mut self, place: &Place, event: Event) {
        if let Event::AttemptQuiet { .. } = event {
            // For who watches; that the agent fell idle is recorded.
            return;
        }
        if self.writer.is_none() {
            if !matches!(event, Event::RunCreated { .. }) {
                if self.early.len() < EARLY {
                    self.early.push(self.record(place, event));
                }
                return;
            }
            self.begin();
        }
        if let Event::RunCreated { run_kind, .. } = &event {
            self.side_by_side = matches!(run_kind.as_str(), "batch" | "workstream");
        }
        if let (Event::AttemptEnded { .. }, Some(id)) = (&event, &place.attempt_id) {
            if !self.sent.contains_key(id)
                && let Some(change) = self.change(place, &event)
            {
                self.send(change);
            }
            return self.await_end(id);
        }
        if let Some(change) = self.change(place, &event) {
            return self.send(change);
        }
        if self.has_room(place, &event) {
            let record = self.record(place, event);
            if let Some(writer) = &self.writer {
                writer.event(record);
            }
        }
    }

    fn ahead(&mut self, place: &Place, event: &Event) {
        if let Event::AttemptEnded { .. } = event
            && let Some(change) = self.change(place, event)
        {
            self.send(change);
        }
    }

    fn settle(&mut self) {
        if self.is_behind() {
            return;
        }
        if let Some(id) =
            self.sent.iter().find(|(_, ticket)| !ticket.written(PATIENCE)).map(|(id, _)| id.clone())
        {
            self.behind = self.sent.remove(&id);
        }
    }
}

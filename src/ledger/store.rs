//! The writer's hold on the file: what it does when the file is busy, full, read-only, newer or damaged.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use super::aside::move_aside;
use super::change::{Change, Entry, Record};
use super::error::LedgerError;
use super::queue::{Item, Progress, Queue};
use super::schema::{Ledger, inode};
use super::state::RunState;
use super::writer::Options;
use crate::event::{Event, Place};

/// Between two tries on a file that cannot be written.
const RETRY: Duration = Duration::from_secs(1);
/// Transitions kept for a file that cannot be written.
const KEPT: usize = 4096;

pub(super) struct Store {
    options: Options,
    queue: Arc<Queue>,
    ledger: Option<Ledger>,
    health: Health,
    /// Transitions that are not written yet, oldest first.
    kept: Vec<Item>,
    /// Who waits until what is written is on the disk.
    unsynced: Vec<Sender<Progress>>,
    /// That the disk does not take what is written was said.
    unsyncable: bool,
    /// What is open now: a new file in place of a damaged one begins with it.
    open: Vec<Change>,
}

enum Health {
    Well,
    /// It was said; the next try is not before this time.
    Failing(Duration),
    /// Nothing will be recorded in this run.
    Off,
}

/// What is done about an error.
enum Remedy {
    Again,
    Later,
    Never,
}

impl Store {
    pub(super) fn new(options: Options, queue: Arc<Queue>) -> Self {
        Self {
            options,
            queue,
            ledger: None,
            health: Health::Well,
            kept: Vec::new(),
            unsynced: Vec::new(),
            unsyncable: false,
            open: Vec::new(),
        }
    }

    /// Opens the file and closes what dead owners left, before anything is written.
    pub(super) fn prepare(&mut self) {
        self.write(Vec::new());
    }

    /// Writes what is there, or keeps the transitions of it for later.
    pub(super) fn write(&mut self, batch: Vec<Item>) {
        let mut items = std::mem::take(&mut self.kept);
        items.extend(batch);
        if let Health::Off = self.health {
            return;
        }
        if let Health::Failing(until) = self.health
            && self.options.clock.mono() < until
            && !self.queue.is_closing()
        {
            return self.keep(items);
        }
        loop {
            match self.attempt(&items) {
                Ok(refused) => return self.done(items, refused),
                Err(error) => match self.remedy(&error) {
                    Remedy::Again => {}
                    Remedy::Later => return self.keep(items),
                    Remedy::Never => {
                        self.health = Health::Off;
                        return;
                    }
                },
            }
        }
    }

    /// The last try of what is still kept.
    pub(super) fn finish(&mut self) {
        if !self.kept.is_empty() || matches!(self.health, Health::Failing(_)) {
            self.write(Vec::new());
        }
        self.sync();
    }

    fn attempt(&mut self, items: &[Item]) -> Result<Vec<(usize, LedgerError)>, LedgerError> {
        let ledger = if let Some(ledger) = &mut self.ledger {
            ledger
        } else {
            let mut ledger = Ledger::open(&self.options.path)?.with_mask(self.options.mask.clone());
            ledger.close_dead()?;
            self.ledger.insert(ledger)
        };
        if items.is_empty() {
            return Ok(Vec::new());
        }
        let refused = ledger.write(items.iter().map(|item| &item.entry))?;
        if items.iter().any(Item::is_change) {
            items.iter().for_each(Item::tell_written);
            self.queue.written();
        }
        Ok(refused)
    }

    /// Brings what is written to the disk.
    pub(super) fn sync(&mut self) {
        // It is written: another try would write it twice. What a disk does that cannot do this, nobody knows.
        if let Some(ledger) = &mut self.ledger
            && let Err(error) = ledger.sync()
            && !std::mem::replace(&mut self.unsyncable, true)
        {
            self.queue
                .say(format!("the ledger cannot be brought to the disk: {error}; a power cut may undo it"));
        }
        for reply in self.unsynced.drain(..) {
            // Whoever asked may have gone on.
            let _ = reply.send(Progress::Done(Ok(())));
        }
        self.queue.synced();
    }

    fn done(&mut self, items: Vec<Item>, refused: Vec<(usize, LedgerError)>) {
        let mut refused = refused.into_iter().peekable();
        for (place, item) in items.into_iter().enumerate() {
            let result = match refused.next_if(|(at, _)| *at == place) {
                Some((_, error)) => {
                    tracing::warn!("ledger: refused: {error}");
                    Err(error)
                }
                None => Ok(()),
            };
            if let (Entry::Change(change), Ok(())) = (&item.entry, &result) {
                note(&mut self.open, change);
            }
            match (item.reply, result) {
                (Some(reply), Ok(())) => self.unsynced.push(reply),
                (Some(reply), refused) => drop(reply.send(Progress::Done(refused))),
                (None, _) => {}
            }
        }
        let lost = self.queue.lost();
        let was_failing = matches!(self.health, Health::Failing(_));
        self.health = Health::Well;
        if was_failing || lost > 0 {
            let text = format!("the ledger is written again; {lost} events are missing from it");
            self.queue.say(text.clone());
            self.note_in_ledger(text);
        }
    }

    fn note_in_ledger(&mut self, text: String) {
        let at = self.options.clock.now().as_millisecond();
        let record = Record { place: Place::default(), at, event: Event::Warning { text } };
        let entry = Entry::Event(Box::new(record));
        if let Some(ledger) = &mut self.ledger
            && let Err(error) = ledger.write([&entry])
        {
            tracing::warn!("ledger: {error}");
        }
    }

    fn remedy(&mut self, error: &LedgerError) -> Remedy {
        if error.is_busy() && !self.queue.is_closing() {
            // The wait lies in SQLite's own busy handler.
            return Remedy::Again;
        }
        if error.is_damage() {
            return self.replace(error);
        }
        if let LedgerError::Newer { .. } = error {
            self.queue.say(format!("{error}: this run is not recorded"));
            return Remedy::Never;
        }
        let first = !matches!(self.health, Health::Failing(_));
        self.health = Health::Failing(self.options.clock.mono() + RETRY);
        if first {
            let path = self.options.path.display();
            self.queue
                .say(format!("the ledger {path} cannot be written: {error}; the run goes on without it"));
        }
        Remedy::Later
    }

    /// Puts a new file in place of a damaged one, with what is open now.
    fn replace(&mut self, error: &LedgerError) -> Remedy {
        let path = self.options.path.clone();
        let opened = self.ledger.take().map_or_else(|| inode(&path), |ledger| ledger.inode);
        let now = self.options.clock.now();
        match move_aside(&path, opened, now) {
            Ok(Some(target)) => self.queue.say(format!(
                "the ledger {} is damaged ({error}): it was moved to {}, and a new one begun",
                path.display(),
                target.display()
            )),
            Ok(None) => {}
            Err(e) => {
                self.queue.say(format!(
                    "the ledger {} is damaged ({error}) and cannot be moved aside: {e}; this run is not recorded",
                    path.display()
                ));
                return Remedy::Never;
            }
        }
        match self.begin_anew(now.as_millisecond()) {
            Ok(()) => Remedy::Again,
            Err(e) => {
                self.queue.say(format!("a new ledger cannot be begun: {e}; this run is not recorded"));
                Remedy::Never
            }
        }
    }

    fn begin_anew(&mut self, first_seq: i64) -> Result<(), LedgerError> {
        let mut ledger = Ledger::open(&self.options.path)?.with_mask(self.options.mask.clone());
        ledger.begin_after(first_seq)?;
        let entries: Vec<Entry> =
            self.open.iter().cloned().map(|change| Entry::Change(Box::new(change))).collect();
        ledger.write(&entries)?;
        ledger.sync()?;
        self.ledger = Some(ledger);
        Ok(())
    }

    fn keep(&mut self, items: Vec<Item>) {
        let (changes, events): (Vec<Item>, Vec<Item>) = items.into_iter().partition(Item::is_change);
        let over = changes.len().saturating_sub(KEPT);
        self.queue.add_lost((events.len() + over) as u64);
        self.kept = changes;
        self.kept.truncate(KEPT);
        // Whoever floods the queue meanwhile is not answered a thousand times a second.
        self.queue.pause(RETRY / 20);
    }
}

/// Keeps the transitions that made what is open.
fn note(open: &mut Vec<Change>, change: &Change) {
    match change {
        Change::MoveRun(step) if step.to != RunState::Running => {
            open.retain(|kept| run_of(kept) != step.run_id);
        }
        Change::EndAttempt(end) => {
            open.retain(|kept| {
                !matches!(kept, Change::StartAttempt(new) if Some(&new.attempt_id) == end.place.attempt_id.as_ref())
            });
        }
        Change::EndStep(end) => {
            open.retain(|kept| {
                !matches!(kept, Change::StartStep(new)
                    if Some(&new.attempt.attempt_id) == end.attempt.place.attempt_id.as_ref())
            });
        }
        Change::CreateRun(_)
        | Change::MoveRun(_)
        | Change::StartAttempt(_)
        | Change::CreateWorkstream(_)
        | Change::StartStep(_) => open.push(change.clone()),
        Change::MoveStep(_) | Change::StepsAgain { .. } | Change::Health { .. } | Change::Position { .. } => {
        }
    }
}

fn run_of(change: &Change) -> &str {
    match change {
        Change::CreateRun(new) => &new.run_id,
        Change::MoveRun(step) => &step.run_id,
        Change::StartAttempt(new) => &new.run_id,
        Change::EndAttempt(end) => end.place.run_id.as_deref().unwrap_or_default(),
        Change::CreateWorkstream(new) => &new.run.run_id,
        Change::MoveStep(step) => &step.run_id,
        Change::StartStep(start) => &start.attempt.run_id,
        Change::EndStep(end) => end.attempt.place.run_id.as_deref().unwrap_or_default(),
        Change::StepsAgain { run_id, .. } => run_id,
        Change::Health { .. } | Change::Position { .. } => "",
    }
}

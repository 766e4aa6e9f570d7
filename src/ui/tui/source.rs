//! The only reader: ledger, state file and sockets, made into a [`Sight`].

use std::path::PathBuf;

use super::app::Focus;
use super::sight::{Book, Live, Output, Run, Shown, Sight, Told, Turn};
use super::{choose, gather, words};
use crate::clock::Clock;
use crate::control;
use crate::event::Event;
use crate::ids::RoleId;
use crate::ledger::{FILE, Ledger, LedgerError, RunFilter};
use crate::state::{StateError, file};

/// Runs that are listed.
const RUNS: u32 = 20;
/// Attempts of the run in the panes.
const ATTEMPTS: u32 = 500;
/// Turns of all roles that are looked through.
const TURNS: u32 = 200;
/// Events that are kept.
const EVENTS: usize = 200;
/// Of the output so much of the end is kept, bytes.
const OUTPUT: usize = 128 * 1024;
/// Between two questions to live runs, ms: they answer on a thread of their own, but not for nothing.
const ASK: i64 = 1000;

/// Rows are read anew after so long, whatever the ledger says: a run without a socket may have been killed.
const READ: i64 = 10_000;

/// Where things lie.
#[derive(Debug, Clone)]
pub struct Places {
    pub root: PathBuf,
    /// The private folder: ledger and sockets.
    pub private: PathBuf,
    pub state: PathBuf,
    pub roles: Vec<RoleId>,
}

/// What covers secrets in a text.
pub type Mask = Box<dyn Fn(&str) -> String + Send>;

/// Looks, and remembers only what would be dear to read again.
pub struct Source {
    places: Places,
    clock: Box<dyn Clock>,
    mask: Mask,
    host: String,
    ledger: Option<Ledger>,
    version: Option<i64>,
    /// Up to here was looked for something that is told.
    told: i64,
    asked_ms: i64,
    /// When the rows were last read.
    read_ms: i64,
    live: Vec<Live>,
    sight: Sight,
    /// Up to where events were read, and of which run.
    events: (String, i64),
    /// The same of the output, by attempt.
    output: (String, i64),
}

impl Source {
    pub fn new(places: Places, clock: Box<dyn Clock>, mask: Mask) -> Self {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let project = places.root.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let sight = Sight { project: super::text::clean(&project).into_owned(), ..Sight::default() };
        Self {
            places,
            clock,
            mask,
            host,
            ledger: None,
            version: None,
            told: 0,
            asked_ms: i64::MIN / 2,
            read_ms: 0,
            live: Vec::new(),
            sight,
            events: (String::new(), 0),
            output: (String::new(), 0),
        }
    }

    pub fn private(&self) -> &std::path::Path {
        &self.places.private
    }

    /// What there is now.
    pub fn look(&mut self, focus: &Focus) -> &Sight {
        let now = self.clock.now();
        self.sight.at_ms = now.as_millisecond();
        if self.sight.at_ms - self.asked_ms >= ASK {
            self.asked_ms = self.sight.at_ms;
            let live = control::live(&control::folder(&self.places.private));
            let before = std::mem::replace(&mut self.live, live.iter().map(gather::live).collect());
            // What a run tells of itself belongs to its rows; one that was killed tells its end by being gone.
            if !before.is_empty() || !self.live.is_empty() || self.sight.at_ms - self.read_ms >= READ {
                self.version = None;
            }
        }
        self.sight.live.clone_from(&self.live);
        self.sight.turn = match file::read(&self.places.state, &self.places.roles, now) {
            Ok(state) => Turn::Of(Box::new(gather::turn(&state, &self.host))),
            Err(StateError::Missing { .. }) => Turn::Missing,
            Err(e) => Turn::Ill(e.to_string()),
        };
        self.sight.book = match self.read(focus) {
            Ok(()) => Book::Open,
            Err(LedgerError::Missing(_)) => {
                self.forget();
                Book::Missing
            }
            Err(e) => {
                // It is opened anew the next time; what was read stays on the screen.
                self.ledger = None;
                Book::Ill(e.to_string())
            }
        };
        &self.sight
    }

    fn forget(&mut self) {
        self.ledger = None;
        self.version = None;
        self.events = (String::new(), 0);
        self.output = (String::new(), 0);
        self.sight.runs.clear();
        self.sight.roles.clear();
        self.sight.shown = None;
    }

    fn read(&mut self, focus: &Focus) -> Result<(), LedgerError> {
        if self.ledger.as_ref().is_some_and(Ledger::is_replaced) {
            self.forget();
        }
        let ledger = match self.ledger.take() {
            Some(ledger) => ledger,
            None => Ledger::open_existing(&self.places.private.join(FILE))?,
        };
        let done = self.read_open(&ledger, focus);
        self.ledger = Some(ledger);
        done
    }

    fn read_open(&mut self, ledger: &Ledger, focus: &Focus) -> Result<(), LedgerError> {
        let version = ledger.data_version()?;
        // What is printed changes nothing but the output: a flood of it costs no look at all the rows.
        let anew = match self.version {
            None => true,
            Some(before) if before == version => false,
            Some(_) => {
                let (told, seq) = ledger.tells(self.told)?;
                self.told = seq;
                told
            }
        };
        if anew {
            self.read_ms = self.sight.at_ms;
            let rows = ledger.runs(RunFilter::default(), RUNS)?;
            self.sight.runs = rows.iter().map(|row| gather::run(row, ledger.is_abandoned(row))).collect();
            self.sight.roles = gather::roles(&ledger.newest_turns(TURNS)?);
        }
        let Some(run) = choose::run(&self.sight.runs, &self.live, focus.run.as_deref()).cloned() else {
            self.sight.shown = None;
            self.version = Some(version);
            return Ok(());
        };
        let mut shown = self.sight.shown.take().filter(|shown| shown.run_id == run.id).unwrap_or_default();
        let fresh = shown.run_id.is_empty();
        if fresh || anew {
            self.fill(ledger, &run, &mut shown)?;
        }
        if fresh || self.version != Some(version) || shown.output.attempt_id != attempt(&shown, focus) {
            self.tail(ledger, &run, &mut shown, focus)?;
        }
        self.sight.shown = Some(shown);
        self.version = Some(version);
        Ok(())
    }

    fn fill(&mut self, ledger: &Ledger, run: &Run, shown: &mut Shown) -> Result<(), LedgerError> {
        if self.events.0 != run.id || shown.run_id.is_empty() {
            self.events = (run.id.clone(), 0);
            (shown.branch, shown.limits) = begun(ledger, run)?;
        }
        shown.run_id.clone_from(&run.id);
        shown.kind.clone_from(&run.kind);
        let lost = run.state == super::sight::State::Lost;
        let rows = ledger.newest_attempts(&run.id, ATTEMPTS)?;
        let steps = ledger.steps(&run.id)?;
        let live = self.live.iter().find(|live| live.run_id == run.id);
        shown.items = gather::items(&run.kind, &rows, &steps, live, lost);
        shown.counts =
            gather::counts(&shown.items, &ledger.attempt_counts(&run.id)?, !steps.is_empty(), lost);
        let limit = u32::try_from(EVENTS).unwrap_or(u32::MAX);
        let (rows, after) = ledger.newest_told(&run.id, self.events.1, limit)?;
        self.events.1 = after;
        shown.events.extend(rows.iter().map(|row| {
            let told = words::told(row);
            Told { text: (self.mask)(&told.text), ..told }
        }));
        shown.events.drain(..shown.events.len().saturating_sub(EVENTS));
        Ok(())
    }

    fn tail(
        &mut self,
        ledger: &Ledger,
        run: &Run,
        shown: &mut Shown,
        focus: &Focus,
    ) -> Result<(), LedgerError> {
        let Some(attempt) = attempt(shown, focus) else {
            shown.output = Output::default();
            return Ok(());
        };
        if self.output.0 != attempt || shown.output.attempt_id.as_ref() != Some(&attempt) {
            self.output = (attempt.clone(), 0);
            shown.output = Output { attempt_id: Some(attempt.clone()), ..Output::default() };
        }
        let printed = ledger.printed(&run.id, &attempt, self.output.1, OUTPUT)?;
        self.output.1 = printed.seq;
        if printed.text.is_empty() && !printed.cut {
            return Ok(());
        }
        let own = &mut shown.output;
        if printed.cut {
            own.text.clear();
            own.cut = true;
        }
        own.text.push_str(&(self.mask)(&printed.text));
        if own.text.len() > OUTPUT {
            own.cut = true;
            let from = (own.text.len() - OUTPUT..=own.text.len()).find(|at| own.text.is_char_boundary(*at));
            own.text.drain(..from.unwrap_or(0));
        }
        Ok(())
    }
}

/// The attempt whose output is shown.
fn attempt(shown: &Shown, focus: &Focus) -> Option<String> {
    choose::item(&shown.items, focus.item.as_deref()).and_then(|item| item.attempt_id.clone())
}

/// Branch and limits, as the run said at its start.
fn begun(ledger: &Ledger, run: &Run) -> Result<(Option<String>, String), LedgerError> {
    let kinds = vec!["run_started".to_owned()];
    let filter = crate::ledger::EventFilter { run_id: Some(run.id.clone()), attempt_id: None, kinds };
    let (rows, _) = ledger.events(&filter, 0, 1)?;
    Ok(match rows.first().and_then(crate::ledger::EventRow::event) {
        Some(Event::RunStarted { branch, limits, .. }) => (branch, limits),
        _ => (None, String::new()),
    })
}

//! How the tools fare: circuits and records, kept over runs by the ledger and shared by all runs of a project.
//!
//! What is known is read again before a step is routed, and changed by a transaction of its own that begins with the
//! row as it is then: two runs at once count each other's failures. The one trial of a half-open circuit is whoever
//! holds the tool's lock file; the system takes the lock back from a program that was killed (workstreams.md W20).

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use super::catalog::Catalog;
use super::process::{HASH, hash};
use crate::event::Event;
use crate::ledger::{Ledger, LedgerError, ToolHealth};
use crate::workstreams::breaker::{Admission, Circuit};
use crate::workstreams::routing::{Decision, Desk, Health, Need, route};
use crate::workstreams::score::Record;

/// The folder of lock files in the private one.
const LOCKS: &str = "trials";

#[derive(Debug, Default)]
pub struct Tools {
    /// Of the ledger; none: nothing is kept.
    path: Option<PathBuf>,
    /// Opened by the first use.
    ledger: RefCell<Option<Ledger>>,
    health: RefCell<BTreeMap<String, Health>>,
    positions: RefCell<BTreeMap<String, u64>>,
    /// The trials of this run.
    trials: RefCell<BTreeMap<String, File>>,
    /// What went wrong; told once.
    trouble: RefCell<Option<String>>,
    told: Cell<bool>,
}

/// Whether the use of a tool may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    Free,
    Trial,
    /// Another run was faster: what is known of the tool has changed.
    Lost,
}

impl Tools {
    /// As the ledger remembers it.
    pub fn read(ledger: &Ledger) -> Result<Self, LedgerError> {
        let tools = Self { path: Some(ledger.path().to_owned()), ..Self::default() };
        tools.take(ledger.tool_health()?);
        *tools.positions.borrow_mut() = ledger.positions()?.into_iter().collect();
        Ok(tools)
    }

    fn take(&self, rows: Vec<ToolHealth>) {
        let mut all = self.health.borrow_mut();
        for row in rows {
            let own = all.entry(row.tool.clone()).or_default();
            (own.circuit, own.record) = known(Some(&row));
        }
    }

    /// Looks again at what other runs did; trials of other runs are seen by their locks alone.
    pub(super) fn refresh(&self) {
        let rows = self.with_ledger(|ledger| ledger.tool_health());
        if let Some(rows) = rows {
            self.take(rows);
        }
        for name in self.trials.borrow().keys() {
            let mut all = self.health.borrow_mut();
            let own = all.entry(name.clone()).or_default();
            own.circuit = Circuit::HalfOpen { trial: true, failures: own.circuit.failures() };
        }
    }

    /// None: there is no ledger, or it cannot be used; then what is known is what this run saw.
    fn with_ledger<T>(&self, work: impl FnOnce(&mut Ledger) -> Result<T, LedgerError>) -> Option<T> {
        let path = self.path.as_ref()?;
        let mut own = self.ledger.borrow_mut();
        let done = match own.as_mut() {
            Some(ledger) => work(ledger),
            None => Ledger::open_existing(path).and_then(|ledger| work(own.insert(ledger))),
        };
        done.map_err(|e| {
            // Another file may lie there by the next time.
            *own = None;
            self.trouble.borrow_mut().get_or_insert_with(|| {
                format!(
                    "what other runs know of the tools cannot be read or told: {e}; this run goes on alone"
                )
            });
        })
        .ok()
    }

    /// What a person should know, once.
    pub(super) fn trouble(&self) -> Option<String> {
        let text = self.trouble.borrow_mut().take();
        text.filter(|_| !self.told.replace(true))
    }

    pub fn health(&self, name: &str) -> Health {
        self.health.borrow().get(name).copied().unwrap_or_default()
    }

    /// `limited`: until when a rate limit refuses a tool.
    pub fn route(
        &self,
        need: Need<'_>,
        catalog: &Catalog,
        now: i64,
        limited: &dyn Fn(&str) -> Option<i64>,
    ) -> Decision {
        let health = |name: &str| Health { limited: limited(name), ..self.health(name) };
        let position = |rule: &str| self.positions.borrow().get(rule).copied().unwrap_or(0);
        let (tools, rules) = (&catalog.capabilities, &catalog.rules);
        route(need, &Desk { tools, rules, health: &health, position: &position, now })
    }

    /// A use is about to begin: the trial of a half-open circuit is one run's alone.
    pub(super) fn enter(&self, name: &str, now: i64) -> Entry {
        let own = self.health(name).circuit;
        if own.admits(now) != Admission::Trial {
            return Entry::Free;
        }
        let Some(lock) = self.lock(name) else {
            let failures = own.failures();
            self.set(name, Circuit::HalfOpen { trial: true, failures });
            return Entry::Lost;
        };
        // The circuit as it is under the lock: an earlier trial may have ended since it was looked at.
        let changed = self.with_ledger(|ledger| {
            ledger.change_health(name, |row| {
                let (circuit, record) = known(row);
                let next = if circuit.admits(now) == Admission::Trial { circuit.begun(now) } else { circuit };
                self::row(name, next, record, now)
            })
        });
        let circuit = changed.map_or_else(|| own.begun(now), |row| known(Some(&row)).0);
        let trial = matches!(circuit, Circuit::HalfOpen { .. });
        if !trial {
            self.set(name, circuit);
            return Entry::Lost;
        }
        self.set(name, Circuit::HalfOpen { trial: true, failures: circuit.failures() });
        self.trials.borrow_mut().insert(name.to_owned(), lock);
        Entry::Trial
    }

    fn set(&self, name: &str, circuit: Circuit) {
        self.health.borrow_mut().entry(name.to_owned()).or_default().circuit = circuit;
    }

    /// None: another run has it.
    fn lock(&self, name: &str) -> Option<File> {
        let Some(folder) = self.path.as_deref().and_then(Path::parent) else { return nothing() };
        let folder = folder.join(LOCKS);
        let path = folder.join(format!("{:016x}.lock", hash(HASH, name.as_bytes())));
        let options = || File::options().create(true).truncate(false).write(true).open(&path);
        let file = fs::create_dir_all(&folder).and_then(|()| options());
        match file.map(|file| file.try_lock().map(|()| file)) {
            Ok(Ok(file)) => Some(file),
            Ok(Err(TryLockError::WouldBlock)) => None,
            Ok(Err(TryLockError::Error(e))) | Err(e) => {
                let text = format!("{}: {e}; two runs at once may both try {name}", path.display());
                self.trouble.borrow_mut().get_or_insert(text);
                nothing()
            }
        }
    }

    /// A use begins; true: it is a trial that was entered.
    pub(super) fn begin(&self, name: &str) -> bool {
        self.health.borrow_mut().entry(name.to_owned()).or_default().running += 1;
        self.trials.borrow().contains_key(name)
    }

    pub(super) fn set_position(&self, rule: &str, position: u64) {
        self.positions.borrow_mut().insert(rule.to_owned(), position);
    }

    /// A use has ended; none: it says nothing about the tool. What is to be told.
    pub(super) fn end(
        &self,
        name: &str,
        success: Option<bool>,
        trial: bool,
        latency_ms: f64,
        now: i64,
    ) -> Option<Event> {
        let step = |(circuit, record): (Circuit, Record)| match success {
            Some(true) => (circuit.succeeded(trial), record.with(true, latency_ms)),
            Some(false) => (circuit.failed(now, trial), record.with(false, latency_ms)),
            None => (circuit.interrupted(trial), record),
        };
        let mut before = self.health(name).circuit;
        let changed = self.with_ledger(|ledger| {
            ledger.change_health(name, |row| {
                let own = known(row);
                before = own.0;
                let (circuit, record) = step(own);
                self::row(name, circuit, record, now)
            })
        });
        let mut all = self.health.borrow_mut();
        let own = all.entry(name.to_owned()).or_default();
        own.running = own.running.saturating_sub(1);
        (own.circuit, own.record) =
            changed.map_or_else(|| step((before, own.record)), |row| known(Some(&row)));
        if trial {
            // After the record: whoever takes the lock next sees it.
            self.trials.borrow_mut().remove(name);
        }
        let tool = name.to_owned();
        match (before, own.circuit) {
            (Circuit::Open { .. }, Circuit::Open { .. })
            | (Circuit::Closed { .. }, Circuit::Closed { .. }) => None,
            (_, Circuit::Open { failures, .. }) => Some(Event::BreakerOpened { tool, failures }),
            (_, Circuit::Closed { .. }) => Some(Event::BreakerClosed { tool }),
            _ => None,
        }
    }
}

/// Held in the place of a lock: who cannot lock is no worse off than alone.
fn nothing() -> Option<File> {
    File::open("/dev/null").ok()
}

fn known(row: Option<&ToolHealth>) -> (Circuit, Record) {
    row.map_or_else(Default::default, |row| {
        let record = Record {
            runs: row.runs,
            success_rate: row.success_rate.unwrap_or(0.0),
            latency_ms: row.latency_ms.unwrap_or(0.0),
        };
        (Circuit::stored(&row.circuit, row.failures, row.opened_at), record)
    })
}

fn row(name: &str, circuit: Circuit, record: Record, now: i64) -> ToolHealth {
    let known = record.runs > 0;
    ToolHealth {
        tool: name.to_owned(),
        circuit: circuit.name().to_owned(),
        failures: circuit.failures(),
        opened_at: circuit.opened_at(),
        runs: record.runs,
        success_rate: known.then_some(record.success_rate),
        latency_ms: known.then_some(record.latency_ms),
        updated_at: now,
    }
}

//! Where a workstream is run, and what the world gives it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::agents::Table;
use crate::clock::Clock;
use crate::config::Config;
use crate::event::Sink;
use crate::ids::Ids;
use crate::ledger::Writer;
use crate::supervise::{Redactor, Stop};
use crate::workstreams::progress::Counts;

/// The project.
pub struct Setting {
    pub root: PathBuf,
    /// The program's own folder in it.
    pub private: PathBuf,
    pub config: Config,
    pub table: Table,
    pub path: OsString,
    pub home: Option<PathBuf>,
    pub redactor: Arc<Redactor>,
    /// The user's folder for sockets.
    pub runtime_dir: Option<PathBuf>,
    /// Whether git may be asked.
    pub git: bool,
}

/// How far a run is, for whoever shows it.
#[derive(Debug, Clone, Default)]
pub struct ProgressCell(Arc<Mutex<Counts>>);

impl ProgressCell {
    pub fn get(&self) -> Counts {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, counts: Counts) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = counts;
    }
}

/// What the world gives a run.
pub struct World<'a> {
    pub clock: Arc<dyn Clock>,
    pub ids: &'a dyn Ids,
    pub stop: &'a Stop,
    /// Whoever watches; the ledger is written by the run itself.
    pub sink: &'a mut dyn Sink,
    pub writer: &'a Writer,
    pub progress: ProgressCell,
}

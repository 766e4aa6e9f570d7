//! What the server knows of the project that it shows.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::auth::Door;
use super::feed::Feed;
use super::watch::Watch;
use crate::clock::Clock;
use crate::ledger::{Ledger, LedgerError};

/// What other rooms say of the project.
pub trait Project: Send + Sync + 'static {
    /// What `orchestrator status --format json` prints.
    fn state(&self) -> Value;

    /// What `orchestrator report RUN --format json` prints; none: there is no such run.
    fn report(&self, ledger: &Ledger, run_id: &str) -> Result<Option<Value>, LedgerError>;

    /// Covers what is secret in a text that is about to be sent.
    fn mask(&self, text: Vec<u8>) -> Vec<u8>;
}

/// Everything that the handlers share.
pub struct Site {
    pub(super) root: PathBuf,
    pub(super) ledger: PathBuf,
    /// Folders below which logs lie.
    pub(super) logs: Vec<PathBuf>,
    pub(super) door: Door,
    pub(super) project: Arc<dyn Project>,
    pub(super) feed: Arc<Feed>,
    pub(super) watch: Arc<Watch>,
}

impl Site {
    /// `ledger`: the file, there or not yet. `logs`: the folders of logs, which nothing else is read from.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub fn new(
        root: &Path,
        ledger: PathBuf,
        logs: Vec<PathBuf>,
        door: Door,
        clock: Arc<dyn Clock>,
        project: Arc<dyn Project>,
    ) -> std::io::Result<Arc<Self>> {
        let watch = Watch::start(ledger.clone(), clock, Arc::clone(&project))?;
        let feed = Feed::start(ledger.clone(), Arc::clone(&project), Arc::clone(&watch))?;
        Ok(Arc::new(Self { root: root.to_owned(), ledger, logs, door, project, feed, watch }))
    }

    /// The ledger; none: nothing was run here yet.
    pub(super) fn open(&self) -> Result<Option<Ledger>, LedgerError> {
        open(&self.ledger)
    }
}

pub(super) fn open(path: &Path) -> Result<Option<Ledger>, LedgerError> {
    match Ledger::open_existing(path) {
        Ok(ledger) => Ok(Some(ledger)),
        Err(LedgerError::Missing(_)) => Ok(None),
        Err(e) => Err(e),
    }
}

//! The protocol's journal and memory in the files every mode shares: `turn.json` and `seen.json`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::host::Details;
use super::setup::{DriverError, Setup, id_of, oid_of};
use crate::sync::atomic;
use crate::sync::journal::{self, AgentStart, JournalError, Mode};
use crate::sync::protocol::{Journal, Memory, Outcome, TurnId};
use crate::sync::seen::{self, ExitSeen, Seen};
use crate::sync::worktree::Repo;

/// An entry that other modes can read too: what they know stands where they look for it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry {
    #[serde(flatten)]
    shared: journal::Journal,
    #[serde(default)]
    protocol: Journal,
    #[serde(default)]
    details: Option<(TurnId, Details)>,
}

/// Both files of one clone.
#[derive(Debug)]
pub(super) struct Disk {
    journal: PathBuf,
    seen: PathBuf,
    reference: String,
    /// The newest entry of any mode.
    last: Option<journal::Journal>,
    pub known: Seen,
    pub details: Option<(TurnId, Details)>,
}

impl Disk {
    pub(super) fn open(setup: &Setup, repo: &Repo) -> Result<(Self, Journal, Memory), DriverError> {
        let journal_path = journal::path_in(&setup.private);
        let seen_path = seen::path_in(&setup.private);
        let last = journal::Journal::load(&journal_path)?;
        let entry = read_entry(&journal_path)?;
        let known = Seen::load(&seen_path)?;
        let reference = setup.branch_ref();
        // A new clone has seen its remote-tracking ref: a stale replica may show less.
        let tracked = || {
            let name = format!("refs/remotes/{}/{}", setup.remote.as_ref()?, setup.branch);
            repo.raw().refname_to_id(&name).ok()
        };
        let tip = known.tips.get(&reference).copied().or_else(tracked);
        let memory = Memory {
            tip: tip.map(id_of).transpose()?,
            epoch: known.epoch,
            exit: known.exit.as_ref().and_then(|e| e.commit).map(id_of).transpose()?,
            observed: known.observed.clone(),
        };
        let (protocol, details) = entry.map(|e| (e.protocol, e.details)).unwrap_or_default();
        let disk = Self { journal: journal_path, seen: seen_path, reference, last, known, details };
        Ok((disk, protocol, memory))
    }

    pub(super) fn write_journal(&mut self, setup: &Setup, journal: &Journal) -> Result<(), DriverError> {
        let shared = self.shared(setup, journal)?;
        let entry =
            Entry { shared: shared.clone(), protocol: journal.clone(), details: self.details.clone() };
        let damaged = |source| JournalError::Damaged { path: self.journal.clone(), source };
        let mut line = serde_json::to_vec(&entry).map_err(damaged)?;
        line.push(b'\n');
        atomic::append(&self.journal, &line, true)
            .map_err(|source| JournalError::Io { path: self.journal.clone(), source })?;
        self.last = Some(shared);
        Ok(())
    }

    fn shared(&self, setup: &Setup, journal: &Journal) -> Result<journal::Journal, DriverError> {
        let role = setup.config.role.clone();
        let last = self.last.clone();
        let open = journal.turn.as_ref();
        let (id, epoch) = match (open, &last) {
            (Some(turn), _) => (turn.id.to_string(), turn.epoch),
            (None, Some(last)) => (last.turn_id.clone(), last.epoch),
            (None, None) => (String::new(), 0),
        };
        let mut shared = journal::Journal::new(id, epoch, role, 0, Mode::Role);
        shared.branch = Some(setup.branch.clone());
        shared.left = last.map(|l| l.left).unwrap_or_default();
        shared.confirmed = open.is_none();
        if let Some(turn) = open {
            shared.claim = Some(oid_of(turn.claim)?);
            shared.agent = turn.agent.as_ref().map(|mark| {
                let group = i32::try_from(mark.group).unwrap_or(0);
                // The number of the clock tick; behind it stands the boot it counts from.
                let started = mark.started.split('@').next().and_then(|n| n.parse().ok()).unwrap_or(0);
                AgentStart { pid: group, pgid: group, started, attempt: 1 }
            });
            shared.stamp = turn.end.and_then(|e| e.stamp).map(oid_of).transpose()?;
            shared.outcome = turn.end.map(|e| match e.outcome {
                Outcome::Succeeded => journal::Outcome::Succeeded,
                Outcome::Failed => journal::Outcome::Failed,
                Outcome::Interrupted => journal::Outcome::Interrupted,
            });
        }
        Ok(shared)
    }

    pub(super) fn write_memory(&mut self, memory: &Memory) -> Result<(), DriverError> {
        let tip = memory.tip.map(oid_of).transpose()?;
        self.known.note_epoch(memory.epoch, tip);
        if let Some(tip) = tip {
            self.known.tips.insert(self.reference.clone(), tip);
        }
        let exit = memory.exit.map(oid_of).transpose()?;
        if self.known.exit.as_ref().and_then(|e| e.commit) != exit {
            self.known.exit = exit.map(|commit| ExitSeen { commit: Some(commit), ..ExitSeen::default() });
        }
        self.known.observed.clone_from(&memory.observed);
        Ok(self.known.save(&self.seen, true)?)
    }
}

fn read_entry(path: &Path) -> Result<Option<Entry>, DriverError> {
    let bytes = atomic::read(path).map_err(|source| JournalError::Io { path: path.into(), source })?;
    let Some(bytes) = bytes else { return Ok(None) };
    let line = atomic::last_line(&bytes).unwrap_or(&bytes);
    let damaged = |source| JournalError::Damaged { path: path.into(), source };
    let entry = serde_json::from_slice(line).or_else(|e| serde_json::from_slice(&bytes).map_err(|_| e));
    Ok(Some(entry.map_err(damaged)?))
}

//! The remote: refs that are compared and swapped, and what they were, for stale listings.

use std::collections::HashMap;

use orchestrator::sync::protocol::{CommitId, RefName};

use super::plan::Transport;
use super::store::{Ix, Store};

#[derive(Debug, Clone, Default)]
pub struct Server {
    pub branch: Option<Ix>,
    branch_before: Vec<(u64, Option<Ix>)>,
    leases: HashMap<RefName, Vec<(u64, Option<CommitId>)>>,
    pub rescues: HashMap<RefName, Ix>,
}

impl Server {
    /// Whether the branch may go from what it is to `new`, for somebody who expects `expected`.
    pub fn accepts(&self, store: &Store, by: Transport, expected: Option<Ix>, new: Ix) -> bool {
        let forward = self.branch.is_none_or(|now| store.contains(new, now));
        match by {
            Transport::Swap => self.branch == expected,
            Transport::SwapForward => self.branch == expected && forward,
            // The branch's creation is a compare with nothing in every transport.
            Transport::Forward => forward && (self.branch.is_some() || expected.is_none()),
        }
    }

    pub fn set_branch(&mut self, at: u64, to: Option<Ix>) {
        self.branch_before.push((at, self.branch));
        self.branch = to;
    }

    /// The branch as it was at a time past.
    pub fn branch_at(&self, at: u64) -> Option<Ix> {
        let later = self.branch_before.iter().find(|(changed, _)| *changed > at);
        later.map_or(self.branch, |(_, before)| *before)
    }

    pub fn lease(&self, name: &RefName) -> Option<CommitId> {
        self.leases.get(name).and_then(|h| h.last()).and_then(|(_, v)| *v)
    }

    pub fn lease_at(&self, name: &RefName, at: u64) -> Option<CommitId> {
        let history = self.leases.get(name)?;
        history.iter().rev().find(|(changed, _)| *changed <= at).and_then(|(_, v)| *v)
    }

    /// When the value that stood at `at` was set.
    pub fn lease_set(&self, name: &RefName, at: u64) -> u64 {
        let history = self.leases.get(name);
        history.and_then(|h| h.iter().rev().find(|(changed, _)| *changed <= at)).map_or(0, |(t, _)| *t)
    }

    pub fn swap_lease(&mut self, at: u64, name: &RefName, expected: Option<CommitId>, new: CommitId) -> bool {
        let swapped = self.lease(name) == expected;
        if swapped {
            self.leases.entry(name.clone()).or_default().push((at, Some(new)));
        }
        swapped
    }

    /// Create only.
    pub fn create_rescue(&mut self, name: &RefName, new: Ix) {
        self.rescues.entry(name.clone()).or_insert(new);
    }
}

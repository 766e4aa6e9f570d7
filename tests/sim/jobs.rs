//! Things to come, in order, and counts of what came.

use orchestrator::sync::lease;
use orchestrator::sync::protocol::{CommitId, Event, RefName};

use super::store::Ix;

/// Something that will happen.
#[derive(Debug, Clone)]
pub enum Job {
    Start {
        node: usize,
    },
    /// An answer to the main loop's ask, or a note.
    Main {
        node: usize,
        process: u64,
        ask: u64,
        event: Event,
    },
    Note {
        node: usize,
        process: u64,
        event: Event,
    },
    Lease {
        node: usize,
        process: u64,
        lease: u64,
        event: lease::Event,
    },
    Agent {
        node: usize,
        process: u64,
    },
    Orphan {
        node: usize,
    },
    /// A push reaches the server.
    Land {
        node: usize,
        push: Push,
    },
    Outsider,
    Old(super::old::Step),
    Person(super::people::Errand),
}

#[derive(Debug, Clone)]
pub enum Push {
    Branch { expected: Option<Ix>, new: Ix },
    Lease { name: RefName, expected: Option<CommitId>, new: CommitId },
    Rescue { name: RefName, new: Ix },
}

#[derive(Debug)]
pub struct Due {
    pub at: u64,
    pub order: u64,
    pub job: Job,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}
impl Eq for Due {}
impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// What happened how often, to see that a run of many seeds meets everything.
#[derive(Debug, Default, Clone, Copy)]
pub struct Stats {
    pub handed_off: u64,
    pub handed_off_after: u64,
    pub takeovers: u64,
    pub resumes: u64,
    pub fenced: u64,
    pub rescued: u64,
    pub kept_here: u64,
    pub conflicts: u64,
    pub crashes: u64,
    pub rewritten: u64,
    pub replays: u64,
    pub lost_races: u64,
    pub lease_ended: u64,
    pub actions: u64,
}

impl Stats {
    pub fn add(&mut self, other: &Self) {
        self.handed_off += other.handed_off;
        self.handed_off_after += other.handed_off_after;
        self.takeovers += other.takeovers;
        self.resumes += other.resumes;
        self.fenced += other.fenced;
        self.rescued += other.rescued;
        self.kept_here += other.kept_here;
        self.conflicts += other.conflicts;
        self.crashes += other.crashes;
        self.rewritten += other.rewritten;
        self.replays += other.replays;
        self.lost_races += other.lost_races;
        self.lease_ended += other.lease_ended;
        self.actions += other.actions;
    }
}

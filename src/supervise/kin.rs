//! Who belongs to an attempt: the leader's descendants, wherever they have gone.
//!
//! A descendant whose parents died is re-parented to this program (a child subreaper), so everything that lives
//! hangs below the leader or below an adopted orphan. An orphan is the attempt's if it is in the leader's session,
//! bears its mark in the environment, or was seen below the leader before. One that left the session, wiped its
//! environment and lost its parents before anyone looked is not recognised: a stated limit.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::procfs::{self, Stat};
use super::{table, tree};

/// Names the attempt; unique.
pub const ATTEMPT_VAR: &str = "ORCHESTRATOR_ATTEMPT";
/// Attempts from the outermost program to this one, `:` between, so that nested programs' children are found.
pub const ANCESTRY_VAR: &str = "ORCHESTRATOR_ANCESTRY";
/// The project's root.
pub const PROJECT_VAR: &str = "ORCHESTRATOR_PROJECT";
/// Set for a step that starts a service: what it leaves is no survivor.
pub const KEEP_VAR: &str = "ORCHESTRATOR_KEEP";
/// `PID:START` of the program that started the attempt.
pub const OWNER_VAR: &str = "ORCHESTRATOR_OWNER";

/// How a project is named in the mark: however the path was written.
pub(super) fn project_mark(root: &Path) -> PathBuf {
    root.canonicalize().unwrap_or_else(|_| root.to_owned())
}

/// Whether an environment bears an attempt's mark, directly or through a nested program.
pub(super) fn bears_mark(environ: &[u8], attempt: &str) -> bool {
    let attempt = attempt.as_bytes();
    procfs::variable(environ, ATTEMPT_VAR) == Some(attempt)
        || procfs::variable(environ, ANCESTRY_VAR)
            .is_some_and(|chain| chain.split(|b| *b == b':').any(|link| link == attempt))
}

/// The family of one leader.
#[derive(Debug)]
pub(super) struct Kin {
    leader: i32,
    attempt: String,
    seen: BTreeSet<(i32, u64)>,
}

impl Kin {
    pub(super) fn new(leader: i32, attempt: String) -> Self {
        Self { leader, attempt, seen: BTreeSet::new() }
    }

    /// The living members but for the leader. Dead adopted ones are reaped on the way.
    pub(super) fn living(&mut self) -> Vec<Stat> {
        let mut queue = self.adopted();
        queue.extend(table::children(self.leader));
        self.below(queue)
    }

    /// The same when the leader has ended: all that is left was adopted. Cheap when that is nobody.
    pub(super) fn left(&mut self) -> Vec<Stat> {
        let queue = self.adopted();
        self.below(queue)
    }

    /// These belong to the family too, however they were found.
    pub(super) fn remember(&mut self, members: &[Stat]) {
        self.seen.extend(members.iter().map(|member| (member.pid, member.start)));
    }

    fn adopted(&mut self) -> Vec<i32> {
        let mut queue: Vec<i32> = Vec::new();
        for orphan in tree::adopted() {
            match table::stat(orphan) {
                Some(stat) if stat.state == b'Z' => tree::reap_orphan(orphan),
                Some(stat) if self.claims(&stat) => queue.push(orphan),
                _ => {}
            }
        }
        queue
    }

    fn below(&mut self, mut queue: Vec<i32>) -> Vec<Stat> {
        let mut found = Vec::new();
        let mut done = BTreeSet::new();
        while let Some(pid) = queue.pop() {
            if !done.insert(pid) {
                continue;
            }
            let Some(stat) = table::stat(pid) else { continue };
            queue.extend(table::children(pid));
            if stat.state != b'Z' && stat.state != b'X' {
                self.seen.insert((pid, stat.start));
                found.push(stat);
            }
        }
        found
    }

    /// CPU time of the tree so far, in clock ticks.
    pub(super) fn cpu_ticks(&mut self) -> Option<u64> {
        let own = table::stat(self.leader)?.ticks;
        Some(own + self.living().iter().map(|stat| stat.ticks).sum::<u64>())
    }

    fn claims(&self, stat: &Stat) -> bool {
        stat.session == self.leader
            || self.seen.contains(&(stat.pid, stat.start))
            || table::environ(stat.pid).is_some_and(|environ| bears_mark(&environ, &self.attempt))
    }
}

/// Reaps adopted orphans that have ended, so that a long turn collects no zombies.
pub(super) fn reap_orphans() {
    for orphan in tree::adopted() {
        tree::reap_orphan(orphan);
    }
}

/// Whoever keeps the other end of our pipes or terminal open, wherever it hides.
pub(super) fn holders(links: &[String]) -> Vec<Stat> {
    let own = table::own_pid();
    table::pids()
        .into_iter()
        .filter(|pid| *pid != own && table::holds(*pid, links))
        .filter_map(table::stat)
        .filter(|stat| stat.state != b'Z')
        .collect()
}

//! The earlier orchestrator as a peer: it looks at `expected_actor` alone, ignores whether its
//! claim arrived, drops the fields it does not know, and pulls with rebase before it pushes.

use std::sync::Arc;

use orchestrator::sync::protocol::{Outcome, StateView, Status};

use super::forge;
use super::store::{Commit, Ix, Kind};
use super::world::{Job, Push, World};

#[derive(Debug, Clone, Copy)]
pub enum Step {
    Look,
    Work,
    Publish { tries: u32 },
}

#[derive(Debug)]
pub struct Old {
    local: Ix,
}

/// Not one of the clones.
const WHO: usize = usize::MAX - 1;

impl Old {
    pub fn new(root: Ix) -> Self {
        Self { local: root }
    }
}

impl World {
    pub fn old(&mut self, step: Step) {
        let Some(old) = &self.old else { return };
        let local = old.local;
        let (delay, next) = match step {
            Step::Look => self.old_looks(local),
            Step::Work => self.old_works(local),
            Step::Publish { tries } => self.old_publishes(local, tries),
        };
        self.after(delay, Job::Old(next));
    }

    fn set_old(&mut self, to: Ix) {
        if let Some(old) = &mut self.old {
            old.local = to;
        }
    }

    fn old_commit(&mut self, on: Ix, kind: Kind, state: StateView, works: Vec<u32>) -> Ix {
        let state = Some(Arc::new(StateView { turn: None, exit: false, ..state }));
        self.add(Commit { parents: vec![on], kind, state, mark: None, who: WHO, works })
    }

    fn old_looks(&mut self, local: Ix) -> (u64, Step) {
        let (Some(tip), wait) = (self.server.branch, (super::plan::POLL, Step::Look)) else {
            return (super::plan::POLL, Step::Look);
        };
        let Some(state) = self.store.get(tip).state.clone() else { return wait };
        if !self.store.contains(local, tip) || local != tip {
            self.set_old(tip);
        }
        if state.expected != self.plan.roles[0] {
            return wait;
        }
        let running = StateView { status: Status::Running(state.expected.clone()), ..(*state).clone() };
        let claim = self.old_commit(tip, Kind::OldClaim, running, Vec::new());
        self.set_old(claim);
        // The result is ignored.
        self.send(WHO, Push::Branch { expected: Some(tip), new: claim }, |_| ());
        (self.rng.pick(&[3_000, 10_000, 30_000, 60_000, 100_000]), Step::Work)
    }

    fn old_works(&mut self, local: Ix) -> (u64, Step) {
        let state = (**self.store.get(local).state.as_ref().unwrap()).clone();
        let work = self.old_commit(local, Kind::OldWork, state.clone(), Vec::new());
        let handed = forge::stamped(&state, &self.plan.roles, Outcome::Succeeded, false);
        let stamp = self.old_commit(work, Kind::OldStamp, handed, Vec::new());
        self.set_old(stamp);
        (100, Step::Publish { tries: 0 })
    }

    /// `git pull --rebase && git push`, twice; then somebody cleans up by hand.
    fn old_publishes(&mut self, local: Ix, tries: u32) -> (u64, Step) {
        let Some(tip) = self.server.branch else { return (1_000, Step::Look) };
        if self.store.contains(tip, local) {
            return (1_000, Step::Look);
        }
        if tries > 2 {
            self.set_old(tip);
            return (1_000, Step::Look);
        }
        if self.store.on_line(local, tip) {
            self.send(WHO, Push::Branch { expected: Some(tip), new: local }, |_| ());
            return (500, Step::Publish { tries: tries + 1 });
        }
        let missing = self.store.missing(local, Some(tip));
        let base = missing.first().and_then(|m| self.store.first_parent(*m));
        let conflict = base.and_then(|b| self.store.get(b).state.clone()) != self.store.get(tip).state;
        if conflict {
            self.set_old(tip);
            return (1_000, Step::Look);
        }
        let mut on = tip;
        for ix in missing {
            let old = self.store.get(ix).clone();
            on = self.add(Commit { parents: vec![on], ..old });
        }
        self.set_old(on);
        (100, Step::Publish { tries: tries + 1 })
    }
}

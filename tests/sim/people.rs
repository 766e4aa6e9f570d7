//! Everybody else: committers to the same branch, whoever restarts a loop, and whoever decides
//! what a rewritten branch means.

use orchestrator::sync::protocol::{
    BootId, Config, Control, Goal, Memory, Reason, RefName, Start, Status, Takeover,
};

use super::log;
use super::node::Node;
use super::plan::{Plan, Rewrite};
use super::store::{Commit, Ix, Kind};
use super::world::{Job, Outcome, Push, World};

/// Things a person does now and then.
#[derive(Debug, Clone, Copy)]
pub enum Errand {
    /// Looks whether the loop stands still: failed, or stopped.
    Watch {
        node: usize,
    },
    Stop {
        node: usize,
    },
    Rewrite(Rewrite),
    /// Puts a rolled back branch back, if nobody has gone on from it.
    Restore,
    /// Commits something to a clone between turns.
    CommitLocally {
        node: usize,
    },
}

impl World {
    pub fn config_of(&mut self, role: usize, cron: bool, goal: Goal) -> Config {
        let second = self.plan.second_lease_ref && self.rng.chance(0.5);
        let lease_ref =
            if second { "refs/heads/orchestrator-lease/main" } else { "refs/orchestrator/lease/main" };
        let goal_is_loop = goal == Goal::Loop;
        Config {
            goal,
            role: self.plan.roles[role].clone(),
            first: role == 0,
            start: if cron { Start::IfTurn } else { Start::ByHand },
            turns: self.plan.turns.filter(|_| goal_is_loop),
            takeover: Takeover::Auto,
            retry_failed: 0,
            lease_ref: RefName::new(lease_ref),
            boot: BootId::new("boot-0"),
            timing: Plan::timing(),
        }
    }

    /// The schedule's visitors.
    pub fn invite(&mut self, root: Ix) {
        if let Some(every) = self.plan.outsider {
            let first = self.rng.range(0, 2 * every);
            self.after(first, Job::Outsider);
        }
        // A clone of its own, for commands.
        let config = self.config_of(0, false, Goal::Once(Control::Resume));
        let person = Node::new(config, false, root, &mut self.rng);
        self.nodes.push(person);
        let node = self.nodes.len() - 1;
        self.after(20_000, Job::Person(Errand::Watch { node }));
        if let Some(at) = self.plan.exit {
            self.after(at, Job::Person(Errand::Stop { node }));
        }
        if let Some((at, how)) = self.plan.rewrite {
            self.after(at, Job::Person(Errand::Rewrite(how)));
        }
        if self.plan.outsider.is_some() {
            for node in 0..node {
                let at = self.rng.range(10_000, self.plan.stop);
                self.after(at, Job::Person(Errand::CommitLocally { node }));
            }
        }
    }

    pub fn outsider(&mut self) -> Outcome {
        let Some(every) = self.plan.outsider.filter(|_| self.faults()) else { return Ok(()) };
        if let Some(tip) = self.server.branch {
            let new =
                if self.rng.chance(self.plan.foxtrot) { self.foxtrot(tip) } else { self.others(vec![tip]) };
            self.land(usize::MAX, Push::Branch { expected: Some(tip), new })?;
        }
        let next = self.rng.range(0, 2 * every);
        self.after(next, Job::Outsider);
        Ok(())
    }

    /// Somebody's commit, with the state of the last parent.
    fn others(&mut self, parents: Vec<Ix>) -> Ix {
        let state = parents.last().and_then(|p| self.store.get(*p).state.clone());
        self.add(Commit { parents, kind: Kind::Other, state, mark: None, who: usize::MAX, works: Vec::new() })
    }

    /// A commit made on an older tip, then merged with the branch: the branch becomes its second
    /// parent, and the claims and stamps in between leave the first-parent line.
    fn foxtrot(&mut self, tip: Ix) -> Ix {
        let line = self.store.line(None, tip);
        let back = usize::try_from(self.rng.range(0, 4)).unwrap().min(line.len() - 1);
        let older = line[line.len() - 1 - back];
        if self.store.get(older).state.is_none() {
            return self.others(vec![tip]);
        }
        let own = self.others(vec![older]);
        self.chain.foxtrot = true;
        self.others(vec![own, tip])
    }

    pub fn person(&mut self, errand: Errand) {
        match errand {
            Errand::Watch { node } => {
                let state = self.server.branch.and_then(|b| self.store.get(b).state.clone());
                let obeyed = self.nodes.iter().any(|n| n.saw_exit.is_some());
                let stands = state.is_some_and(|s| {
                    let long = self.now.saturating_sub(self.state_since) > 40_000;
                    (s.exit || obeyed || s.status == Status::Failed) && long
                });
                if stands {
                    self.command(node, Control::Resume);
                } else if self.faults() && self.rng.chance(self.plan.release) {
                    self.release(node);
                }
                self.after(20_000, Job::Person(Errand::Watch { node }));
            }
            Errand::Stop { node } => self.command(node, Control::Stop),
            Errand::Rewrite(how) => self.rewrite(how),
            Errand::Restore => self.restore(),
            Errand::CommitLocally { node } => self.commit_locally(node),
        }
    }

    fn command(&mut self, n: usize, what: Control) {
        if self.nodes[n].machine.is_some() {
            return;
        }
        log!(self, "person: {what:?}");
        let config = Config { goal: Goal::Once(what), ..(*self.nodes[n].config).clone() };
        self.nodes[n].config = std::sync::Arc::new(config);
        self.after(0, Job::Start { node: n });
    }

    /// `orchestrator takeover --force`, on whoever runs.
    fn release(&mut self, n: usize) {
        let state = self.server.branch.and_then(|b| self.store.get(b).state.clone());
        let Some(state) = state.filter(|s| matches!(s.status, Status::Running(_))) else { return };
        if let Some(turn) = state.turn.clone() {
            self.command(n, Control::Release { turn: turn.id, epoch: turn.epoch });
        }
    }

    fn commit_locally(&mut self, n: usize) {
        let node = &self.nodes[n];
        // Somebody at the keyboard of a clone whose agent does not run.
        let quiet = node.agent.is_none() && node.orphan.is_none() && node.local.head.is_none();
        let begun = self.store.get(node.local.branch).state.is_some();
        if !quiet || !begun || node.local.operation {
            return;
        }
        let works = vec![self.new_work(n)];
        let head = self.nodes[n].local.branch;
        let state = self.store.get(head).state.clone();
        let commit = Commit { parents: vec![head], kind: Kind::Other, state, mark: None, who: n, works };
        let made = self.add(commit);
        self.nodes[n].local.branch = made;
        log!(self, "{n}: a person commits {made} locally");
    }

    fn rewrite(&mut self, how: Rewrite) {
        let Some(tip) = self.server.branch else { return };
        let line = self.store.line(None, tip);
        let back = usize::try_from(self.rng.range(1, 6)).unwrap();
        if line.len() <= back + 2 {
            return;
        }
        let base = line[line.len() - 1 - back];
        let to = match how {
            Rewrite::Rollback => Some(base),
            Rewrite::Deletion => None,
            Rewrite::Sideways => {
                let state = self.store.get(base).state.clone();
                let (mark, works) = (None, Vec::new());
                let other =
                    Commit { parents: vec![base], kind: Kind::Other, state, mark, who: usize::MAX, works };
                Some(self.add(other))
            }
        };
        if to.is_some_and(|t| self.store.get(t).state.is_none()) {
            return;
        }
        log!(self, "server: REWRITTEN {tip} -> {to:?}");
        self.server.set_branch(self.now, to);
        self.chain.rewritten = true;
        self.stats.rewritten += 1;
        self.lost_tip = Some((tip, to));
        self.look_at_state(Some(tip));
        // Nobody can go on from a branch that is gone: it has to come back.
        let later = self.rng.range(20_000, 60_000);
        if how == Rewrite::Deletion || self.rng.chance(0.4) {
            self.after(later, Job::Person(Errand::Restore));
        }
    }

    fn restore(&mut self) {
        if let Some((tip, _)) = self.lost_tip.take().filter(|(_, forced)| self.server.branch == *forced) {
            let forced = self.server.branch;
            log!(self, "server: restored to {tip}");
            self.server.set_branch(self.now, Some(tip));
            self.look_at_state(forced);
        }
    }

    /// What a person does about an exit before the next start.
    pub fn attend(&mut self, n: usize, reason: &Reason) {
        match reason {
            Reason::Rewritten { now: Some(tip), .. } => {
                // "It is meant to be so": the clone follows, with what it had put aside.
                let (branch, tip) = (self.nodes[n].local.branch, super::store::ix(*tip));
                let node = &mut self.nodes[n];
                node.memory = Memory { tip: None, ..node.memory.clone() };
                let head = node.local.head.take();
                node.local.saved.extend(head.into_iter().chain([branch]));
                // Back to where the open turn left it, if one is open.
                match &node.journal.turn {
                    None => node.local.branch = tip,
                    Some(turn) => {
                        if let Some(end) = turn.end {
                            node.local.branch = super::store::ix(end.head);
                        }
                    }
                }
            }
            Reason::Blocked(_) | Reason::InTheWay(_) => {
                let local = &mut self.nodes[n].local;
                local.operation = false;
                let head = local.head.take();
                local.saved.extend(head);
            }
            _ => (),
        }
    }

    /// Loops are started again; commands are not.
    pub fn come_back(&mut self, n: usize, delay: u64) {
        if self.nodes[n].config.goal == Goal::Loop {
            self.after(delay, Job::Start { node: n });
        }
    }
}

//! One seed, run: the queue of things to come, and the rules every one of them is held to.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use orchestrator::sync::protocol::{Goal, Status};

use super::broken::Broken;
use super::check::{Chain, Violation, violated};
pub use super::jobs::{Due, Job, Push, Stats};
use super::node::Node;
use super::plan::{Begins, Part, Plan};
use super::rng::Rng;
use super::server::Server;
use super::store::{Commit, Ix, Kind, Store};

pub type Outcome = Result<(), Violation>;

pub struct World {
    pub plan: Plan,
    pub broken: Broken,
    pub rng: Rng,
    pub now: u64,
    pub store: Store,
    pub server: Server,
    pub chain: Chain,
    pub nodes: Vec<Node>,
    pub old: Option<super::old::Old>,
    pub stats: Stats,
    pub trace: Option<Vec<String>>,
    /// Crash a node when this many actions were carried out in all.
    pub crash_at: Option<u64>,
    pub works: u32,
    pub leases: u64,
    /// What the branch was before it was rewritten, while somebody may still put it back.
    pub lost_tip: Option<(Ix, Option<Ix>)>,
    /// Since when the state could have been claimed.
    pub claimable: Option<u64>,
    pub state_since: u64,
    queue: BinaryHeap<Reverse<Due>>,
    order: u64,
}

/// Adds a line to the trace, if there is one.
#[macro_export]
macro_rules! log {
    ($world:expr, $($word:tt)*) => {
        if $world.trace.is_some() {
            let line = format!($($word)*);
            $world.note_line(&line);
        }
    };
}

impl World {
    pub fn new(seed: u64, plan: Option<Plan>, broken: Broken, traced: bool) -> Self {
        let mut rng = Rng::new(seed);
        let mut plan = plan.unwrap_or_else(|| Plan::draw(&mut rng));
        broken.arrange(&mut plan);
        let mut world = Self {
            broken,
            rng,
            now: 0,
            store: Store::default(),
            server: Server::default(),
            chain: Chain::default(),
            nodes: Vec::new(),
            old: None,
            stats: Stats::default(),
            trace: traced.then(Vec::new),
            crash_at: None,
            works: 0,
            leases: 0,
            lost_tip: None,
            claimable: Some(0),
            state_since: 0,
            queue: BinaryHeap::new(),
            order: 0,
            plan,
        };
        world.found();
        world
    }

    /// The branch's first commits, and everybody's first appearance.
    fn found(&mut self) {
        let root = self.add(Commit {
            parents: Vec::new(),
            kind: Kind::Root,
            state: None,
            mark: None,
            who: usize::MAX,
            works: Vec::new(),
        });
        if self.plan.begins != Begins::NoBranch {
            self.server.set_branch(0, Some(root));
        }
        if self.plan.begins == Begins::Init {
            let state = Some(std::sync::Arc::new(super::forge::initial(&self.plan.roles)));
            let init =
                Commit { parents: vec![root], kind: Kind::Init, state, ..self.store.get(root).clone() };
            let init = self.add(init);
            self.server.set_branch(0, Some(init));
        }
        for part in self.plan.parts.clone() {
            self.join(part, root);
        }
        for node in 0..self.nodes.len() {
            let delay = self.rng.range(0, 5_000);
            self.after(delay, Job::Start { node });
        }
        self.invite(root);
    }

    pub fn note_line(&mut self, line: &str) {
        let (seconds, ms) = (self.now / 1000, self.now % 1000);
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{seconds:>4}.{ms:03} {line}"));
        }
    }

    pub fn add(&mut self, commit: Commit) -> Ix {
        self.store.add(commit)
    }

    pub fn after(&mut self, delay: u64, job: Job) {
        self.order += 1;
        self.queue.push(Reverse(Due { at: self.now + delay, order: self.order, job }));
    }

    pub fn faults(&self) -> bool {
        self.now < self.plan.stop
    }

    /// Faults have stopped, and what they left behind has worn off.
    pub fn calm(&self) -> bool {
        self.now > self.plan.stop + 90_000
    }

    /// Runs the schedule to its end, or to the first broken promise.
    pub fn run(&mut self) -> Outcome {
        while let Some(Reverse(due)) = self.queue.pop() {
            let enough = self.now > self.plan.stop + 200_000 && self.stats.handed_off_after >= 3;
            if due.at > self.plan.end || enough {
                break;
            }
            self.now = due.at;
            self.happen(due.job)?;
        }
        self.close()
    }

    fn happen(&mut self, job: Job) -> Outcome {
        match job {
            Job::Start { node } => self.start(node),
            Job::Main { node, process, ask, event } => self.main(node, process, ask, event),
            Job::Note { node, process, event } => self.note(node, process, event),
            Job::Lease { node, process, lease, event } => self.lease(node, process, lease, event),
            Job::Agent { node, process } => self.agent(node, process),
            Job::Orphan { node } => {
                self.orphan(node);
                Ok(())
            }
            Job::Land { node, push } => self.land(node, push).map(|_| ()),
            Job::Outsider => self.outsider(),
            Job::Old(step) => {
                self.old(step);
                Ok(())
            }
            Job::Person(errand) => {
                self.person(errand);
                Ok(())
            }
        }
    }

    /// A push at the server. Whether it was taken.
    pub fn land(&mut self, node: usize, push: Push) -> Result<bool, Violation> {
        match push {
            Push::Branch { expected, new } => {
                let from = self.server.branch;
                if from == Some(new) {
                    return Ok(true);
                }
                if !self.server.accepts(&self.store, self.plan.transport, expected, new) {
                    log!(self, "server: branch stays {from:?}, no {new} by {node} (expected {expected:?})");
                    return Ok(false);
                }
                self.server.set_branch(self.now, Some(new));
                log!(
                    self,
                    "server: branch {from:?} -> {new} {:?} {} by {node}",
                    self.store.get(new).kind,
                    self.describe(new)
                );
                self.chain.advance(&self.store, &self.plan.roles, from, new, self.now)?;
                self.chain.keeps_acknowledged(&self.store, Some(new))?;
                self.note_change(from, new);
                Ok(true)
            }
            Push::Lease { name, expected, new } => {
                let done = self.server.swap_lease(self.now, &name, expected, new);
                if done {
                    self.state_since = self.now;
                }
                Ok(done)
            }
            Push::Rescue { name, new } => {
                self.server.create_rescue(&name, new);
                Ok(true)
            }
        }
    }

    fn note_change(&mut self, from: Option<Ix>, new: Ix) {
        for ix in self.store.missing(new, from) {
            if let Kind::Stamp(_) | Kind::OldStamp = self.store.get(ix).kind {
                self.stats.handed_off += 1;
                let failed = self.store.get(ix).state.as_ref().is_some_and(|s| s.status == Status::Failed);
                if !self.faults() && !failed {
                    self.stats.handed_off_after += 1;
                }
            }
        }
        self.look_at_state(from);
    }

    /// Keeps track of since when the branch's state has been waiting for somebody.
    pub fn look_at_state(&mut self, from: Option<Ix>) {
        let state = |ix: Option<Ix>| ix.and_then(|ix| self.store.get(ix).state.clone());
        let (before, after) = (state(from), state(self.server.branch));
        if before != after {
            self.state_since = self.now;
            let open =
                after.is_some_and(|s| !s.exit && !matches!(s.status, Status::Running(_) | Status::Failed));
            self.claimable = open.then_some(self.now);
        }
    }

    pub fn describe(&self, ix: Ix) -> String {
        match &self.store.get(ix).state {
            None => "no state".into(),
            Some(s) => {
                let turn = s.turn.as_ref().map_or("-".into(), |t| format!("{}#{}", t.id, t.epoch));
                let exit = if s.exit { " exit" } else { "" };
                format!("i={} {} {:?} {turn}{exit}", s.iteration, s.expected, s.status)
            }
        }
    }

    /// What must hold in the end: work kept, acknowledged hand-offs in the chain, progress made.
    fn close(&mut self) -> Outcome {
        self.chain.keeps_acknowledged(&self.store, self.server.branch)?;
        let mut kept: Vec<u32> = Vec::new();
        // What a rewrite threw away was published: losing it is the server's doing.
        let published = self.chain.landed.keys().copied().collect::<Vec<_>>();
        let heads = self.server.branch.into_iter().chain(self.server.rescues.values().copied());
        for head in heads.collect::<Vec<_>>() {
            self.store.works_of(head, &mut kept);
        }
        for ix in published {
            kept.extend(&self.store.get(ix).works);
        }
        for node in &self.nodes {
            let local = &node.local;
            for head in local.saved.iter().copied().chain([local.branch]).chain(local.head) {
                self.store.works_of(head, &mut kept);
            }
            kept.extend(local.dirty.iter().chain(&local.saved_files));
        }
        kept.sort_unstable();
        for (n, node) in self.nodes.iter().enumerate() {
            if let Some(work) = node.made.iter().find(|w| kept.binary_search(w).is_err()) {
                return violated("work-lost", format!("piece {work} of node {n}"));
            }
        }
        if self.stats.handed_off_after < 3 {
            let tip = self.server.branch.map(|t| self.describe(t));
            return violated(
                "no-progress",
                format!("{} after faults stopped, tip {tip:?}", self.stats.handed_off_after),
            );
        }
        Ok(())
    }

    fn join(&mut self, part: Part, root: Ix) {
        let (role, cron) = match part {
            Part::Loop(role) => (role, false),
            Part::Cron(role) => (role, true),
            Part::Old => {
                self.old = Some(super::old::Old::new(root));
                self.after(0, Job::Old(super::old::Step::Look));
                return;
            }
        };
        let config = self.config_of(role, cron, Goal::Loop);
        let node = Node::new(config, cron, root, &mut self.rng);
        self.nodes.push(node);
    }
}

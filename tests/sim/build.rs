//! The git half of a shell: builds, moves and rescues, on simulated commits.

use std::sync::Arc;
use std::time::Duration;

use orchestrator::ids::RoleId;
use orchestrator::sync::protocol::{
    Base, ClaimKind, CommitId, Control, Event, Obstacle, Order, Saved, StateView, TurnId, TurnView,
};

use super::broken::Broken;
use super::forge;
use super::plan::LEASE;
use super::store::{self, Commit, Ix, Kind, Mark};
use super::world::{Outcome, World};

impl World {
    pub fn build(&mut self, n: usize, order: Order) -> Outcome {
        let event = match order {
            Order::Claim { kind, tip, epoch } => self.build_claim(n, kind, store::ix(tip), epoch)?,
            Order::Stamp { turn, epoch, outcome, exit, base } => {
                let mark = Mark { turn, epoch };
                self.build_stamp(n, mark, outcome, exit, base)
            }
            Order::Control { what, tip } => self.build_control(n, &what, tip.map(store::ix)),
        };
        let delay = self.rng.range(5, 300);
        self.answer(n, delay, event);
        Ok(())
    }

    fn role(&self, n: usize) -> RoleId {
        self.nodes[n].config.role.clone()
    }

    fn build_claim(
        &mut self,
        n: usize,
        kind: ClaimKind,
        tip: Ix,
        epoch: u64,
    ) -> Result<Event, super::check::Violation> {
        self.check_claim(n, kind, tip, epoch)?;
        let local = &self.nodes[n].local;
        if local.head.is_some() || local.operation {
            return Ok(Event::NotBuilt(Obstacle::Refused("HEAD is not the work branch".into())));
        }
        let head = local.branch;
        let mine = self.nodes[n].journal.turn.as_ref().map(|t| t.id.clone());
        let fits = !self.rng.chance(self.plan.conflict);
        let Some(base) = forge::replay(&mut self.store, head, tip, || fits) else {
            let names = vec!["src/lib.rs".to_owned()];
            let works = self.store.missing(head, Some(tip));
            let of_turn = works.iter().any(|w| {
                let commit = self.store.get(*w);
                commit.mark.as_ref().is_some_and(|m| Some(&m.turn) == mine.as_ref())
            });
            let obstacle = if of_turn { Obstacle::TurnConflict(names) } else { Obstacle::Conflict(names) };
            return Ok(Event::NotBuilt(obstacle));
        };
        let node = &mut self.nodes[n];
        node.local.branch = base;
        node.turns_drawn += 1;
        let turn = TurnId::new(&format!("t{n}.{}", node.turns_drawn));
        let lease_ref = Some(node.config.lease_ref.clone());
        let lease = Duration::from_millis(LEASE);
        let view = TurnView { id: turn.clone(), epoch, lease, lease_ref, failures: 0 };
        let before = self.state(tip);
        let state = Some(Arc::new(forge::claimed(&before, &self.role(n), view)));
        let mark = Some(Mark { turn: turn.clone(), epoch });
        let claim =
            Commit { parents: vec![base], kind: Kind::Claim(kind), state, mark, who: n, works: Vec::new() };
        let commit = store::id(self.add(claim));
        Ok(Event::ClaimBuilt { turn, commit })
    }

    fn build_stamp(
        &mut self,
        n: usize,
        mark: Mark,
        outcome: orchestrator::sync::protocol::Outcome,
        exit: bool,
        base: Base,
    ) -> Event {
        let head = self.nodes[n].journal.turn.as_ref().and_then(|t| t.end).map(|e| store::ix(e.head));
        let head = head.unwrap_or(self.nodes[n].local.branch);
        let fits = !self.rng.chance(self.plan.conflict);
        let on = match base {
            Base::Head => Some(head),
            Base::Bare(tip) => Some(store::ix(tip)),
            Base::Replay(tip) => forge::replay(&mut self.store, head, store::ix(tip), || fits),
        };
        let Some(on) = on else {
            return Event::NotBuilt(Obstacle::TurnConflict(vec!["src/lib.rs".into()]));
        };
        let mut from = self.state(on);
        if self.broken == Broken::StaleRebase {
            let claim = self.nodes[n].journal.turn.as_ref().map(|t| store::ix(t.claim));
            from = claim.map_or(from, |c| self.state(c));
        }
        let state = forge::stamped(&from, &self.plan.roles, outcome, exit);
        let kind = Kind::Stamp(outcome);
        let stamp = Commit {
            parents: vec![on],
            kind,
            state: Some(Arc::new(state)),
            mark: Some(mark),
            who: n,
            works: Vec::new(),
        };
        Event::Built(store::id(self.add(stamp)))
    }

    fn build_control(&mut self, n: usize, what: &Control, tip: Option<Ix>) -> Event {
        let before = tip.and_then(|t| self.store.get(t).state.clone());
        let roles = &self.plan.roles;
        let (kind, state) = match (what, before) {
            (Control::Create, _) | (_, None) => (Kind::Init, forge::initial(roles)),
            (Control::Stop, Some(s)) => (Kind::Stop, StateView { exit: true, ..(*s).clone() }),
            (Control::Resume, Some(s)) => (Kind::Resume, forge::resumed(&s)),
            (Control::Release { .. } | Control::ReleaseBare { .. }, Some(s)) => {
                (Kind::Release, forge::released(&s))
            }
        };
        let mark = match what {
            Control::Release { turn, epoch } => Some(Mark { turn: turn.clone(), epoch: epoch + 1 }),
            _ => None,
        };
        let parents = tip.into_iter().collect();
        let commit = Commit { parents, kind, state: Some(Arc::new(state)), mark, who: n, works: Vec::new() };
        Event::Built(store::id(self.add(commit)))
    }

    fn state(&self, ix: Ix) -> StateView {
        let state = self.store.get(ix).state.clone();
        state.map_or_else(|| forge::initial(&self.plan.roles), |s| (*s).clone())
    }

    /// The local branch goes to `to`; what none of `above` contains goes along.
    pub fn move_branch(&mut self, n: usize, to: Ix, above: &[CommitId]) {
        let branch = self.nodes[n].local.branch;
        let mut extra = self.store.missing(branch, Some(to));
        extra.retain(|ix| !above.iter().any(|a| self.store.contains(store::ix(*a), *ix)));
        let mut on = to;
        for ix in extra {
            let old = self.store.get(ix).clone();
            if !old.works.is_empty() {
                let state = self.store.get(on).state.clone();
                on = self.add(Commit { parents: vec![on], state, ..old });
            }
        }
        let local = &mut self.nodes[n].local;
        local.branch = on;
        // What it left has been put aside.
        (local.head, local.operation) = (None, false);
        let delay = self.rng.range(5, 100);
        self.answer(n, delay, Event::Moved);
    }

    /// Local rescue refs for all that the remote was not seen to have.
    pub fn rescue(&mut self, n: usize, turn: &TurnId, from: u32) {
        let node = &self.nodes[n];
        let seen = node.memory.tip.map(store::ix);
        let heads: Vec<Ix> = [Some(node.local.branch), node.local.head].into_iter().flatten().collect();
        let lacking = |ix: &Ix| {
            let missing = self.store.missing(*ix, seen);
            missing.iter().any(|m| !self.store.get(*m).works.is_empty())
        };
        let heads: Vec<Ix> = heads.into_iter().filter(lacking).collect();
        let node = &mut self.nodes[n];
        node.local.saved.extend(&heads);
        let files = node.local.dirty.clone();
        node.local.saved_files.extend(files);
        let mut saved = Vec::new();
        for head in heads {
            let (name, number) = node.rescue_name(turn, from, head);
            saved.push(Saved { name, commit: store::id(head), number });
        }
        let delay = self.rng.range(5, 100);
        self.answer(n, delay, Event::Rescued(saved));
    }
}

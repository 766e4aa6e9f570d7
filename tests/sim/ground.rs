//! The ground the search walks on: commits by content, the weakest remote, and a shell.

use std::sync::Arc;
use std::time::Duration;

use orchestrator::sync::protocol::{
    AtTip, Base, ClaimKind, CommitId, Event, Facts, Line, Obstacle, Order, RefName, Relation, Saved,
    StateView, Status, TurnId, TurnView,
};

use super::check::{Chain, violated};
use super::forge;
use super::plan::LEASE;
use super::search::{Found, Lie, Place, Search};
use super::store::{self, Commit, Ix, Kind, Mark};

impl Search {
    pub(super) fn land(&mut self, place: &mut Place, expected: Option<Ix>, new: Ix) -> Found {
        // The weakest transport: it compares, and would take anything.
        if expected != Some(place.branch) || new == place.branch {
            return Ok(());
        }
        let from = std::mem::replace(&mut place.branch, new);
        Chain::default().advance(&self.store, &self.roles, Some(from), new, 0)
    }

    pub(super) fn facts(&self, place: &Place, n: usize, tip: CommitId, about: &[CommitId]) -> Facts {
        let at = store::ix(tip);
        let relation = |commit: &CommitId| {
            let ours = store::ix(*commit);
            match (ours == at, self.store.contains(at, ours), self.store.on_line(ours, at)) {
                (true, ..) => Relation::Same,
                (_, true, _) => Relation::Contained,
                (_, _, true) => Relation::Extends,
                _ => Relation::Apart,
            }
        };
        let relations = about.iter().map(|c| (*c, relation(c))).collect();
        let mut state = self.store.get(at).state.clone().unwrap();
        let turn = place.nodes[n].journal.turn.as_ref();
        if let (Lie::StillMine, Some(turn)) = (self.lie, turn.filter(|t| t.end.is_some())) {
            state = self.store.get(store::ix(turn.claim)).state.clone().unwrap();
        }
        let epoch = self.store.epoch(at);
        Facts { tip, state: AtTip::State(state), epoch, resumed: false, relations, limit: None }
    }

    pub(super) fn replayed(&mut self, head: Ix, tip: Ix) -> Ix {
        let missing = self.store.missing(head, Some(tip));
        let mut on = tip;
        for ix in missing {
            let old = self.store.get(ix).clone();
            if !old.works.is_empty() {
                let state = self.store.get(on).state.clone();
                on = self.add(Commit { parents: vec![on], state, ..old });
            }
        }
        on
    }

    pub(super) fn build(&mut self, place: &mut Place, n: usize, order: Order) -> Event {
        let node = &mut place.nodes[n];
        match order {
            Order::Claim { kind, tip, epoch } => {
                self.taken_over += u64::from(kind == ClaimKind::TakeOver);
                let tip = store::ix(tip);
                node.drawn += 1;
                let turn = TurnId::new(&format!("t{n}.{}", node.drawn));
                let base = self.replayed(node.local, tip);
                node.local = base;
                let lease = Duration::from_millis(LEASE);
                let lease_ref = Some(self.configs[n].lease_ref.clone());
                let view = TurnView { id: turn.clone(), epoch, lease, lease_ref, failures: 0 };
                let before: StateView = (**self.store.get(tip).state.as_ref().unwrap()).clone();
                let state = Some(Arc::new(forge::claimed(&before, &self.configs[n].role, view)));
                let mark = Some(Mark { turn: turn.clone(), epoch });
                let kind = Kind::Claim(kind);
                let claim = Commit { parents: vec![base], kind, state, mark, who: n, works: Vec::new() };
                Event::ClaimBuilt { turn, commit: store::id(self.add(claim)) }
            }
            Order::Stamp { turn, epoch, outcome, exit, base } => {
                let head = node.journal.turn.as_ref().and_then(|t| t.end).map(|e| store::ix(e.head)).unwrap();
                let on = match base {
                    Base::Head => head,
                    Base::Bare(tip) => store::ix(tip),
                    Base::Replay(tip) => self.replayed(head, store::ix(tip)),
                };
                let before: StateView = (**self.store.get(on).state.as_ref().unwrap()).clone();
                let state = Some(Arc::new(forge::stamped(&before, &self.roles, outcome, exit)));
                let (kind, mark) = (Kind::Stamp(outcome), Some(Mark { turn, epoch }));
                let stamp = Commit { parents: vec![on], kind, state, mark, who: n, works: Vec::new() };
                Event::Built(store::id(self.add(stamp)))
            }
            Order::Control { .. } => Event::NotBuilt(Obstacle::Refused("not asked for".into())),
        }
    }

    pub(super) fn rescue(&mut self, place: &mut Place, n: usize, turn: &TurnId) -> Event {
        let node = &mut place.nodes[n];
        let seen = node.memory.tip.map(store::ix);
        let lacks = self.store.missing(node.local, seen).iter().any(|m| !self.store.get(*m).works.is_empty());
        if !lacks {
            return Event::Rescued(Vec::new());
        }
        if !node.saved.contains(&node.local) {
            node.saved.push(node.local);
        }
        let name = RefName::new(&format!("refs/heads/orchestrator/rescue/{turn}"));
        Event::Rescued(vec![Saved { name, commit: store::id(node.local), number: 1 }])
    }

    pub(super) fn move_branch(&mut self, place: &mut Place, n: usize, to: Ix, above: &[CommitId]) {
        let mut extra = self.store.missing(place.nodes[n].local, Some(to));
        extra.retain(|ix| !above.iter().any(|a| self.store.contains(store::ix(*a), *ix)));
        let mut on = to;
        for ix in extra {
            let old = self.store.get(ix).clone();
            if !old.works.is_empty() {
                let state = self.store.get(on).state.clone();
                on = self.add(Commit { parents: vec![on], state, ..old });
            }
        }
        place.nodes[n].local = on;
    }

    /// One commit of an agent, the same whenever the same turn is run on the same ground.
    pub(super) fn work(&mut self, place: &mut Place, n: usize, on: Ix) -> (Ix, Line) {
        let node = &mut place.nodes[n];
        let turn = node.journal.turn.as_ref().unwrap();
        let mark = Some(Mark { turn: turn.id.clone(), epoch: turn.epoch });
        let piece = u32::try_from(n).unwrap() * 1000 + node.drawn;
        node.made.retain(|p| *p != piece);
        node.made.push(piece);
        let state = self.store.get(node.local).state.clone();
        let (parents, kind) = (vec![node.local], Kind::Work);
        let head = self.add(Commit { parents, kind, state, mark, who: n, works: vec![piece] });
        node.local = head;
        let line = if self.store.on_line(head, on) { Line::Straight } else { Line::Bent };
        (head, line)
    }

    pub(super) fn check_own(&self, place: &Place, n: usize) -> Found {
        let node = &place.nodes[n];
        let state = self.store.get(place.branch).state.as_ref().unwrap();
        let own = state.turn.as_ref().is_some_and(|t| t.id.as_str().starts_with(&format!("t{n}.")));
        let runs = matches!(state.status, Status::Running(_));
        if own && runs && node.memory.tip == Some(store::id(place.branch)) {
            return violated("own-turn-abandoned", format!("node {n}"));
        }
        Ok(())
    }

    /// No piece of work is lost, wherever a machine stands.
    pub(super) fn check(&self, place: &Place) -> Found {
        let mut kept = Vec::new();
        self.store.works_of(place.branch, &mut kept);
        for (n, node) in place.nodes.iter().enumerate() {
            let mut here = kept.clone();
            for head in node.saved.iter().chain([&node.local]) {
                self.store.works_of(*head, &mut here);
            }
            if let Some(piece) = node.made.iter().find(|p| !here.contains(p)) {
                return violated("work-lost", format!("piece {piece} of node {n}"));
            }
        }
        Ok(())
    }
}

//! What must hold after every step, judged from the server's side and from nowhere else (G1).

use std::collections::HashMap;

use orchestrator::ids::RoleId;
use orchestrator::sync::protocol::{Outcome, StateView, Status};

use super::store::{Commit, Ix, Kind, Store};

/// A broken promise: which, and the particulars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub name: &'static str,
    pub what: String,
}

pub fn violated<T>(name: &'static str, what: String) -> Result<T, Violation> {
    Err(Violation { name, what })
}

/// What the branch has gone through.
#[derive(Debug, Clone, Default)]
pub struct Chain {
    /// When each commit became part of the branch first.
    pub landed: HashMap<Ix, u64>,
    /// Hand-offs a clone was told of as published.
    pub acknowledged: Vec<Ix>,
    /// Somebody rewrote the branch: what was acknowledged before may be gone.
    pub rewritten: bool,
    /// Somebody merged the branch into an older line of theirs: the chain along first parents has
    /// a gap, and what was on it hangs on a second parent.
    pub foxtrot: bool,
}

impl Chain {
    /// The branch moved by a push, not by force.
    pub fn advance(
        &mut self,
        store: &Store,
        roles: &[RoleId],
        from: Option<Ix>,
        to: Ix,
        at: u64,
    ) -> Result<(), Violation> {
        if let Some(from) = from {
            if !store.contains(to, from) {
                return violated("overwritten", format!("{from} is not in {to}"));
            }
            if !store.on_line(to, from) && store.get(to).who == usize::MAX {
                self.landed.extend(store.missing(to, Some(from)).into_iter().map(|new| (new, at)));
                return Ok(());
            }
            if !store.on_line(to, from) {
                return violated("sidelined", format!("{from} is not on the first-parent line of {to}"));
            }
        }
        for new in store.line(from, to) {
            legal(store, roles, new)?;
            // Who accepts a rewritten branch may bring back what was on the lost one.
            if !self.rewritten {
                fenced_out(store, new)?;
            }
        }
        for new in store.missing(to, from) {
            self.landed.entry(new).or_insert(at);
        }
        Ok(())
    }

    /// An acknowledged hand-off stays in the chain.
    pub fn keeps_acknowledged(&self, store: &Store, tip: Option<Ix>) -> Result<(), Violation> {
        let kept =
            |tip: Ix, stamp: Ix| store.on_line(tip, stamp) || self.foxtrot && store.contains(tip, stamp);
        let lost = self.acknowledged.iter().find(|s| !tip.is_some_and(|t| kept(t, **s)));
        match lost {
            Some(stamp) if !self.rewritten => violated("acknowledged-lost", format!("stamp {stamp}")),
            _ => Ok(()),
        }
    }
}

/// T5, on the first-parent line.
fn legal(store: &Store, roles: &[RoleId], ix: Ix) -> Result<(), Violation> {
    let commit = store.get(ix);
    let before = store.first_parent(ix).and_then(|p| store.get(p).state.clone());
    let ok = match (&before, &commit.state) {
        (None, None) => matches!(commit.kind, Kind::Root | Kind::Other),
        (None, Some(state)) => {
            commit.kind == Kind::Init && state.iteration == 1 && state.expected == roles[0] && !state.exit
        }
        (Some(_), None) => false,
        // A person's merge goes on from its second parent.
        (Some(_), Some(b)) if commit.parents.len() == 2 && commit.kind == Kind::Other => {
            store.get(commit.parents[1]).state.as_deref() == Some(b)
        }
        (Some(a), Some(b)) => transition(commit, a, b, roles),
    };
    if !ok {
        return violated("illegal", format!("{ix} {:?}: {before:?} -> {:?}", commit.kind, commit.state));
    }
    match (&commit.mark, commit.kind) {
        (Some(_), Kind::Claim(_)) => epoch_grows(store, ix, commit),
        (Some(mark), Kind::Stamp(_)) => {
            for earlier in store.line(None, ix).into_iter().filter(|e| *e != ix) {
                let e = store.get(earlier);
                let other = e.mark.as_ref().filter(|_| matches!(e.kind, Kind::Stamp(_)));
                if other.is_some_and(|o| o.turn == mark.turn) {
                    return violated("turn-handed-off-twice", format!("{:?}: {earlier} and {ix}", mark.turn));
                }
                if other.is_some_and(|o| o.epoch == mark.epoch) {
                    return violated("epoch-handed-off-twice", format!("{}: {earlier} and {ix}", mark.epoch));
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn epoch_grows(store: &Store, ix: Ix, commit: &Commit) -> Result<(), Violation> {
    let before = store.first_parent(ix).map_or(0, |p| store.epoch(p));
    match commit.mark.as_ref().map(|m| m.epoch) {
        Some(epoch) if epoch <= before => {
            violated("epoch-repeated", format!("claim {ix} has {epoch} after {before}"))
        }
        _ => Ok(()),
    }
}

fn transition(commit: &Commit, a: &StateView, b: &StateView, roles: &[RoleId]) -> bool {
    let same_place = a.iteration == b.iteration && a.expected == b.expected;
    let running = |s: &StateView| matches!(s.status, Status::Running(_));
    let runs_expected = |s: &StateView| s.status == Status::Running(s.expected.clone());
    let turn_of = |s: &StateView| s.turn.as_ref().map(|t| t.id.clone());
    let marked = commit.mark.as_ref();
    match commit.kind {
        Kind::Root | Kind::Init => false,
        Kind::Work | Kind::Other | Kind::OldWork => a == b,
        Kind::Stop => b.exit && *b == StateView { exit: true, ..a.clone() },
        Kind::Resume => {
            let status = if a.status == Status::Failed {
                Status::Waiting(a.expected.clone())
            } else {
                a.status.clone()
            };
            *b == StateView { exit: false, status, ..a.clone() }
        }
        Kind::Claim(_) => {
            let free = !running(a) || runs_expected(a);
            let fresh = turn_of(a) != turn_of(b) && turn_of(b) == marked.map(|m| m.turn.clone());
            same_place && free && fresh && runs_expected(b) && !a.exit && !b.exit
        }
        // The earlier orchestrator knows no exit.
        Kind::OldClaim => same_place && runs_expected(b),
        Kind::Release => {
            let given_back = b.status == Status::Waiting(a.expected.clone());
            same_place && runs_expected(a) && given_back && a.exit == b.exit
        }
        Kind::Stamp(outcome) => {
            let own = turn_of(a) == marked.map(|m| m.turn.clone()) && turn_of(b) == turn_of(a);
            let own = own && a.epoch() == marked.map_or(0, |m| m.epoch) && b.epoch() == a.epoch();
            runs_expected(a) && own && (b.exit || !a.exit) && result(outcome, a, b, roles)
        }
        Kind::OldStamp => runs_expected(a) && result(Outcome::Succeeded, a, b, roles),
    }
}

fn result(outcome: Outcome, a: &StateView, b: &StateView, roles: &[RoleId]) -> bool {
    let same_place = a.iteration == b.iteration && a.expected == b.expected;
    let at = roles.iter().position(|r| *r == a.expected).unwrap();
    match (outcome, roles.get(at + 1)) {
        (Outcome::Failed, _) => same_place && b.status == Status::Failed,
        (Outcome::Interrupted, _) => same_place && b.status == Status::Waiting(a.expected.clone()),
        (Outcome::Succeeded, Some(next)) => {
            let handed = b.expected == *next && b.status == Status::Waiting(next.clone());
            handed && b.iteration == a.iteration
        }
        (Outcome::Succeeded, None) => {
            b.expected == roles[0] && b.status == Status::Complete && b.iteration == a.iteration + 1
        }
    }
}

/// Work of a machine that lost its turn is never published over another's.
fn fenced_out(store: &Store, ix: Ix) -> Result<(), Violation> {
    let commit = store.get(ix);
    let Some(mark) = commit.mark.as_ref().filter(|_| commit.kind == Kind::Work) else { return Ok(()) };
    for earlier in store.line(None, ix) {
        let e = store.get(earlier);
        let later_claim = matches!(e.kind, Kind::Claim(_)) && e.who != commit.who;
        if later_claim && e.mark.as_ref().is_some_and(|m| m.epoch > mark.epoch) {
            let what = format!("work {ix} of epoch {} by {} after claim {earlier}", mark.epoch, commit.who);
            return violated("fenced-work-published", what);
        }
    }
    Ok(())
}

//! All commits of a simulated world, in one store: what a fetch would bring is always here, what
//! a machine may know of it is decided by what it is told.

use std::sync::Arc;

use orchestrator::sync::protocol::{ClaimKind, CommitId, Outcome, StateView, TurnId};

/// A commit's place in the store; parents come before children.
pub type Ix = u32;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Before the loop: no state file yet.
    Root,
    Init,
    Claim(ClaimKind),
    Stamp(Outcome),
    /// An agent's work; may touch the state file.
    Work,
    /// A person's commit, or anything else the loop has no part in.
    Other,
    Stop,
    Resume,
    Release,
    /// The earlier orchestrator's.
    OldClaim,
    OldStamp,
    OldWork,
}

/// The trailers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mark {
    pub turn: TurnId,
    pub epoch: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Commit {
    pub parents: Vec<Ix>,
    pub kind: Kind,
    pub state: Option<Arc<StateView>>,
    pub mark: Option<Mark>,
    /// Which clone made it.
    pub who: usize,
    /// The pieces of work it brings; a replay carries them over.
    pub works: Vec<u32>,
}

/// What follows from a commit and its parents.
#[derive(Debug, Clone)]
struct Derived {
    ancestors: Bits,
    line: Bits,
    epoch: u64,
    resume: Option<Ix>,
}

type Bits = Vec<u64>;

fn has(bits: &Bits, i: Ix) -> bool {
    bits.get(i as usize / 64).is_some_and(|w| w >> (i % 64) & 1 == 1)
}

fn put(bits: &mut Bits, i: Ix) {
    let word = i as usize / 64;
    if bits.len() <= word {
        bits.resize(word + 1, 0);
    }
    bits[word] |= 1 << (i % 64);
}

#[derive(Debug, Clone, Default)]
pub struct Store {
    commits: Vec<Commit>,
    derived: Vec<Derived>,
}

impl Store {
    pub fn add(&mut self, commit: Commit) -> Ix {
        let ix = Ix::try_from(self.commits.len()).unwrap();
        let (mut ancestors, mut line) = (Bits::new(), Bits::new());
        let (mut epoch, mut resume) = (0, None);
        if let Some(first) = commit.parents.first() {
            let parent = &self.derived[*first as usize];
            (ancestors, line) = (parent.ancestors.clone(), parent.line.clone());
            (epoch, resume) = (parent.epoch, parent.resume);
        }
        for side in commit.parents.iter().skip(1) {
            let other = &self.derived[*side as usize].ancestors;
            ancestors.resize(ancestors.len().max(other.len()), 0);
            ancestors.iter_mut().zip(other).for_each(|(a, b)| *a |= b);
        }
        put(&mut ancestors, ix);
        put(&mut line, ix);
        if matches!(commit.kind, Kind::Claim(_) | Kind::Stamp(_) | Kind::Release) {
            epoch = epoch.max(commit.mark.as_ref().map_or(0, |m| m.epoch));
        }
        if commit.kind == Kind::Resume {
            resume = Some(ix);
        }
        self.commits.push(commit);
        self.derived.push(Derived { ancestors, line, epoch, resume });
        ix
    }

    pub fn get(&self, ix: Ix) -> &Commit {
        &self.commits[ix as usize]
    }

    pub fn first_parent(&self, ix: Ix) -> Option<Ix> {
        self.get(ix).parents.first().copied()
    }

    /// `a` is `b` or an ancestor of it, over any parent.
    pub fn contains(&self, b: Ix, a: Ix) -> bool {
        has(&self.derived[b as usize].ancestors, a)
    }

    /// `a` is on `b`'s first-parent line.
    pub fn on_line(&self, b: Ix, a: Ix) -> bool {
        has(&self.derived[b as usize].line, a)
    }

    /// The highest `Epoch` trailer on the first-parent line.
    pub fn epoch(&self, ix: Ix) -> u64 {
        self.derived[ix as usize].epoch
    }

    /// Whether a resume commit on `tip`'s line is not yet part of `exit`.
    pub fn resumed_since(&self, tip: Ix, exit: Ix) -> bool {
        self.derived[tip as usize].resume.is_some_and(|r| !self.contains(exit, r))
    }

    /// The commits of `head` that `tip` lacks, oldest first.
    pub fn missing(&self, head: Ix, tip: Option<Ix>) -> Vec<Ix> {
        let empty = Bits::new();
        let theirs = tip.map_or(&empty, |t| &self.derived[t as usize].ancestors);
        let ours = &self.derived[head as usize].ancestors;
        let mut out = Vec::new();
        for (n, word) in ours.iter().enumerate() {
            let mut word = word & !theirs.get(n).copied().unwrap_or(0);
            while word != 0 {
                out.push(Ix::try_from(n).unwrap() * 64 + word.trailing_zeros());
                word &= word - 1;
            }
        }
        out
    }

    /// The first-parent line from `from` (exclusive) to `to`, oldest first.
    pub fn line(&self, from: Option<Ix>, to: Ix) -> Vec<Ix> {
        let mut out = Vec::new();
        let mut at = Some(to);
        while let Some(ix) = at.filter(|ix| Some(*ix) != from) {
            out.push(ix);
            at = self.first_parent(ix);
        }
        out.reverse();
        out
    }

    /// Whether the commit changes the state file against its first parent.
    pub fn touches_state(&self, ix: Ix) -> bool {
        let before = self.first_parent(ix).and_then(|p| self.get(p).state.clone());
        before != self.get(ix).state
    }

    pub fn works_of(&self, head: Ix, into: &mut Vec<u32>) {
        for ix in self.missing(head, None) {
            into.extend(&self.get(ix).works);
        }
    }
}

/// Commit ids and places in the store are the same number.
pub fn id(ix: Ix) -> CommitId {
    tagged(0, ix)
}

pub fn ix(id: CommitId) -> Ix {
    let bytes = id.as_bytes();
    Ix::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// A commit that only a lease ref ever points to.
pub fn lease_value(n: u64) -> CommitId {
    tagged(0xFF, u32::try_from(n).unwrap())
}

fn tagged(tag: u8, n: u32) -> CommitId {
    let mut bytes = [0; 20];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    bytes[19] = tag;
    CommitId::from_bytes(&bytes).unwrap()
}

//! Every schedule of two machines, as far as a dozen steps reach.
//!
//! A step is one thing the other machine could notice or that could go wrong: a listing, a push, a
//! wake-up, an agent's end, a push that lands late, a crash between any two actions, a leap of
//! time past lease and margin, a person's commit. What a machine does in between touches only
//! itself and is run at once. Commits are the same if their content is the same, so that states
//! reached on different ways are recognised. There is no lease: a leap makes any holder
//! look dead at any moment, which is the worst an adversary could do to the fence.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use orchestrator::ids::RoleId;
use orchestrator::sync::protocol::{
    Action, BootId, Config, Ended, Event, Goal, How, Journal, Listing, Machine, Memory, Message, Now,
    PushReply, Reason, RefName, Start, Takeover, Target, Trouble,
};

use super::check::{Violation, violated};
use super::forge;
use super::plan::{LEASE, POLL, Plan};
use super::store::{self, Commit, Ix, Kind, Store};

/// How much may go wrong on one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Budget {
    pub steps: u32,
    pub crashes: u32,
    /// Listings that fail, pushes that are dropped or come late.
    pub faults: u32,
    pub leaps: u32,
    pub outsiders: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Pending {
    List,
    Push { expected: Option<Ix>, new: Ix },
    Sleep,
    Agent { on: Ix },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Node {
    pub machine: Option<(Machine, Pending)>,
    pub journal: Journal,
    pub memory: Memory,
    pub local: Ix,
    pub saved: Vec<Ix>,
    pub drawn: u32,
    pub made: Vec<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub branch: Ix,
    /// Pushes under way, in order of content.
    pub late: Vec<(Option<Ix>, Ix)>,
    pub nodes: [Node; 2],
    time: u64,
    left: Budget,
}

/// The search, and what it has in common with all places.
pub struct Search {
    pub(super) roles: Vec<RoleId>,
    pub(super) configs: [Arc<Config>; 2],
    pub(super) store: Store,
    known: HashMap<Commit, Ix>,
    seen: HashMap<u64, u32>,
    pub places: u64,
    pub handed_off: u64,
    pub taken_over: u64,
    pub fenced: u64,
    path: Vec<String>,
    pub(super) lie: Lie,
}

/// What the shell of the search does wrong, to show that it would be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    None,
    /// A claim found in the journal is forgotten (G12).
    ForgetClaim,
    /// The turn is always still ours (G11e).
    StillMine,
}

pub(super) type Found = Result<(), Violation>;

impl Search {
    pub fn new(roles: &[&str], of: [usize; 2], lie: Lie) -> Self {
        let roles: Vec<RoleId> = roles.iter().map(|r| RoleId::parse(r).unwrap()).collect();
        let config = |role: usize| {
            Arc::new(Config {
                goal: Goal::Loop,
                role: roles[role].clone(),
                first: role == 0,
                start: Start::ByHand,
                turns: None,
                takeover: Takeover::Auto,
                retry_failed: 0,
                lease_ref: RefName::new("refs/orchestrator/lease/main"),
                boot: BootId::new("boot"),
                timing: Plan::timing(),
            })
        };
        let configs = [config(of[0]), config(of[1])];
        Self {
            roles,
            configs,
            store: Store::default(),
            known: HashMap::new(),
            seen: HashMap::new(),
            places: 0,
            handed_off: 0,
            taken_over: 0,
            fenced: 0,
            path: Vec::new(),
            lie,
        }
    }

    pub fn run(&mut self, budget: Budget) -> Result<(), (Violation, Vec<String>)> {
        let state = Some(Arc::new(forge::initial(&self.roles)));
        let (mark, works) = (None, Vec::new());
        let root = self.add(Commit { parents: Vec::new(), kind: Kind::Init, state, mark, who: 9, works });
        let node = Node {
            machine: None,
            journal: Journal::default(),
            memory: Memory::default(),
            local: root,
            saved: Vec::new(),
            drawn: 0,
            made: Vec::new(),
        };
        let nodes = [node.clone(), node];
        let place = Place { branch: root, late: Vec::new(), nodes, time: 0, left: budget };
        self.explore(&place).map_err(|v| (v, self.path.clone()))
    }

    pub(super) fn add(&mut self, commit: Commit) -> Ix {
        if let Some(ix) = self.known.get(&commit) {
            return *ix;
        }
        let ix = self.store.add(commit.clone());
        self.known.insert(commit, ix);
        ix
    }

    fn explore(&mut self, place: &Place) -> Found {
        let left = place.left.steps;
        let mut hasher = DefaultHasher::new();
        Place { left: Budget { steps: 0, ..place.left }, ..place.clone() }.hash(&mut hasher);
        let best = self.seen.entry(hasher.finish()).or_insert(0);
        if *best > left || left == 0 {
            return Ok(());
        }
        *best = left + 1;
        self.places += 1;
        let mut next = place.clone();
        next.left.steps -= 1;
        for n in 0..2 {
            self.move_node(&next, n)?;
        }
        for i in 0..next.late.len() {
            let mut place = next.clone();
            let (expected, new) = place.late.remove(i);
            self.go(place, format!("{new} lands late"), |s, p| s.land(p, expected, new))?;
        }
        if next.left.leaps > 0 {
            let mut place = next.clone();
            place.left.leaps -= 1;
            place.time += LEASE * 2;
            self.go(place, "time leaps".into(), |_, _| Ok(()))?;
        }
        if next.left.outsiders > 0 {
            let mut place = next.clone();
            place.left.outsiders -= 1;
            let state = self.store.get(place.branch).state.clone();
            let (parents, mark) = (vec![place.branch], None);
            let new = self.add(Commit { parents, kind: Kind::Other, state, mark, who: 9, works: Vec::new() });
            let expected = Some(place.branch);
            self.go(place, "a person commits".into(), |s, p| s.land(p, expected, new))?;
        }
        Ok(())
    }

    /// One way on from here.
    fn go(
        &mut self,
        mut place: Place,
        what: String,
        step: impl FnOnce(&mut Self, &mut Place) -> Found,
    ) -> Found {
        self.path.push(what);
        step(self, &mut place)?;
        self.check(&place)?;
        self.explore(&place)?;
        self.path.pop();
        Ok(())
    }

    /// Everything that may happen to one machine now.
    fn move_node(&mut self, place: &Place, n: usize) -> Found {
        let Some((_, pending)) = place.nodes[n].machine.clone() else {
            return self.feed(place, n, "starts", &Event::Started);
        };
        match pending {
            Pending::Sleep => self.feed(place, n, "wakes", &Event::Woke),
            Pending::List => {
                let listing = Listing { branch: Some(store::id(place.branch)), ..Listing::default() };
                self.feed(place, n, "lists", &Event::Listed(Ok(listing)))?;
                let trouble = Event::Listed(Err(Trouble::Passing("timed out".into())));
                self.fault(place, |s, p| s.feed(p, n, "lists in vain", &trouble))
            }
            Pending::Push { expected, new } => {
                let pushed = || Event::Pushed(PushReply::Unsure);
                let mut landed = place.clone();
                self.land(&mut landed, expected, new)?;
                self.feed(&landed, n, "pushes", &pushed())?;
                self.fault(place, |s, p| s.feed(p, n, "pushes in vain", &pushed()))?;
                self.fault(place, |s, p| {
                    let mut place = p.clone();
                    place.late.push((expected, new));
                    place.late.sort_unstable();
                    s.feed(&place, n, "pushes, late", &pushed())
                })
            }
            Pending::Agent { on } => {
                let mut place = place.clone();
                let (head, line) = self.work(&mut place, n, on);
                let ended = Ended { how: How::Succeeded, head: store::id(head), line, exit: false };
                self.feed(&place, n, "its agent ends", &Event::AgentEnded(ended))
            }
        }
    }

    fn fault(&mut self, place: &Place, step: impl FnOnce(&mut Self, &Place) -> Found) -> Found {
        if place.left.faults == 0 {
            return Ok(());
        }
        let mut place = place.clone();
        place.left.faults -= 1;
        step(self, &place)
    }

    /// Hands an event to a machine, and also lets it crash before each of the actions that follow.
    fn feed(&mut self, place: &Place, n: usize, what: &str, event: &Event) -> Found {
        let mut actions = 0;
        let whole = event.clone();
        self.go(place.clone(), format!("{n} {what}"), |s, p| s.drive(p, n, whole, &mut actions, None))?;
        if place.left.crashes == 0 {
            return Ok(());
        }
        for k in 0..actions {
            let mut place = place.clone();
            place.left.crashes -= 1;
            let (event, mut none) = (event.clone(), 0);
            let what = format!("{n} {what}, and crashes before action {k}");
            self.go(place, what, |s, p| s.drive(p, n, event, &mut none, Some(k)))?;
        }
        Ok(())
    }

    /// Runs a machine up to the next thing that others could notice.
    fn drive(
        &mut self,
        place: &mut Place,
        n: usize,
        event: Event,
        count: &mut u32,
        crash: Option<u32>,
    ) -> Found {
        let mono = Duration::from_millis(place.time);
        let now = Now { mono, wall: i64::try_from(place.time / 1000).unwrap() };
        let node = &mut place.nodes[n];
        let fresh = || {
            let claim = node.journal.claim.clone().filter(|_| self.lie != Lie::ForgetClaim);
            let journal = Journal { claim, ..node.journal.clone() };
            Machine::new(self.configs[n].clone(), journal, node.memory.clone())
        };
        let mut machine = node.machine.take().map_or_else(fresh, |(machine, _)| machine);
        let mut event = event;
        loop {
            let actions = machine.step(now, event);
            let mut answer = None;
            for action in actions {
                if crash == Some(*count) {
                    return Ok(());
                }
                *count += 1;
                match self.act(place, n, action)? {
                    Next::On => (),
                    Next::Answer(event) => answer = Some(event),
                    Next::Await(pending) => {
                        place.nodes[n].machine = Some((machine, pending));
                        return Ok(());
                    }
                    Next::Over => return Ok(()),
                }
            }
            let Some(next) = answer else { return violated("contract", "no ask".into()) };
            event = next;
        }
    }

    fn act(&mut self, place: &mut Place, n: usize, action: Action) -> Result<Next, Violation> {
        let node = &mut place.nodes[n];
        Ok(match action {
            Action::WriteJournal(journal) => {
                node.journal = journal;
                Next::On
            }
            Action::WriteMemory(memory) => {
                node.memory = memory;
                Next::On
            }
            Action::Say(Message::Published { .. }) => {
                let end = node.journal.turn.as_ref().and_then(|t| t.end);
                let stamp = end.and_then(|e| e.stamp).map(store::ix);
                if !stamp.is_some_and(|s| self.store.on_line(place.branch, s)) {
                    return violated("acknowledged-lost", format!("{stamp:?}"));
                }
                self.handed_off += 1;
                Next::On
            }
            Action::StartLease(_)
            | Action::StopLease
            | Action::StopAgent
            | Action::EndOldAgent(_)
            | Action::StopPublished
            | Action::Say(_) => Next::On,
            Action::List { .. } => Next::Await(Pending::List),
            Action::Fetch { tip, about, .. } => {
                Next::Answer(Event::Fetched(Ok(self.facts(place, n, tip, &about))))
            }
            Action::Build(order) => Next::Answer(self.build(place, n, order)),
            Action::Push { to: Target::Branch, expected, new } => {
                let (expected, new) = (expected.map(store::ix), store::ix(new));
                if expected.is_some_and(|e| !self.store.on_line(new, e)) {
                    return violated("unfit-push", format!("{new} for {expected:?}"));
                }
                Next::Await(Pending::Push { expected, new })
            }
            Action::Push { to: Target::Rescue(_), .. } => {
                Next::Answer(Event::Pushed(PushReply::Refused("no".into())))
            }
            Action::RunAgent { turn, on } => {
                if !self.store.contains(place.branch, store::ix(turn.claim)) {
                    return violated("ran-unclaimed", format!("{turn:?}"));
                }
                Next::Await(Pending::Agent { on: store::ix(on) })
            }
            Action::Rescue { turn, .. } => Next::Answer(self.rescue(place, n, &turn)),
            Action::Move { to, above } => {
                self.move_branch(place, n, store::ix(to), &above);
                Next::Answer(Event::Moved)
            }
            Action::Wait { least, .. } => {
                if least == Duration::from_millis(POLL) * 4 / 5 {
                    self.check_own(place, n)?;
                }
                Next::Await(Pending::Sleep)
            }
            Action::Exit(Reason::OutOfStep(stage)) => return violated("out-of-step", stage.into()),
            Action::Exit(reason) => {
                self.fenced += u64::from(reason == Reason::Fenced);
                Next::Over
            }
        })
    }
}

/// What an action leads to.
pub(super) enum Next {
    On,
    Answer(Event),
    Await(Pending),
    Over,
}

impl std::fmt::Display for Search {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { places, handed_off, taken_over, fenced, .. } = self;
        write!(f, "{places} places, {handed_off} hand-offs, {taken_over} take-overs, {fenced} fenced")
    }
}

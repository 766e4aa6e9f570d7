//! The holder's side of a lease (G10), pure like the protocol and with its own thread: a busy main
//! loop must not starve it, and a hung one must not be kept alive by it.
//!
//! A renewal is one new commit swapped in for the last value known. Its start is when it was
//! *first* sent: a push whose reply is lost may have landed at once, and observers count from
//! then. It is sent again, the same, until a listing shows it (confirmed) or something else.
//!
//! | a listing shows | the branch says | then |
//! | --- | --- | --- |
//! | the renewal | | confirmed; the next is due a third of the lease after its start |
//! | the value before it, or nothing answers | | send it again; warn at two thirds |
//! | another value | still ours | write over it |
//! | another value | somebody else's | lost: fenced |
//! | another value | a tip older than the claim, or none | as if nothing answered |
//!
//! At the lease's end one look decides: still ours → go on, with a warning; somebody else's →
//! fenced; no answer → lost, unreachable. While the main loop does not tick nothing is sent and
//! nothing decided: a standby takes over, and the fence keeps our late result out.

use std::mem;
use std::time::Duration;

use crate::ids::RoleId;

use super::protocol::{CommitId, Facts, LeaseOrder, Listing, Lost, Relation, Trouble};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Event {
    Started,
    Built(CommitId),
    /// Whatever the push said: only a listing is believed.
    Pushed,
    Listed(Result<Listing, Trouble>),
    Fetched(Result<Facts, Trouble>),
    Woke,
}

/// Deeds first, then at most one ask; without an ask the lease is over.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Action {
    /// Two thirds of the lease have passed unconfirmed.
    Warn,
    /// The lease ended unconfirmed, but the turn is still ours: go on.
    GoOn,
    /// Tell the main loop; nothing follows.
    Lost(Lost),

    /// A new lease commit on this value, answered by `Built`.
    Build { on: Option<CommitId> },
    /// Compare and swap of the lease ref.
    Push { expected: Option<CommitId>, new: CommitId },
    /// The branch and the lease ref, in one listing.
    List,
    /// As in the protocol: the objects of `tip`, and how `claim` lies to it.
    Fetch { tip: CommitId, claim: CommitId },
    /// Sleep until this reading of the boot-time clock.
    Wait { until: Duration },
}

/// One turn's lease.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lease {
    order: LeaseOrder,
    role: RoleId,
    length: Duration,
    /// Start of the last renewal a listing confirmed; of the claim before there was one.
    confirmed: Duration,
    /// When the next renewal is due.
    due: Duration,
    /// The ref's last known value.
    value: Option<CommitId>,
    renewal: Option<Renewal>,
    warned: bool,
    stage: Stage,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Renewal {
    commit: CommitId,
    first_sent: Option<Duration>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Stage {
    Fresh,
    Building,
    Pushing,
    Confirming,
    /// The ref holds this foreign value; whose is the turn?
    Asking {
        found: Option<CommitId>,
    },
    /// The last look, begun then.
    LastListing {
        since: Duration,
    },
    LastFetching {
        since: Duration,
    },
    Waiting,
    Over,
}

enum Whose {
    Ours,
    Theirs,
    Unclear,
}

impl Lease {
    /// The lease of a turn just claimed. `length`: the turn's own `lease_secs`.
    pub fn new(order: LeaseOrder, role: RoleId, length: Duration) -> Self {
        Self {
            confirmed: order.since,
            due: order.since,
            value: order.found,
            order,
            role,
            length,
            renewal: None,
            warned: false,
            stage: Stage::Fresh,
        }
    }

    /// `now` and `ticked`, the main loop's last sign of life, are readings of the boot-time clock.
    pub fn step(&mut self, now: Duration, ticked: Duration, event: Event) -> Vec<Action> {
        let mut out = Vec::new();
        let alive = now.saturating_sub(ticked) <= self.length / 3;
        if !self.warned && now.saturating_sub(self.confirmed) >= self.length * 2 / 3 {
            self.warned = true;
            out.push(Action::Warn);
        }
        match (mem::replace(&mut self.stage, Stage::Over), event) {
            (Stage::Fresh, Event::Started) | (Stage::Waiting, Event::Woke) => self.next(now, alive, &mut out),
            (Stage::Building, Event::Built(commit)) => {
                self.renewal = Some(Renewal { commit, first_sent: None });
                self.next(now, alive, &mut out);
            }
            (Stage::Pushing, Event::Pushed) => {
                out.push(Action::List);
                self.stage = Stage::Confirming;
            }
            (Stage::Confirming, Event::Listed(Ok(listing))) => self.compare(now, alive, &listing, &mut out),
            (Stage::Asking { found }, Event::Fetched(Ok(facts))) => match self.whose(&facts) {
                Whose::Ours => {
                    self.value = found;
                    self.renewal = None;
                    self.next(now, alive, &mut out);
                }
                Whose::Theirs => out.push(Action::Lost(Lost::Fenced)),
                Whose::Unclear => self.rest(now, &mut out),
            },
            (Stage::Confirming, Event::Listed(Err(_))) | (Stage::Asking { .. }, Event::Fetched(Err(_))) => {
                self.rest(now, &mut out);
            }
            (Stage::LastListing { since }, Event::Listed(Ok(Listing { branch: Some(tip), .. }))) => {
                out.push(Action::Fetch { tip, claim: self.order.claim });
                self.stage = Stage::LastFetching { since };
            }
            (Stage::LastFetching { since }, Event::Fetched(Ok(facts))) => match self.whose(&facts) {
                Whose::Ours => {
                    out.push(Action::GoOn);
                    self.confirm(since);
                    self.due = now;
                    self.next(now, alive, &mut out);
                }
                Whose::Theirs => out.push(Action::Lost(Lost::Fenced)),
                Whose::Unclear => out.push(Action::Lost(Lost::Unreachable)),
            },
            (Stage::LastListing { .. }, Event::Listed(_))
            | (Stage::LastFetching { .. }, Event::Fetched(Err(_))) => {
                out.push(Action::Lost(Lost::Unreachable));
            }
            // Out of step: better no lease than one that renews without looking.
            (_, _) => out.push(Action::Lost(Lost::Unreachable)),
        }
        out
    }

    /// There is something to tell: the next renewal is due at once.
    pub fn hurry(&mut self, now: Duration) {
        self.due = self.due.min(now);
    }

    /// What is due now.
    fn next(&mut self, now: Duration, alive: bool, out: &mut Vec<Action>) {
        if !alive {
            return self.rest(now, out);
        }
        if now.saturating_sub(self.confirmed) >= self.length {
            out.push(Action::List);
            self.stage = Stage::LastListing { since: now };
        } else if now < self.due {
            out.push(Action::Wait { until: self.due });
            self.stage = Stage::Waiting;
        } else if let Some(renewal) = &mut self.renewal {
            renewal.first_sent.get_or_insert(now);
            out.push(Action::Push { expected: self.value, new: renewal.commit });
            self.stage = Stage::Pushing;
        } else {
            out.push(Action::Build { on: self.value });
            self.stage = Stage::Building;
        }
    }

    fn compare(&mut self, now: Duration, alive: bool, listing: &Listing, out: &mut Vec<Action>) {
        let renewal = self.renewal.as_ref().and_then(|r| Some((r.commit, r.first_sent?)));
        match (renewal, listing.branch) {
            (Some((commit, first_sent)), _) if listing.lease == Some(commit) => {
                self.value = Some(commit);
                self.renewal = None;
                self.confirm(first_sent);
                self.next(now, alive, out);
            }
            (_, Some(tip)) if listing.lease != self.value => {
                out.push(Action::Fetch { tip, claim: self.order.claim });
                self.stage = Stage::Asking { found: listing.lease };
            }
            _ => self.rest(now, out),
        }
    }

    fn confirm(&mut self, start: Duration) {
        self.confirmed = start;
        self.due = start + self.length / 3;
        self.warned = false;
    }

    /// A short pause before the next try; never past the lease's end, which has its own rule.
    fn rest(&mut self, now: Duration, out: &mut Vec<Action>) {
        let end = self.confirmed + self.length;
        let pause = now + self.length / 60;
        out.push(Action::Wait { until: if end > now { pause.min(end) } else { pause } });
        self.stage = Stage::Waiting;
    }

    fn whose(&self, facts: &Facts) -> Whose {
        match (facts.relation(self.order.claim), facts.view()) {
            (Relation::Same | Relation::Contained, Some(state)) => {
                if state.runs(&self.role, &self.order.turn, self.order.epoch) {
                    Whose::Ours
                } else {
                    Whose::Theirs
                }
            }
            // A stale replica, or a rewritten branch: for three listings of the main loop to tell.
            _ => Whose::Unclear,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::protocol::{AtTip, RefName, StateView, Status, TurnId, TurnView};
    use super::*;

    fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn commit(n: u8) -> CommitId {
        CommitId::from_bytes(&[n; 20]).unwrap()
    }

    const CLAIM: u8 = 1;
    const OLD: u8 = 9;

    fn role() -> RoleId {
        RoleId::parse("ralph").unwrap()
    }

    fn fresh() -> Lease {
        let order = LeaseOrder {
            turn: TurnId::new("t"),
            epoch: 4,
            claim: commit(CLAIM),
            lease_ref: RefName::new("refs/orchestrator/lease/main"),
            found: Some(commit(OLD)),
            since: secs(1000),
        };
        Lease::new(order, role(), secs(600))
    }

    fn shows(lease: u8) -> Event {
        let listing = Listing { branch: Some(commit(CLAIM)), lease: Some(commit(lease)), rescue: None };
        Event::Listed(Ok(listing))
    }

    fn branch(epoch: u64, relation: Relation) -> Event {
        let turn = TurnView {
            id: TurnId::new("t"),
            epoch,
            lease: secs(600),
            lease_ref: Some(RefName::new("refs/orchestrator/lease/main")),
            failures: 0,
        };
        let state = StateView {
            iteration: 1,
            expected: role(),
            status: Status::Running(role()),
            exit: false,
            turn: Some(turn),
        };
        Event::Fetched(Ok(Facts {
            tip: commit(77),
            state: AtTip::State(Arc::new(state)),
            epoch,
            resumed: false,
            relations: vec![(commit(CLAIM), relation)],
            limit: None,
        }))
    }

    /// Feeds events at one time, with a main loop that ticks; the last answer.
    fn feed(lease: &mut Lease, at: u64, events: Vec<Event>) -> Vec<Action> {
        events.into_iter().fold(Vec::new(), |_, e| lease.step(secs(at), secs(at), e))
    }

    fn offline() -> Event {
        Event::Listed(Err(Trouble::Passing("timed out".into())))
    }

    /// G10: the first renewal follows the claim at once, the next a third later.
    #[test]
    fn renewals_follow_each_other() {
        let mut lease = fresh();
        let first = feed(&mut lease, 1001, vec![Event::Started]);
        assert_eq!(first, [Action::Build { on: Some(commit(OLD)) }]);
        let sent = feed(&mut lease, 1001, vec![Event::Built(commit(2))]);
        assert_eq!(sent, [Action::Push { expected: Some(commit(OLD)), new: commit(2) }]);
        let confirmed = feed(&mut lease, 1003, vec![Event::Pushed, shows(2)]);
        assert_eq!(confirmed, [Action::Wait { until: secs(1201) }]);
        let next = feed(&mut lease, 1201, vec![Event::Woke]);
        assert_eq!(next, [Action::Build { on: Some(commit(2)) }]);
    }

    /// G10, G12: an unconfirmed renewal is sent again, the same, and counts from its first sending.
    #[test]
    fn a_renewal_counts_from_when_it_was_first_sent() {
        let mut lease = fresh();
        let start = vec![Event::Started, Event::Built(commit(2)), Event::Pushed, shows(OLD)];
        assert_eq!(feed(&mut lease, 1000, start), [Action::Wait { until: secs(1010) }]);
        let again = feed(&mut lease, 1010, vec![Event::Woke]);
        assert_eq!(again, [Action::Push { expected: Some(commit(OLD)), new: commit(2) }]);
        let confirmed = feed(&mut lease, 1150, vec![Event::Pushed, shows(2)]);
        assert_eq!(confirmed, [Action::Wait { until: secs(1200) }]);
    }

    /// G10: a foreign value is written over while the turn is ours, and fences when it is not.
    #[test]
    fn a_foreign_value_asks_the_branch() {
        let begin = || vec![Event::Started, Event::Built(commit(2)), Event::Pushed, shows(5)];
        let mut lease = fresh();
        let asked = feed(&mut lease, 1000, begin());
        assert_eq!(asked, [Action::Fetch { tip: commit(CLAIM), claim: commit(CLAIM) }]);
        let over = feed(&mut lease, 1000, vec![branch(4, Relation::Contained)]);
        assert_eq!(over, [Action::Build { on: Some(commit(5)) }]);

        let mut lease = fresh();
        feed(&mut lease, 1000, begin());
        let lost = feed(&mut lease, 1000, vec![branch(5, Relation::Contained)]);
        assert_eq!(lost, [Action::Lost(Lost::Fenced)]);

        // A listing older than the claim proves nothing.
        let mut lease = fresh();
        feed(&mut lease, 1000, begin());
        let unclear = feed(&mut lease, 1000, vec![branch(3, Relation::Extends)]);
        assert_eq!(unclear, [Action::Wait { until: secs(1010) }]);
    }

    /// G10: a warning at two thirds, one look at the end.
    #[test]
    fn the_end_of_the_lease_is_one_look() {
        for (answer, after) in [
            (offline(), vec![Action::Lost(Lost::Unreachable)]),
            (shows(OLD), vec![Action::Fetch { tip: commit(CLAIM), claim: commit(CLAIM) }]),
        ] {
            let mut lease = fresh();
            let start = vec![Event::Started, Event::Built(commit(2)), Event::Pushed, offline()];
            feed(&mut lease, 1000, start);
            let warned = feed(&mut lease, 1400, vec![Event::Woke]);
            assert_eq!(warned[0], Action::Warn);
            let rest = feed(&mut lease, 1599, vec![Event::Pushed, offline()]);
            assert_eq!(rest, [Action::Wait { until: secs(1600) }]);
            assert_eq!(feed(&mut lease, 1600, vec![Event::Woke]), [Action::List]);
            assert_eq!(feed(&mut lease, 1600, vec![answer]), after);
        }
        let mut lease = fresh();
        feed(&mut lease, 1000, vec![Event::Started, Event::Built(commit(2)), Event::Pushed, offline()]);
        feed(&mut lease, 1600, vec![Event::Woke, shows(OLD)]);
        let on = feed(&mut lease, 1601, vec![branch(4, Relation::Contained)]);
        let push = Action::Push { expected: Some(commit(OLD)), new: commit(2) };
        assert_eq!(on, [Action::GoOn, push]);
    }

    /// What is new to tell goes out at once, and never later than it was due anyway.
    #[test]
    fn news_hurries_the_next_renewal() {
        let begin = || vec![Event::Started, Event::Built(commit(2)), Event::Pushed, shows(2)];
        let mut lease = fresh();
        assert_eq!(feed(&mut lease, 1000, begin()), [Action::Wait { until: secs(1200) }]);
        lease.hurry(secs(1050));
        assert_eq!(feed(&mut lease, 1050, vec![Event::Woke]), [Action::Build { on: Some(commit(2)) }]);
        let mut lease = fresh();
        feed(&mut lease, 1000, begin());
        lease.hurry(secs(1250));
        assert_eq!(feed(&mut lease, 1200, vec![Event::Woke]), [Action::Build { on: Some(commit(2)) }]);
    }

    /// G10: a main loop that does not tick is not kept alive.
    #[test]
    fn a_hung_main_loop_renews_nothing() {
        let mut lease = fresh();
        feed(&mut lease, 1000, vec![Event::Started, Event::Built(commit(2)), Event::Pushed, shows(2)]);
        for at in [1201, 1400, 1700] {
            let answer = lease.step(secs(at), secs(1000), Event::Woke);
            assert!(matches!(answer.last(), Some(Action::Wait { .. })), "{answer:?}");
        }
        let back = lease.step(secs(1710), secs(1710), Event::Woke);
        assert_eq!(back, [Action::List]);
        // Also at the very end of the lease it sleeps, and does not spin.
        let mut lease = fresh();
        feed(&mut lease, 1000, vec![Event::Started, Event::Built(commit(2)), Event::Pushed, shows(2)]);
        let end = lease.step(secs(1600), secs(1000), Event::Woke);
        assert_eq!(end, [Action::Warn, Action::Wait { until: secs(1610) }]);
    }
}

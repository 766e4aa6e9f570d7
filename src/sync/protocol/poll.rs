//! Waiting for a turn: one accepted look, one decision.

use std::time::Duration;

use super::action::{Action, ClaimKind, Control, Order};
use super::config::Start;
use super::decide::{Decision, Outlook, Waiting, decide};
use super::journal::Observation;
use super::machine::{Errand, Machine, Sent, Sighting, Stage, Then};
use super::names::TurnId;
use super::say::{Message, Reason};
use super::takeover::{Now, Sight, is_ripe, observe};
use super::view::{AtTip, Facts, StateView, Status, TurnView};

/// The wait in progress.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Wait {
    since: Option<Duration>,
    said: Option<(Duration, Waiting)>,
    dead: Option<TurnId>,
    /// The first look is past, and this is the failure it found.
    begun: bool,
    first: Option<Failure>,
}

/// Which failure: turns are told apart by id, those of a peer without ids by iteration.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Failure {
    turn: Option<TurnId>,
    iteration: u64,
}

impl Failure {
    fn of(state: &StateView) -> Option<Self> {
        let turn = state.turn.as_ref().map(|t| t.id.clone());
        (state.status == Status::Failed).then_some(Self { turn, iteration: state.iteration })
    }
}

impl Machine {
    /// Remembers whether the run began on a failed turn: only then is it claimed again (T20).
    pub(super) fn begin(&mut self) {
        if !self.waiting.begun {
            self.waiting.begun = true;
            self.waiting.first = self.tip.as_ref().and_then(Facts::view).and_then(Failure::of);
        }
    }

    pub(super) fn poll(&mut self, now: Now, sighting: &Sighting, out: &mut Vec<Action>) {
        if let Some(by) = self.wishes.interrupt {
            return self.exit(Reason::Interrupted(by), out);
        }
        if self.wishes.stop {
            if self.tip.as_ref().and_then(Facts::view).is_some() {
                return self.control(Control::Stop, now, out);
            }
            // Nothing to write it into, and nothing of ours runs.
            out.push(Action::StopPublished);
            return self.exit(Reason::ExitSet, out);
        }
        if let Some(reason) = self.leaving.take() {
            return self.exit(reason, out);
        }
        let state = match self.tip.as_ref().map(|t| &t.state) {
            None | Some(AtTip::Missing { removed: false }) => return self.no_state(now, out),
            Some(AtTip::Missing { removed: true }) => {
                return self.exit(Reason::NoState { removed: true }, out);
            }
            Some(AtTip::Damaged(why)) => {
                let why = why.clone();
                return self.exit(Reason::Damaged(why), out);
            }
            Some(AtTip::State(state)) => state.clone(),
        };
        if self.journal.turn.is_some() && !self.still_ours() {
            return self.fence(out);
        }
        let failure = Failure::of(&state);

        let lease_ref = watched(&state).and_then(|t| t.lease_ref.as_ref());
        if lease_ref.is_some_and(|r| *r != sighting.lease_ref) {
            // Its lease is kept elsewhere than asked for: only a listing of that counts.
            return self.look(now, out);
        }
        let ripe = self.watch(now, sighting, &state, out);
        let decision = decide(&Outlook {
            role: &self.config.role,
            start: self.config.start,
            takeover: self.config.takeover,
            retry_failed: self.config.retry_failed,
            state: &state,
            exit_seen: self.memory.exit.is_some(),
            mine: self.still_ours(),
            ripe,
            failed_at_start: failure.is_some() && self.waiting.first == failure,
        });
        // Counted from what is published, so it holds for whoever waits too. A turn that is ours is ended first.
        let limit = self.tip.as_ref().and_then(|t| t.limit.clone()).filter(|_| !self.still_ours());
        if let (Some(limit), Decision::Claim(_) | Decision::Wait(_)) = (limit, &decision) {
            return self.exit(Reason::Limit(limit), out);
        }
        match decision {
            Decision::Leave(reason) => self.exit(reason, out),
            Decision::Claim(kind) => self.claim(kind, out),
            Decision::Wait(why) => {
                self.say_if_dead(&state, ripe, out);
                self.idle(now, why, out);
            }
        }
    }

    /// Takes one more sight of the turn that runs, if one does. Whether it is silent for long
    /// enough to be dead.
    fn watch(&mut self, now: Now, sighting: &Sighting, state: &StateView, out: &mut Vec<Action>) -> bool {
        let timing = &self.config.timing;
        let boot = &self.config.boot;
        let before = self.memory.observed.take();
        let turn = watched(state);
        let sight = turn.and_then(|t| t.lease_ref.as_ref().map(|r| (t, r)));
        let after: Option<Observation> = sight.map(|(turn, lease_ref)| {
            let sight = Sight { turn: &turn.id, lease_ref, lease: sighting.listing.lease };
            observe(before.clone(), &sight, boot, now)
        });
        let ripe = match (&after, turn) {
            (Some(seen), Some(turn)) => is_ripe(seen, turn, timing.margin, timing.skew, boot, sighting.asked),
            _ => false,
        };
        let changed = after != before;
        self.memory.observed = after;
        // A long run keeps its observation in mind; a short one would lose it.
        if changed && self.config.start == Start::IfTurn {
            out.push(Action::WriteMemory(self.memory.clone()));
        }
        ripe
    }

    fn no_state(&mut self, now: Now, out: &mut Vec<Action>) {
        if self.config.first {
            self.control(Control::Create, now, out);
        } else {
            self.idle(now, Waiting::NoState, out);
        }
    }

    /// A ripe turn that is not taken over: another role's, or a command's to take.
    fn say_if_dead(&mut self, state: &StateView, ripe: bool, out: &mut Vec<Action>) {
        let turn = state.turn.as_ref().map(|t| t.id.clone());
        if ripe && self.waiting.dead != turn {
            let sign = self.last_sign();
            out.extend(turn.clone().map(|turn| Action::Say(Message::LooksDead { turn, sign })));
            self.waiting.dead = turn;
        }
    }

    /// Until the next listing.
    fn idle(&mut self, now: Now, why: Waiting, out: &mut Vec<Action>) {
        if self.config.start == Start::IfTurn {
            return self.exit(Reason::NotOurTurn, out);
        }
        let timing = self.config.timing.clone();
        let since = *self.waiting.since.get_or_insert(now.mono);
        if timing.max_wait.is_some_and(|most| now.mono.saturating_sub(since) >= most) {
            return self.exit(Reason::WaitedTooLong, out);
        }
        let due = match &self.waiting.said {
            None => true,
            Some((at, said)) => *said != why || now.mono.saturating_sub(*at) >= timing.heartbeat,
        };
        if due {
            let sign = self.last_sign();
            out.push(Action::Say(Message::Waiting { why: why.clone(), sign }));
            self.waiting.said = Some((now.mono, why));
        }
        self.wait(timing.poll * 4 / 5, timing.poll * 6 / 5, Then::Look, out);
    }

    fn last_sign(&self) -> Option<i64> {
        self.memory.observed.as_ref().map(|seen| seen.wall)
    }

    fn claim(&mut self, kind: ClaimKind, out: &mut Vec<Action>) {
        let Some(facts) = &self.tip else { return self.exit(Reason::OutOfStep("claim"), out) };
        // The memory has taken in the state's and the trailers' (G4).
        let epoch = self.memory.epoch.saturating_add(1);
        let tip = facts.tip;
        self.waiting.since = None;
        self.waiting.said = None;
        self.sent = Sent::default();
        out.push(Action::Say(Message::Claiming { kind, epoch }));
        out.push(Action::Build(Order::Claim { kind, tip, epoch }));
        self.errand = Errand::Bid { kind, epoch };
        self.stage = Stage::Building;
    }

    /// Back to waiting, with a look now.
    pub(super) fn back_to_poll(&mut self, now: Now, out: &mut Vec<Action>) {
        self.errand = Errand::Poll;
        self.sent = Sent::default();
        self.look(now, out);
    }
}

/// The turn whose holder is worth watching.
fn watched(state: &StateView) -> Option<&TurnView> {
    matches!(state.status, Status::Running(_)).then_some(state.turn.as_ref()).flatten()
}

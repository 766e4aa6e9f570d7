//! The hand-off (G11): a stamp on its way, and what follows its arrival.

use std::time::Duration;

use super::action::{Action, Base};
use super::config::Start;
use super::event::Signal;
use super::journal::{End, OpenTurn, Outcome, RescueWhy};
use super::judge::{Rung, judge_stamp};
use super::machine::{Errand, Machine, Sent, Stage, Then};
use super::names::CommitId;
use super::say::{Message, Reason};
use super::takeover::Now;
use super::view::Relation;

/// Rounds of rung d before a busy branch is left alone.
const MOST_ROUNDS: u32 = 20;

impl Machine {
    /// A stamp or a control commit is built.
    pub(super) fn built(&mut self, now: Now, commit: CommitId, out: &mut Vec<Action>) {
        let tip = self.tip.as_ref().map(|t| t.tip);
        match (&mut self.errand, &mut self.journal.turn) {
            (Errand::Control { built, .. }, _) => {
                *built = Some(commit);
                self.push(now, commit, tip, out);
            }
            (Errand::Publish, Some(OpenTurn { end: Some(end), .. })) => {
                end.stamp = Some(commit);
                self.sent = Sent::default();
                self.write_journal(out);
                self.push(now, commit, tip, out);
            }
            _ => self.exit(Reason::OutOfStep("built"), out),
        }
    }

    pub(super) fn judge_stamp(&mut self, now: Now, out: &mut Vec<Action>) {
        let Some((claim, end)) = self.journal.turn.as_ref().and_then(|t| Some((t.claim, t.end?))) else {
            return self.exit(Reason::OutOfStep("judge stamp"), out);
        };
        // Not built yet: not on the remote either.
        let stamp = end.stamp.map_or(Relation::Apart, |s| self.relation(s));
        match (judge_stamp(stamp, self.relation(claim), self.still_ours()), end.stamp) {
            (Rung::Published, _) => self.published(end, out),
            (Rung::SendAgain, Some(commit)) => self.send_again(now, commit, out),
            (_, Some(_)) if self.wishes.interrupt.is_some() => self.give_way(out),
            (Rung::Replay | Rung::SendAgain, _) => self.replay(end.stamp.is_some(), out),
            (Rung::Fenced, _) => self.fence(out),
        }
    }

    /// One bounded attempt is all an interrupt grants (T36); the next start goes on.
    fn give_way(&mut self, out: &mut Vec<Action>) {
        let by = self.wishes.interrupt.unwrap_or(Signal::Terminate);
        self.exit(Reason::Interrupted(by), out);
    }

    /// Rung d: others' commits came between, or the work was never fit to be pushed as it is.
    fn replay(&mut self, busy: bool, out: &mut Vec<Action>) {
        let (Some(tip), Some(turn)) = (self.tip.as_ref().map(|t| t.tip), &self.journal.turn) else {
            return self.exit(Reason::OutOfStep("replay"), out);
        };
        if self.rounds >= MOST_ROUNDS {
            return self.exit(Reason::Unpublished, out);
        }
        // The first replay goes at once; then the branch is busy, and waiting comes before the
        // look, since a commit built before a wait is built on an old tip.
        if self.rounds > 0 && !self.sent.rested {
            self.sent.rested = true;
            let most = Duration::from_millis(250).saturating_mul(1 << self.rounds.min(6));
            return self.wait(Duration::ZERO, most, Then::Look, out);
        }
        if busy {
            self.rounds += 1;
            out.push(Action::Say(Message::Replaying { turn: turn.id.clone(), round: self.rounds }));
        }
        let base = if self.journal.rescue.is_some() { Base::Bare(tip) } else { Base::Replay(tip) };
        self.stamp(base, out);
    }

    fn published(&mut self, end: End, out: &mut Vec<Action>) {
        let (Some(tip), Some(turn)) = (self.tip.as_ref().map(|t| t.tip), &self.journal.turn) else {
            return self.exit(Reason::OutOfStep("published"), out);
        };
        out.push(Action::StopLease);
        out.push(Action::Say(Message::Published { turn: turn.id.clone(), outcome: end.outcome }));
        if let Some(stamp) = end.stamp.filter(|_| end.exit) {
            self.obey_exit(stamp, out);
        }
        if end.exit && self.wishes.stop {
            self.wishes.stop = false;
            out.push(Action::StopPublished);
        }
        // The journal is cleared after the move: replayed work must not be found on the local
        // branch by a later start that no longer knows whose it was.
        let above = if self.journal.rescue.is_none() { vec![end.head] } else { self.saved.clone() };
        self.ask_move(tip, above, out);
    }

    pub(super) fn ask_move(&mut self, to: CommitId, above: Vec<CommitId>, out: &mut Vec<Action>) {
        out.push(Action::Move { to, above });
        self.stage = Stage::Moving;
    }

    pub(super) fn moved(&mut self, now: Now, out: &mut Vec<Action>) {
        match self.errand {
            Errand::Claim => self.run(out),
            Errand::Publish => self.settled(now, out),
            Errand::Rescue(_) => self.fenced(now, out),
            _ => self.exit(Reason::OutOfStep("moved"), out),
        }
    }

    /// The hand-off is on the remote and here.
    fn settled(&mut self, now: Now, out: &mut Vec<Action>) {
        let end = self.journal.turn.take().and_then(|t| t.end);
        let rescue = self.journal.rescue.take();
        self.write_journal(out);
        let own = std::mem::take(&mut self.own);
        self.leaving = self.after(own, end.map(|e| e.outcome), rescue.map(|r| r.why));
        match self.leaving.take() {
            Some(reason) if !self.wishes.stop => self.exit(reason, out),
            leaving => {
                self.leaving = leaving;
                self.back_to_poll(now, out);
            }
        }
    }

    /// What a settled turn leads to. `own`: it was run by this process, not found at its start.
    fn after(&mut self, own: bool, outcome: Option<Outcome>, rescue: Option<RescueWhy>) -> Option<Reason> {
        match (outcome, rescue) {
            // Found or run: a failed turn is claimed again only by a start that has seen it (T20).
            (_, Some(RescueWhy::Conflict(_))) => Some(Reason::Conflict),
            (Some(Outcome::Failed), _) => Some(Reason::TurnFailed),
            (Some(Outcome::Interrupted), _) => self.wishes.interrupt.map(Reason::Interrupted),
            _ if own => {
                self.turns_left = self.turns_left.map(|n| n.saturating_sub(1));
                let done = self.turns_left == Some(0) || self.config.start == Start::IfTurn;
                done.then_some(Reason::Done)
            }
            _ => None,
        }
    }
}

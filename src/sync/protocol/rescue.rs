//! Putting work aside that cannot be published (G11): first on local refs, then on the remote's
//! rescue ref, then either the turn is handed off as failed or the local branch moves on.

use std::time::Duration;

use super::action::{Action, Base, Target};
use super::event::Saved;
use super::journal::{End, Outcome, Rescue, RescueWhy};
use super::machine::{Errand, Machine, Sent, Stage, Then};
use super::names::RefName;
use super::say::{Message, Reason};
use super::takeover::Now;
use super::view::Listing;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Step {
    /// Local refs are being written.
    Save,
    /// The same, and nothing else will follow: nobody can be asked whose the turn is.
    SaveOnly,
    /// The remote is to have it too.
    Publish(Vec<Saved>),
    /// Done as far as possible; the branch is looked at.
    Settle,
}

impl Machine {
    /// Rung e.
    pub(super) fn fence(&mut self, out: &mut Vec<Action>) {
        let exit = self.journal.rescue.as_ref().is_some_and(|r| r.exit);
        out.push(Action::StopLease);
        self.put_aside(RescueWhy::Fenced, exit, out);
    }

    /// From here on every start repeats this until it is done.
    pub(super) fn put_aside(&mut self, why: RescueWhy, exit: bool, out: &mut Vec<Action>) {
        let Some(turn) = &mut self.journal.turn else {
            return self.exit(Reason::OutOfStep("put aside"), out);
        };
        // Never offered again: the tip is known not to lead to it (G12), or it was never built.
        turn.end = None;
        let (turn, epoch) = (turn.id.clone(), turn.epoch);
        let lost = why == RescueWhy::Fenced;
        self.journal.rescue = Some(Rescue { turn: turn.clone(), why, exit });
        self.write_journal(out);
        // Behind the journal: a start that finds it there says nothing again.
        out.extend(lost.then_some(Action::Say(Message::Fenced { turn, epoch })));
        self.own = true;
        self.save(1, out);
    }

    /// G10: the lease ended and nobody could be asked. The turn may still be ours, so only a
    /// copy is made; the next start looks.
    pub(super) fn save_only(&mut self, out: &mut Vec<Action>) {
        out.push(Action::StopLease);
        self.ask_rescue(Step::SaveOnly, 1, out);
    }

    pub(super) fn save(&mut self, from: u32, out: &mut Vec<Action>) {
        self.ask_rescue(Step::Save, from, out);
    }

    fn ask_rescue(&mut self, step: Step, from: u32, out: &mut Vec<Action>) {
        let turn = match (&self.journal.rescue, &self.journal.turn) {
            (Some(rescue), _) => rescue.turn.clone(),
            (None, Some(turn)) => turn.id.clone(),
            (None, None) => return self.exit(Reason::OutOfStep("rescue"), out),
        };
        self.errand = Errand::Rescue(step);
        self.sent = Sent::default();
        out.push(Action::Rescue { turn, from });
        self.stage = Stage::Rescuing;
    }

    pub(super) fn rescued(&mut self, now: Now, saved: Vec<Saved>, out: &mut Vec<Action>) {
        if self.errand == Errand::Rescue(Step::SaveOnly) {
            return self.exit(Reason::LeaseEnded, out);
        }
        if let Some(by) = self.wishes.interrupt {
            return self.exit(Reason::Interrupted(by), out);
        }
        self.saved = saved.iter().map(|s| s.commit).collect();
        self.publish_rescued(now, saved, out);
    }

    /// One ref at a time: two in one push are not atomic anyway (G19).
    fn publish_rescued(&mut self, now: Now, saved: Vec<Saved>, out: &mut Vec<Action>) {
        self.sent = Sent::default();
        if saved.is_empty() {
            self.errand = Errand::Rescue(Step::Settle);
            return self.look(now, out);
        }
        self.errand = Errand::Rescue(Step::Publish(saved));
        self.push_rescue(out);
    }

    pub(super) fn push_rescue(&mut self, out: &mut Vec<Action>) {
        let Some(Saved { name, commit, .. }) = self.rescuing() else {
            return self.exit(Reason::OutOfStep("push rescue"), out);
        };
        out.push(Action::Push { to: Target::Rescue(name), expected: None, new: commit });
        self.stage = Stage::Pushing;
    }

    /// What is on its way to the remote.
    fn rescuing(&self) -> Option<Saved> {
        match &self.errand {
            Errand::Rescue(Step::Publish(saved)) => saved.first().cloned(),
            _ => None,
        }
    }

    /// The rescue ref to list along with the branch.
    pub(super) fn rescue_ref(&self) -> Option<RefName> {
        self.rescuing().map(|s| s.name)
    }

    /// G12 for the rescue ref: what the listing shows is the outcome.
    pub(super) fn rescue_listed(&mut self, now: Now, listing: &Listing, out: &mut Vec<Action>) {
        let (Some(first), Errand::Rescue(Step::Publish(queue))) = (self.rescuing(), &self.errand) else {
            return self.exit(Reason::OutOfStep("rescue listed"), out);
        };
        let (Saved { name, commit, number }, rest) = (first, queue[1..].to_vec());
        match (listing.rescue, self.sent.refused.take()) {
            (Some(there), _) if there == commit => {
                out.push(Action::Say(Message::Rescued { name, commit }));
                self.publish_rescued(now, rest, out);
            }
            (Some(_), _) => self.save(number.saturating_add(1), out),
            (None, Some(why)) => {
                out.push(Action::Say(Message::RescueKeptHere { commit, why }));
                self.publish_rescued(now, rest, out);
            }
            (None, None) => match self.sent.again.failed(now.mono, self.config.timing.retry) {
                Some(most) => self.wait(Duration::ZERO, most, Then::Push, out),
                None => self.exit(Reason::Unpublished, out),
            },
        }
    }

    /// The work is safe and the branch was looked at.
    pub(super) fn rescue_looked(&mut self, now: Now, out: &mut Vec<Action>) {
        let Some(rescue) = self.journal.rescue.clone() else {
            return self.exit(Reason::OutOfStep("rescue looked"), out);
        };
        let tip = self.tip.as_ref().map(|t| t.tip);
        let ended = self.journal.turn.as_ref().is_some_and(|t| t.end.is_some());
        match (rescue.why, tip) {
            (_, None) => self.fenced(now, out),
            (RescueWhy::Fenced, Some(to)) => {
                let above = self.saved.clone();
                self.ask_move(to, above, out);
            }
            // A crash came between the failed end and its arrival.
            (RescueWhy::Conflict(_) | RescueWhy::Astray(_), Some(_)) if ended => {
                self.errand = Errand::Publish;
                self.judge_stamp(now, out);
            }
            (RescueWhy::Conflict(_) | RescueWhy::Astray(_), Some(tip)) if self.still_ours() => {
                let (outcome, exit) = (Outcome::Failed, rescue.exit);
                self.end(End { outcome, exit, head: tip, stamp: None }, out);
                self.stamp(Base::Bare(tip), out);
            }
            (RescueWhy::Conflict(_) | RescueWhy::Astray(_), Some(_)) => self.fence(out),
        }
    }

    /// Nothing of the lost turn is left on the branch.
    pub(super) fn fenced(&mut self, now: Now, out: &mut Vec<Action>) {
        self.journal.turn = None;
        self.journal.rescue = None;
        self.write_journal(out);
        if self.own {
            self.exit(Reason::Fenced, out);
        } else {
            self.back_to_poll(now, out);
        }
    }
}

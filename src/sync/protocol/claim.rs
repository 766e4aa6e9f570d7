//! Claiming a turn (G8) and running it (G10).

use super::action::{Action, Base, LeaseOrder, Order};
use super::event::{Ended, How, Line, Lost, Obstacle};
use super::journal::{AgentMark, End, OpenTurn, Outcome, RescueWhy, SentClaim};
use super::judge::{ClaimFate, judge_claim};
use super::machine::{Errand, Machine, Sent, Sighting, Stage, Then};
use super::names::{CommitId, TurnId};
use super::say::{Message, Reason};
use super::takeover::Now;
use super::view::Facts;

impl Machine {
    pub(super) fn claim_built(&mut self, now: Now, turn: TurnId, commit: CommitId, out: &mut Vec<Action>) {
        let Errand::Bid { kind, epoch } = self.errand else {
            return self.exit(Reason::OutOfStep("claim built"), out);
        };
        self.errand = Errand::Claim;
        self.journal.claim = Some(SentClaim { turn, epoch, commit, kind });
        self.write_journal(out);
        let tip = self.tip.as_ref().map(|t| t.tip);
        self.push(now, commit, tip, out);
    }

    pub(super) fn judge_claim(&mut self, now: Now, sighting: &Sighting, out: &mut Vec<Action>) {
        let Some(claim) = self.journal.claim.clone() else {
            return self.exit(Reason::OutOfStep("judge claim"), out);
        };
        let state = self.tip.as_ref().and_then(Facts::view);
        let ours = state.is_some_and(|s| s.runs(&self.config.role, &claim.turn, claim.epoch));
        match judge_claim(self.relation(claim.commit), ours) {
            ClaimFate::SendAgain => self.send_again(now, claim.commit, out),
            ClaimFate::Won => self.won(now, claim, sighting, out),
            ClaimFate::Lost => {
                self.journal.claim = None;
                self.write_journal(out);
                out.push(Action::Say(Message::LostRace));
                self.errand = Errand::Poll;
                self.sent = Sent::default();
                self.wait(std::time::Duration::ZERO, self.config.timing.poll / 5, Then::Look, out);
            }
        }
    }

    fn won(&mut self, now: Now, claim: SentClaim, sighting: &Sighting, out: &mut Vec<Action>) {
        let Some(tip) = self.tip.as_ref().map(|t| t.tip) else {
            return self.exit(Reason::OutOfStep("won"), out);
        };
        // The first renewal follows at once (G10), before the working tree is touched.
        let lease_ref = self.config.lease_ref.clone();
        let found = (sighting.lease_ref == lease_ref).then_some(sighting.listing.lease).flatten();
        let since = self.sent.at.unwrap_or(now.mono);
        let SentClaim { turn, epoch, commit, kind } = claim;
        let id = turn.clone();
        self.journal.claim = None;
        self.journal.turn = Some(OpenTurn { id, epoch, claim: commit, kind, agent: None, end: None });
        self.write_journal(out);
        out.push(Action::Say(Message::Won { kind, epoch }));
        out.push(Action::StartLease(LeaseOrder { turn, epoch, claim: commit, lease_ref, found, since }));
        self.own = true;
        self.sent = Sent::default();
        self.rounds = 0;
        self.ask_move(tip, vec![commit], out);
    }

    /// The working tree holds the claim.
    pub(super) fn run(&mut self, out: &mut Vec<Action>) {
        let (Some(turn), Some(tip)) = (self.journal.turn.clone(), self.tip.as_ref().map(|t| t.tip)) else {
            return self.exit(Reason::OutOfStep("run"), out);
        };
        if self.wishes.interrupt.is_some() {
            self.end(End { outcome: Outcome::Interrupted, exit: false, head: tip, stamp: None }, out);
            return self.stamp(Base::Bare(tip), out);
        }
        self.wishes.lost = None;
        self.errand = Errand::Run;
        self.stage = Stage::Running;
        out.push(Action::RunAgent { turn, on: tip });
    }

    pub(super) fn agent_started(&mut self, mark: AgentMark, out: &mut Vec<Action>) {
        if let Some(turn) = self.journal.turn.as_mut().filter(|t| t.end.is_none()) {
            turn.agent = Some(mark);
            self.write_journal(out);
        }
    }

    pub(super) fn agent_ended(&mut self, now: Now, ended: Ended, out: &mut Vec<Action>) {
        let lost = self.wishes.lost.take();
        let outcome = match (ended.how, lost) {
            // Finished work is never dropped for time: the ladder decides (G10).
            (How::Succeeded, _) => Outcome::Succeeded,
            (How::Failed, _) => Outcome::Failed,
            (How::Stopped, None) => Outcome::Interrupted,
            (How::Stopped, Some(Lost::Fenced)) => return self.fence(out),
            (How::Stopped, Some(Lost::Unreachable)) => return self.save_only(out),
        };
        let exit = ended.exit || self.wishes.stop;
        match ended.line {
            Line::Astray(why) => self.put_aside(RescueWhy::Astray(why), exit, out),
            line => {
                self.end(End { outcome, exit, head: ended.head, stamp: None }, out);
                if line == Line::Straight {
                    self.stamp(Base::Head, out);
                } else {
                    self.errand = Errand::Publish;
                    self.look(now, out);
                }
            }
        }
    }

    /// The run is over, whatever happens from here on.
    pub(super) fn end(&mut self, end: End, out: &mut Vec<Action>) {
        if let Some(turn) = &mut self.journal.turn {
            turn.end = Some(end);
        }
        self.rounds = 0;
        self.sent = Sent::default();
        self.write_journal(out);
    }

    /// A claim, a stamp or a control commit could not be built.
    pub(super) fn not_built(&mut self, obstacle: Obstacle, out: &mut Vec<Action>) {
        match (obstacle, &self.errand) {
            // A crashed turn's work does not fit any more: as after a run (G11d), or the turn
            // would stay unfinished until a person came.
            (Obstacle::TurnConflict(names), Errand::Bid { .. }) if self.still_ours() => {
                self.put_aside(RescueWhy::Conflict(names.join(", ")), false, out);
            }
            (Obstacle::TurnConflict(names), Errand::Publish) => {
                let exit = self.journal.turn.as_ref().and_then(|t| t.end).is_some_and(|e| e.exit);
                self.put_aside(RescueWhy::Conflict(names.join(", ")), exit, out);
            }
            (Obstacle::TurnConflict(names) | Obstacle::Conflict(names), _) => {
                self.exit(Reason::Blocked(names), out);
            }
            (Obstacle::Refused(why), _) => self.exit(Reason::Blocked(vec![why]), out),
        }
    }

    /// Asks for the stamp of the turn that ended.
    pub(super) fn stamp(&mut self, base: Base, out: &mut Vec<Action>) {
        let Some((turn, end)) = self.journal.turn.as_ref().and_then(|t| Some((t, t.end?))) else {
            return self.exit(Reason::OutOfStep("stamp"), out);
        };
        let (id, epoch, End { outcome, exit, .. }) = (turn.id.clone(), turn.epoch, end);
        out.push(Action::Build(Order::Stamp { turn: id, epoch, outcome, exit, base }));
        self.errand = Errand::Publish;
        self.stage = Stage::Building;
    }
}

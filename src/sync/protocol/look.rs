//! Looks, pushes and waits: what every errand shares.
//!
//! Every errand begins with the same look: list, fetch if the tip is new, and accept the tip only
//! if it descends from the last one accepted (G14). Nothing is decided on a tip that was not.

use std::time::Duration;

use super::action::{Action, Control, Target};
use super::config::Goal;
use super::journal::Memory;
use super::machine::{Errand, Machine, Sighting, Stage, Suspicion, Then};
use super::names::CommitId;
use super::say::{Message, Reason};
use super::takeover::Now;
use super::view::{Facts, PushReply, Relation, Trouble};

/// One may be a stale replica, two a slow one.
const SUSPICIOUS_LISTINGS: u32 = 3;

impl Machine {
    pub(super) fn start(&mut self, now: Now, out: &mut Vec<Action>) {
        if let Goal::Once(what) = &self.config.goal {
            self.errand = Errand::Control { what: what.clone(), built: None };
            return self.look(now, out);
        }
        // Before anything is decided: a leftover agent would go on changing what is decided about.
        if let Some(mark) = self.journal.turn.as_ref().and_then(|t| t.agent.clone()) {
            out.push(Action::EndOldAgent(mark));
        }
        self.errand = if self.journal.rescue.is_some() {
            return self.save(1, out);
        } else if self.journal.turn.as_ref().is_some_and(|t| t.end.is_some()) {
            Errand::Publish
        } else if self.journal.claim.is_some() {
            Errand::Claim
        } else {
            Errand::Poll
        };
        if self.errand != Errand::Poll {
            out.push(Action::Say(Message::Settling));
        }
        self.look(now, out);
    }

    /// Asks for a listing.
    pub(super) fn look(&mut self, now: Now, out: &mut Vec<Action>) {
        // The ref of the turn that runs, which need not be where this machine keeps its own.
        let turn = self.tip.as_ref().and_then(Facts::view).and_then(|s| s.turn.as_ref());
        let lease_ref = turn.and_then(|t| t.lease_ref.as_ref()).unwrap_or(&self.config.lease_ref).clone();
        out.push(Action::List { lease: lease_ref.clone(), rescue: self.rescue_ref() });
        self.stage = Stage::Listing { lease_ref, asked: now };
    }

    pub(super) fn heard(&mut self, now: Now, sighting: Sighting, out: &mut Vec<Action>) {
        self.offline.over();
        if self.rescue_ref().is_some() {
            return self.rescue_listed(now, &sighting.listing, out);
        }
        let known = self.tip.as_ref().map(|t| t.tip);
        match sighting.listing.branch {
            None if self.memory.tip.is_some() => self.suspect(now, None, out),
            None => {
                self.tip = None;
                self.looked(now, &sighting, out);
            }
            Some(tip) if known == Some(tip) && self.errand == Errand::Poll => {
                self.suspicion = None;
                self.looked(now, &sighting, out);
            }
            Some(tip) => {
                out.push(Action::Fetch { tip, about: self.ours(), exit: self.exit_to_ask() });
                self.stage = Stage::Fetching { sighting };
            }
        }
    }

    pub(super) fn learned(&mut self, now: Now, sighting: &Sighting, facts: Facts, out: &mut Vec<Action>) {
        self.offline.over();
        if self.memory.tip.is_some_and(|seen| !facts.relation(seen).is_published()) {
            return self.suspect(now, Some(facts.tip), out);
        }
        self.suspicion = None;
        let mut memory = self.memory.clone();
        memory.tip = Some(facts.tip);
        // Counting from the state alone would repeat epochs once a peer has dropped `turn` (G4).
        memory.epoch = memory.epoch.max(facts.epoch);
        if let Some(state) = facts.view() {
            memory.epoch = memory.epoch.max(state.epoch());
            if state.exit {
                memory.exit = Some(facts.tip);
            } else if facts.resumed {
                memory.exit = None;
            }
        }
        self.remember(memory, out);
        self.tip = Some(facts);
        self.looked(now, sighting, out);
    }

    /// A tip was accepted.
    fn looked(&mut self, now: Now, sighting: &Sighting, out: &mut Vec<Action>) {
        self.begin();
        match self.errand {
            Errand::Poll => self.poll(now, sighting, out),
            Errand::Claim => self.judge_claim(now, sighting, out),
            Errand::Publish => self.judge_stamp(now, out),
            Errand::Rescue(_) => self.rescue_looked(now, out),
            Errand::Control { .. } => self.judge_control(now, out),
            Errand::Bid { .. } | Errand::Run => self.exit(Reason::OutOfStep("look"), out),
        }
    }

    /// G14: forced, lost, or only a stale replica; three listings tell.
    fn suspect(&mut self, now: Now, tip: Option<CommitId>, out: &mut Vec<Action>) {
        let Some(seen) = self.memory.tip else { return self.exit(Reason::OutOfStep("suspect"), out) };
        let suspicion = self.suspicion.get_or_insert(Suspicion { since: now.mono, listings: 0 });
        suspicion.listings += 1;
        let lasted = now.mono.saturating_sub(suspicion.since) >= self.config.timing.suspect;
        if lasted && suspicion.listings >= SUSPICIOUS_LISTINGS {
            return self.exit(Reason::Rewritten { seen, now: tip }, out);
        }
        out.push(Action::Say(Message::Suspicious { seen, now: tip }));
        let half = self.config.timing.suspect / 2;
        self.wait(half, half, Then::Look, out);
    }

    /// No answer: try again for a while, or give up at once if it cannot help.
    pub(super) fn troubled(&mut self, now: Now, trouble: Trouble, out: &mut Vec<Action>) {
        let why = match trouble {
            Trouble::Lasting(why) => return self.exit(Reason::Refused(why), out),
            Trouble::Passing(why) => why,
        };
        match self.offline.failed(now.mono, self.config.timing.retry) {
            None => self.exit(Reason::Offline(why), out),
            Some(most) => {
                out.push(Action::Say(Message::Offline(why)));
                self.wait(Duration::ZERO, most, Then::Look, out);
            }
        }
    }

    /// Sends the commit of this errand on the tip just judged.
    pub(super) fn push(
        &mut self,
        now: Now,
        new: CommitId,
        expected: Option<CommitId>,
        out: &mut Vec<Action>,
    ) {
        self.sent.on = expected;
        self.sent.at.get_or_insert(now.mono);
        out.push(Action::Push { to: Target::Branch, expected, new });
        self.stage = Stage::Pushing;
    }

    pub(super) fn pushed(&mut self, now: Now, reply: PushReply, out: &mut Vec<Action>) {
        if let PushReply::Refused(why) = reply {
            self.sent.refused = Some(why);
        }
        self.look(now, out);
    }

    /// Rung c: the same commit once more, at once if the tip moved, else after a while.
    pub(super) fn send_again(&mut self, now: Now, commit: CommitId, out: &mut Vec<Action>) {
        let tip = self.tip.as_ref().map(|t| t.tip);
        if let Some(why) = self.sent.refused.take() {
            self.exit(Reason::Refused(why), out);
        } else if self.sent.at.is_none() || self.sent.on != tip {
            self.push(now, commit, tip, out);
        } else if let Some(most) = self.sent.again.failed(now.mono, self.config.timing.retry) {
            self.wait(Duration::ZERO, most, Then::Push, out);
        } else {
            self.exit(Reason::Unpublished, out);
        }
    }

    pub(super) fn woke(&mut self, now: Now, then: Then, out: &mut Vec<Action>) {
        if let Some(by) = self.wishes.interrupt {
            return self.exit(Reason::Interrupted(by), out);
        }
        match (then, self.outgoing()) {
            (Then::Push, Some(commit)) => {
                let tip = self.tip.as_ref().map(|t| t.tip);
                self.push(now, commit, tip, out);
            }
            (Then::Push, None) if self.rescue_ref().is_some() => self.push_rescue(out),
            // Whatever was to be sent is settled: what the remote says now decides.
            (Then::Push, None) | (Then::Look, _) => self.look(now, out),
        }
    }

    /// Sleeps, unless the process is to end: what is unfinished is in the journal.
    pub(super) fn wait(&mut self, least: Duration, most: Duration, then: Then, out: &mut Vec<Action>) {
        if let Some(by) = self.wishes.interrupt {
            return self.exit(Reason::Interrupted(by), out);
        }
        out.push(Action::Wait { least, most });
        self.stage = Stage::Waiting(then);
    }

    pub(super) fn exit(&mut self, reason: Reason, out: &mut Vec<Action>) {
        out.push(Action::Exit(reason));
        self.stage = Stage::Over;
    }

    pub(super) fn remember(&mut self, memory: Memory, out: &mut Vec<Action>) {
        if memory != self.memory {
            self.memory = memory;
            out.push(Action::WriteMemory(self.memory.clone()));
        }
    }

    pub(super) fn write_journal(&self, out: &mut Vec<Action>) {
        out.push(Action::WriteJournal(self.journal.clone()));
    }

    /// The commit this errand sends to the branch.
    pub(super) fn outgoing(&self) -> Option<CommitId> {
        match &self.errand {
            Errand::Claim => self.journal.claim.as_ref().map(|c| c.commit),
            Errand::Publish => self.journal.turn.as_ref()?.end?.stamp,
            Errand::Control { built, .. } => *built,
            Errand::Poll | Errand::Bid { .. } | Errand::Run | Errand::Rescue(_) => None,
        }
    }

    /// The commit from which on a resume is looked for: the exit we are about to find published, or
    /// the one seen last.
    fn exit_to_ask(&self) -> Option<CommitId> {
        let end = self.journal.turn.as_ref().and_then(|t| t.end);
        match &self.errand {
            Errand::Control { what: Control::Stop, built: Some(stop) } => Some(*stop),
            Errand::Publish => end.filter(|e| e.exit).and_then(|e| e.stamp).or(self.memory.exit),
            _ => self.memory.exit,
        }
    }

    /// Our own exit is in the branch. A peer may have dropped the field before we looked, so that
    /// no tip ever showed it to us; it is obeyed all the same (T6).
    pub(super) fn obey_exit(&mut self, commit: CommitId, out: &mut Vec<Action>) {
        let resumed = self.tip.as_ref().is_some_and(|t| t.resumed);
        if self.memory.exit.is_none() && !resumed {
            self.remember(Memory { exit: Some(commit), ..self.memory.clone() }, out);
        }
    }

    /// Every commit whose place on the remote may matter next, whatever the errand: an errand can
    /// lead to another without a second look.
    fn ours(&self) -> Vec<CommitId> {
        let turn = self.journal.turn.as_ref();
        let claims = [turn.map(|t| t.claim), self.journal.claim.as_ref().map(|c| c.commit)];
        let stamp = turn.and_then(|t| t.end).and_then(|e| e.stamp);
        let mut ours = vec![self.memory.tip, stamp, self.outgoing()];
        ours.extend(claims);
        let mut ours: Vec<CommitId> = ours.into_iter().flatten().collect();
        ours.sort_unstable();
        ours.dedup();
        ours
    }

    /// How a commit of ours lies to the accepted tip.
    pub(super) fn relation(&self, commit: CommitId) -> Relation {
        self.tip.as_ref().map_or(Relation::Apart, |t| t.relation(commit))
    }

    /// Whether the accepted tip runs the turn this clone holds open.
    pub(super) fn still_ours(&self) -> bool {
        let state = self.tip.as_ref().and_then(Facts::view);
        match (&self.journal.turn, state) {
            (Some(turn), Some(state)) => state.runs(&self.config.role, &turn.id, turn.epoch),
            _ => false,
        }
    }
}

//! State commits that belong to no turn: create, stop, resume, release (T6, T18, G13).
//!
//! Each is made anew from a fresh look until one is in the branch, and sending one twice does no
//! harm: it only says again what already holds. So they need no journal.

use super::action::{Action, Control, Order};
use super::config::Goal;
use super::machine::{Errand, Machine, Sent, Stage};
use super::names::TurnId;
use super::say::Reason;
use super::takeover::Now;
use super::view::{AtTip, Relation, StateView, Status};

impl Machine {
    /// In the middle of a wait.
    pub(super) fn control(&mut self, what: Control, now: Now, out: &mut Vec<Action>) {
        self.errand = Errand::Control { what, built: None };
        self.sent = Sent::default();
        self.judge_control(now, out);
    }

    pub(super) fn judge_control(&mut self, now: Now, out: &mut Vec<Action>) {
        let Errand::Control { what, built } = self.errand.clone() else {
            return self.exit(Reason::OutOfStep("judge control"), out);
        };
        let fate = built.map(|commit| (commit, self.relation(commit)));
        match fate {
            Some((commit, Relation::Same | Relation::Contained)) => {
                if what == Control::Stop {
                    self.obey_exit(commit, out);
                }
                self.control_done(&what, now, out);
            }
            Some((commit, Relation::Extends)) => self.send_again(now, commit, out),
            Some((_, Relation::Apart)) | None => self.build_control(what, now, out),
        }
    }

    fn build_control(&mut self, what: Control, now: Now, out: &mut Vec<Action>) {
        if let Some(by) = self.wishes.interrupt {
            return self.exit(Reason::Interrupted(by), out);
        }
        let needed = match (&what, self.tip.as_ref().map(|t| &t.state)) {
            // A resume also when nothing here asks for it: other clones obey an exit this one never
            // saw, or one that a peer dropped, until a resume commit follows.
            (Control::Create, None | Some(AtTip::Missing { removed: false }))
            | (Control::Resume, Some(AtTip::State(_))) => true,
            (Control::Create, Some(AtTip::State(_))) => false,
            (_, missing @ (None | Some(AtTip::Missing { .. }))) => {
                let removed = matches!(missing, Some(AtTip::Missing { removed: true }));
                return self.exit(Reason::NoState { removed }, out);
            }
            (_, Some(AtTip::Damaged(why))) => {
                let why = why.clone();
                return self.exit(Reason::Damaged(why), out);
            }
            (Control::Stop, Some(AtTip::State(s))) => !s.exit,
            (Control::Release { turn, epoch }, Some(AtTip::State(s))) => s.runs(&s.expected, turn, *epoch),
            (Control::HandOff { over, .. }, Some(AtTip::State(s))) => {
                if let Some(why) = self.not_to_hand_off(s, over.as_ref()) {
                    return self.exit(Reason::Blocked(vec![why]), out);
                }
                true
            }
            (Control::ReleaseBare { iteration }, Some(AtTip::State(s))) => {
                s.status == Status::Running(s.expected.clone())
                    && s.turn.is_none()
                    && s.iteration == *iteration
            }
        };
        if !needed {
            return self.control_done(&what, now, out);
        }
        let tip = self.tip.as_ref().map(|t| t.tip);
        out.push(Action::Build(Order::Control { what: what.clone(), tip }));
        self.errand = Errand::Control { what, built: None };
        self.stage = Stage::Building;
    }

    /// Why a turn cannot be handed off by hand; `over` is the running turn that may be ended by it.
    fn not_to_hand_off(&self, s: &StateView, over: Option<&(TurnId, u64)>) -> Option<String> {
        let role = &self.config.role;
        if s.exit || self.memory.exit.is_some() {
            return Some("exit is set (orchestrator resume)".to_owned());
        }
        if s.expected != *role {
            return Some(format!("it is {}'s turn, not {role}'s", s.expected));
        }
        let ended = over.is_some_and(|(turn, epoch)| s.runs(role, turn, *epoch));
        let running = matches!(s.status, Status::Running(_));
        (running && !ended).then(|| "another machine runs the turn (orchestrator status --remote)".to_owned())
    }

    fn control_done(&mut self, what: &Control, now: Now, out: &mut Vec<Action>) {
        // What this clone had begun of it is part of it, or put aside by whoever called.
        if matches!(what, Control::HandOff { .. }) {
            let (turn, claim) = (self.journal.turn.take(), self.journal.claim.take());
            if turn.is_some() || claim.is_some() {
                self.write_journal(out);
            }
        }
        if matches!(self.config.goal, Goal::Once(_)) {
            return self.exit(Reason::Done, out);
        }
        if *what == Control::Stop {
            self.wishes.stop = false;
            out.push(Action::StopPublished);
        }
        self.back_to_poll(now, out);
    }
}

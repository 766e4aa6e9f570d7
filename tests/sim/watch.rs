//! Promises about one machine, judged by an observer who sees both it and the server.

use std::sync::Arc;

use orchestrator::sync::protocol::{ClaimKind, Reason, StateView, Status, TurnId};

use super::broken::Broken;
use super::check::violated;
use super::plan::{DRIFT, LEASE, MARGIN, POLL, STALEST};
use super::store::{self, Ix, Kind};
use super::world::{Outcome, World};

impl World {
    /// What must hold of a machine that is about to claim.
    pub fn check_claim(&mut self, n: usize, kind: ClaimKind, tip: Ix, epoch: u64) -> Outcome {
        let node = &self.nodes[n];
        if node.orphan.is_some() {
            return violated("old-agent-alive", format!("node {n} claims beside the agent of a crashed run"));
        }
        if node.saw_exit.is_some() {
            return violated("exit-ignored", format!("node {n} claims after it has seen exit"));
        }
        if epoch <= node.seen_epoch && self.broken == Broken::No {
            return violated(
                "epoch-seen-before",
                format!("node {n} claims {epoch} after {}", node.seen_epoch),
            );
        }
        // T20: a failed turn is claimed only by who was started to do so.
        if self.store.get(tip).state.as_ref().is_some_and(|s| s.status == Status::Failed) {
            let since = self.last_stamp(tip).and_then(|s| self.chain.landed.get(&s)).copied().unwrap_or(0);
            if node.cron || node.first_look.is_some_and(|first| since > first) {
                return violated("paid-retry", format!("node {n} claims a turn that failed meanwhile"));
            }
        }
        let open = node.journal.turn.as_ref().map(|t| t.id.clone());
        match kind {
            // T15: a run that ended is never repeated.
            ClaimKind::Resume if node.ended.is_some() && node.ended == open => {
                violated("run-again", format!("node {n} runs a turn again that has ended"))
            }
            ClaimKind::Resume => {
                self.stats.resumes += 1;
                Ok(())
            }
            ClaimKind::TakeOver => {
                self.stats.takeovers += 1;
                self.check_takeover(n)
            }
            ClaimKind::Fresh => Ok(()),
        }
    }

    fn last_stamp(&self, tip: Ix) -> Option<Ix> {
        let line = self.store.line(None, tip);
        line.into_iter().rev().find(|ix| matches!(self.store.get(*ix).kind, Kind::Stamp(_)))
    }

    /// A machine that gives a turn up as lost did not hand it off.
    pub fn check_exit(&self, n: usize, turn: Option<&TurnId>, reason: &Reason) -> Outcome {
        if matches!(reason, Reason::Rewritten { .. }) && !self.chain.rewritten {
            return violated("alarm-for-nothing", format!("node {n}: {reason:?}"));
        }
        let Some(turn) = turn.filter(|_| *reason == Reason::Fenced && !self.chain.rewritten) else {
            return Ok(());
        };
        let line = self.server.branch.map(|b| self.store.line(None, b)).unwrap_or_default();
        let handed = line.into_iter().find(|ix| {
            let commit = self.store.get(*ix);
            matches!(commit.kind, Kind::Stamp(_)) && commit.mark.as_ref().is_some_and(|m| m.turn == *turn)
        });
        match handed {
            Some(stamp) => violated("fenced-after-hand-off", format!("node {n}: {turn}, stamp {stamp}")),
            None => Ok(()),
        }
    }

    /// T6: a recorded stop is forgotten only once the branch says it.
    pub fn check_stop(&self, n: usize) -> Outcome {
        let node = &self.nodes[n];
        let (Some(asked), Some(tip)) = (node.stop_file, node.memory.tip.map(store::ix)) else {
            return Ok(());
        };
        // An exit seen keeps this clone from going on, whatever a peer drops.
        let obeyed = self.store.get(tip).state.is_none() || node.saw_exit.is_some();
        if obeyed || self.chain.rewritten {
            return Ok(());
        }
        let said = self.store.line(None, tip).into_iter().rev().any(|ix| {
            let set = self.store.get(ix).state.as_ref().is_some_and(|s| s.exit);
            set && (ix == tip || self.chain.landed.get(&ix).is_some_and(|at| *at >= asked))
        });
        if said { Ok(()) } else { violated("stop-forgotten", format!("node {n}, asked at {asked}")) }
    }

    /// G9: nobody stands by for its own turn.
    pub fn check_own(&self, n: usize) -> Outcome {
        let node = &self.nodes[n];
        let tip = node.memory.tip.map(store::ix).filter(|t| Some(*t) == self.server.branch);
        let Some(state) = tip.and_then(|t| self.store.get(t).state.clone()) else { return Ok(()) };
        let own = state.turn.as_ref().is_some_and(|t| t.id.as_str().starts_with(&format!("t{n}.")));
        let runs = state.status == Status::Running(node.config.role.clone());
        if own && runs && !self.chain.rewritten {
            return violated("own-turn-abandoned", format!("node {n} waits: {}", short(&state)));
        }
        Ok(())
    }

    /// G13: nobody who has just claimed, or who renews, is taken over.
    fn check_takeover(&self, n: usize) -> Outcome {
        let Some(state) = self.nodes[n].machine.as_ref().and_then(|m| m.memory.tip) else { return Ok(()) };
        let tip = store::ix(state);
        let Some(turn) = self.store.get(tip).state.as_ref().and_then(|s| s.turn.clone()) else {
            return Ok(());
        };
        let Some(name) = turn.lease_ref else { return Ok(()) };
        let claim = self.store.line(None, tip).into_iter().rev().find(|ix| {
            let commit = self.store.get(*ix);
            matches!(commit.kind, Kind::Claim(_)) && commit.mark.as_ref().is_some_and(|m| m.turn == turn.id)
        });
        let (silence, asked) = (shortest_silence(), self.nodes[n].listed_at);
        let claimed = claim.and_then(|c| self.chain.landed.get(&c)).copied().unwrap_or(0);
        // What the observer saw last may be as old as a listing can be.
        let seen = asked.saturating_sub(STALEST);
        let beat = self.server.lease_set(&name, seen);
        let alive = self.nodes.iter().any(|other| {
            let runs = other.agent.as_ref().is_some_and(|a| a.turn.id == turn.id);
            runs && other.machine.is_some() && self.now > other.paused_until.max(other.hung_until)
        });
        if alive && self.calm() && !self.chain.rewritten {
            return violated("live-holder-taken-over", format!("node {n} takes over {}", turn.id));
        }
        if asked.saturating_sub(claimed.max(beat)) < silence && !self.chain.rewritten {
            let what = format!("node {n} takes over {} claimed at {claimed}, beat at {beat}", turn.id);
            return violated("hasty-takeover", what);
        }
        Ok(())
    }

    /// G18: only an extension is ever sent, and never one that forgets what its sender has seen.
    pub fn check_push(&self, n: usize, expected: Option<Ix>, new: Ix) -> Outcome {
        if self.broken != Broken::No {
            return Ok(());
        }
        if expected.is_some_and(|e| !self.store.on_line(new, e)) {
            return violated("unfit-push", format!("node {n} sends {new} for {expected:?}"));
        }
        let seen = self.nodes[n].memory.tip.map(store::ix);
        if seen.is_some_and(|s| !self.store.contains(new, s)) {
            return violated("forgetful-push", format!("node {n} sends {new} without {seen:?}"));
        }
        Ok(())
    }

    /// G2, once faults are over: a machine that goes on waiting had nothing to do for two polls.
    pub fn check_promptness(&self, n: usize) -> Outcome {
        let node = &self.nodes[n];
        let (true, Some(attentive)) = (self.calm(), node.attentive_since) else { return Ok(()) };
        let Some(state) = self.server.branch.and_then(|b| self.store.get(b).state.clone()) else {
            return Ok(());
        };
        let ours = state.expected == node.config.role && node.saw_exit.is_none();
        // Two polls, a lost race's rest and the network's slowness.
        let polls = POLL * 12 / 10 * 2 + 2_000;
        let since = self.claimable.unwrap_or(u64::MAX).max(attentive).max(self.plan.stop + 90_000);
        if ours && self.now.saturating_sub(since) > polls && self.now > since {
            return violated("slow-claim", format!("node {n} waits while it is its turn: {}", short(&state)));
        }
        let watched = state.turn.as_ref().is_some_and(|t| t.lease_ref.is_some());
        let runs = state.status == Status::Running(node.config.role.clone());
        let since = self.state_since.max(attentive);
        if ours && runs && watched && self.now > since + longest_silence() + polls {
            return violated("slow-takeover", format!("node {n} lets a dead turn be: {}", short(&state)));
        }
        Ok(())
    }

    /// T6, G4: what a clone has read and remembered.
    pub fn see(&mut self, n: usize) {
        let Some(tip) = self.nodes[n].memory.tip.map(store::ix) else { return };
        let state = self.store.get(tip).state.clone();
        let set = state.as_ref().is_some_and(|s| s.exit);
        let epoch = self.store.epoch(tip).max(state.map_or(0, |s| s.epoch()));
        // Its own, published before it looked, which a peer may have dropped since: no tip shows it.
        let own = self.nodes[n].memory.exit.map(store::ix).filter(|exit| {
            let set = self.store.get(*exit).state.as_ref().is_some_and(|s| s.exit);
            set && self.store.contains(tip, *exit)
        });
        let node = &mut self.nodes[n];
        node.seen_epoch = node.seen_epoch.max(epoch);
        node.saw_exit = node.saw_exit.or(own);
        if set {
            node.saw_exit = Some(tip);
        } else if node.saw_exit.is_some_and(|seen| self.store.resumed_since(tip, seen)) {
            node.saw_exit = None;
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "seconds"
)]
fn shortest_silence() -> u64 {
    ((LEASE + MARGIN) as f64 / (1.0 + DRIFT)) as u64 - 1_000
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "seconds"
)]
fn longest_silence() -> u64 {
    ((LEASE + MARGIN) as f64 / (1.0 - DRIFT)) as u64 + 1_000
}

fn short(state: &Arc<StateView>) -> String {
    format!("{} {:?}", state.expected, state.status)
}

//! What a node is shown of the remote, and what the observer checks while it is shown.

use std::sync::Arc;

use orchestrator::sync::lease;
use orchestrator::sync::protocol::{
    AtTip, CommitId, Event, Facts, Listing, Lost, Observation, RefName, Relation, StateView, Status, Trouble,
};

use super::broken::Broken;
use super::check::violated;
use super::log;
use super::plan::{DRIFT, LEASE, MARGIN, NETWORK, POLL, STALEST};
use super::store::{self, Ix};
use super::world::{Job, Outcome, Push, World};

impl World {
    pub fn listing(&mut self, n: usize, lease: &RefName, rescue: Option<&RefName>) -> Listing {
        let at = self.view_time();
        let mut branch = self.server.branch_at(at).map(store::id);
        if self.broken == Broken::ClaimIgnored {
            let sent = self.nodes[n].machine.as_ref().and_then(|m| m.journal.claim.as_ref());
            branch = sent.map(|c| c.commit).or(branch);
        }
        Listing {
            branch,
            lease: self.server.lease_at(lease, at),
            rescue: rescue.and_then(|r| self.server.rescues.get(r)).map(|ix| store::id(*ix)),
        }
    }

    pub fn facts(&mut self, n: usize, tip: Ix, about: &[CommitId], exit: Option<CommitId>) -> Facts {
        let mut state = self.store.get(tip).state.clone();
        let mut relations: Vec<_> = about.iter().map(|c| (*c, self.relation(store::ix(*c), tip))).collect();
        let epoch = if self.broken == Broken::StateEpoch { 0 } else { self.store.epoch(tip) };
        let machine = self.nodes[n].machine.as_ref();
        let ended = machine.and_then(|m| m.journal.turn.as_ref()).filter(|t| t.end.is_some());
        if let (Broken::StaleRebase, Some(turn)) = (self.broken, ended) {
            // "It is still mine."
            state = self.store.get(store::ix(turn.claim)).state.clone();
            for (commit, relation) in &mut relations {
                if *commit == turn.claim && *relation == Relation::Apart {
                    *relation = Relation::Contained;
                }
            }
        }
        Facts {
            tip: store::id(tip),
            state: state.map_or(AtTip::Missing { removed: false }, AtTip::State),
            epoch,
            resumed: exit.is_some_and(|e| self.store.resumed_since(tip, store::ix(e))),
            relations,
        }
    }

    fn relation(&self, ours: Ix, tip: Ix) -> Relation {
        if ours == tip {
            Relation::Same
        } else if self.store.contains(tip, ours) {
            Relation::Contained
        } else if self.store.on_line(ours, tip) {
            Relation::Extends
        } else {
            Relation::Apart
        }
    }

    /// One step of a lease's thread.
    pub fn lease(&mut self, n: usize, process: u64, number: u64, event: lease::Event) -> Outcome {
        let node = &mut self.nodes[n];
        let mono = node.mono(self.now);
        if node.process != process || node.machine.is_none() {
            return Ok(());
        }
        if node.paused_until > self.now {
            let delay = node.paused_until - self.now;
            self.after(delay, Job::Lease { node: n, process, lease: number, event });
            return Ok(());
        }
        // A hung main loop ticked last when it began to hang.
        let ticked = if node.hung_until > self.now {
            mono.saturating_sub(std::time::Duration::from_secs(11))
        } else {
            mono
        };
        let Some((_, lease)) = node.lease.as_mut().filter(|(l, _)| *l == number) else { return Ok(()) };
        let actions = lease.step(mono, ticked, event);
        for action in actions {
            self.lease_action(n, process, number, action)?;
        }
        Ok(())
    }

    fn lease_action(&mut self, n: usize, process: u64, number: u64, action: lease::Action) -> Outcome {
        let name = self.nodes[n].config.lease_ref.clone();
        let again = |event| Job::Lease { node: n, process, lease: number, event };
        let cut = self.faults() && (self.nodes[n].cut_until > self.now || self.rng.chance(self.plan.mute));
        let delay = if cut { NETWORK } else { self.rng.range(20, 200) };
        let timed_out = || Trouble::Passing("timed out".into());
        match action {
            lease::Action::Warn | lease::Action::GoOn => log!(self, "{n}: lease {action:?}"),
            lease::Action::Lost(lost) => {
                log!(self, "{n}: lease lost, {lost:?}");
                self.check_lost(n, lost)?;
                let event = Event::LeaseLost(lost);
                self.after(0, Job::Note { node: n, process, event });
            }
            lease::Action::Build { .. } => {
                self.leases += 1;
                let value = store::lease_value(self.leases);
                self.after(0, again(lease::Event::Built(value)));
            }
            lease::Action::Push { expected, new } => {
                self.send(n, Push::Lease { name, expected, new }, |world| {
                    world.after(delay + 50, again(lease::Event::Pushed));
                });
            }
            lease::Action::List => {
                let listing = self.listing(n, &name, None);
                let answer = if cut { Err(timed_out()) } else { Ok(listing) };
                self.after(delay, again(lease::Event::Listed(answer)));
            }
            lease::Action::Fetch { tip, claim } => {
                let facts = self.facts(n, store::ix(tip), &[claim], None);
                let answer = if cut { Err(timed_out()) } else { Ok(facts) };
                self.after(delay, again(lease::Event::Fetched(answer)));
            }
            lease::Action::Wait { until } => {
                let at = self.nodes[n].at_mono(until);
                self.after(at.saturating_sub(self.now), again(lease::Event::Woke));
            }
        }
        Ok(())
    }

    /// A lease is called fenced only when the turn is in fact somebody else's.
    fn check_lost(&self, n: usize, lost: Lost) -> Outcome {
        let node = &self.nodes[n];
        let Some(turn) = node.machine.as_ref().and_then(|m| m.journal.turn.as_ref()) else { return Ok(()) };
        let state = self.server.branch.and_then(|b| self.store.get(b).state.clone());
        let still = state.is_some_and(|s| s.runs(&node.config.role, &turn.id, turn.epoch));
        if lost == Lost::Fenced && still && !self.chain.rewritten {
            return violated("fenced-for-nothing", format!("node {n}"));
        }
        Ok(())
    }

    /// The variant that watches the value alone: what it would have observed.
    pub fn watch_value_alone(&mut self, n: usize, event: &Event) {
        let now = self.nodes[n].now(self.now);
        let node = &mut self.nodes[n];
        if let Event::Listed(Ok(listing)) = event {
            if node.still.as_ref().is_none_or(|(value, _)| *value != listing.lease) {
                node.still = Some((listing.lease, now));
            }
        }
        let (Event::Fetched(Ok(facts)), Some((lease, since))) = (event, node.still) else { return };
        let Some(turn) = facts.view().and_then(|s| s.turn.as_ref()) else { return };
        let boot = node.config.boot.clone();
        let observed = turn.lease_ref.clone().map(|lease_ref| Observation {
            turn: turn.id.clone(),
            lease_ref,
            lease,
            boot,
            mono: since.mono.min(now.mono),
            wall: since.wall,
        });
        if let Some(machine) = &mut node.machine {
            machine.memory.observed = observed;
        }
    }

    /// G13: nobody who has just claimed, or who renews, is taken over.
    pub fn check_takeover(&self, n: usize) -> Outcome {
        let Some(state) = self.nodes[n].machine.as_ref().and_then(|m| m.memory.tip) else { return Ok(()) };
        let tip = store::ix(state);
        let Some(turn) = self.store.get(tip).state.as_ref().and_then(|s| s.turn.clone()) else {
            return Ok(());
        };
        let Some(name) = turn.lease_ref else { return Ok(()) };
        let claim = self.store.line(None, tip).into_iter().rev().find(|ix| {
            let commit = self.store.get(*ix);
            matches!(commit.kind, store::Kind::Claim(_))
                && commit.mark.as_ref().is_some_and(|m| m.turn == turn.id)
        });
        let (silence, asked) = (shortest_silence(), self.nodes[n].listed_at);
        let claimed = claim.and_then(|c| self.chain.landed.get(&c)).copied().unwrap_or(0);
        // What the observer saw last may be as old as a listing can be.
        let seen = asked.saturating_sub(STALEST);
        let beat = self.server.lease_set(&name, seen);
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

    /// T6: what a clone has read and remembered of `exit`.
    pub fn see_exit(&mut self, n: usize) {
        let Some(tip) = self.nodes[n].memory.tip.map(store::ix) else { return };
        let set = self.store.get(tip).state.as_ref().is_some_and(|s| s.exit);
        let node = &mut self.nodes[n];
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

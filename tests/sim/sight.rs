//! What a node is shown of the remote, and what the observer checks while it is shown.

use orchestrator::sync::lease;
use orchestrator::sync::protocol::{
    AtTip, CommitId, Event, Facts, Listing, Lost, Observation, RefName, Relation, Trouble,
};

use super::broken::Broken;
use super::check::violated;
use super::log;
use super::plan::NETWORK;
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
            state.clone_from(&self.store.get(store::ix(turn.claim)).state);
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
            limit: None,
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
        if node.lease.as_ref().is_none_or(|(l, _)| *l != number) || self.befalls(n) {
            return Ok(());
        }
        // A hung main loop ticked last when it began to hang.
        let node = &mut self.nodes[n];
        let ticked = if node.hung_until > self.now {
            mono.saturating_sub(std::time::Duration::from_secs(11))
        } else {
            mono
        };
        let Some((_, lease)) = node.lease.as_mut().filter(|(l, _)| *l == number) else { return Ok(()) };
        let actions = lease.step(mono, ticked, event);
        for action in actions {
            self.lease_action(n, process, number, &action)?;
        }
        Ok(())
    }

    fn lease_action(&mut self, n: usize, process: u64, number: u64, action: &lease::Action) -> Outcome {
        let name = self.nodes[n].config.lease_ref.clone();
        let again = |event| Job::Lease { node: n, process, lease: number, event };
        let cut = self.faults() && (self.nodes[n].cut_until > self.now || self.rng.chance(self.plan.mute));
        let delay = if cut { NETWORK } else { self.rng.range(20, 200) };
        let timed_out = || Trouble::Passing("timed out".into());
        match *action {
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
        if let Event::Listed(Ok(listing)) = event
            && node.still.as_ref().is_none_or(|(value, _)| *value != listing.lease)
        {
            node.still = Some((listing.lease, now));
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
}

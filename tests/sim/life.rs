//! Processes come and go: starts, crashes, exits, pauses, and clones made anew.

use orchestrator::sync::protocol::{Event, Journal, Machine, Memory, Reason};

use super::check::violated;
use super::log;
use super::world::{Job, Outcome, World};

impl World {
    pub fn start(&mut self, n: usize) -> Outcome {
        if self.nodes[n].machine.is_some() {
            return Ok(());
        }
        self.clone_anew(n);
        let node = &mut self.nodes[n];
        let machine = Machine::new(node.config.clone(), node.journal.clone(), node.memory.clone());
        node.machine = Some(machine);
        node.process += 1;
        node.ask += 1;
        node.sleeping = false;
        node.attentive_since = None;
        node.first_look = None;
        let (process, ask) = (node.process, node.ask);
        if node.stop_file.is_some() {
            self.note(n, process, Event::StopRequested)?;
        }
        self.main(n, process, ask, Event::Started)
    }

    /// Now and then somebody deletes a clone that owes nothing, and clones again.
    fn clone_anew(&mut self, n: usize) {
        if !self.faults() || !self.rng.chance(self.plan.clone_anew) {
            return;
        }
        let node = &self.nodes[n];
        let local = &node.local;
        let owes = node.journal != Journal::default() || node.orphan.is_some() || local.head.is_some();
        let keeps = local.operation || !local.dirty.is_empty() || !local.saved_files.is_empty();
        let Some(tip) = self.server.branch.filter(|t| self.store.contains(*t, local.branch)) else { return };
        if owes || keeps || !local.saved.is_empty() {
            return;
        }
        log!(self, "{n}: cloned anew");
        let node = &mut self.nodes[n];
        node.memory = Memory { tip: Some(super::store::id(tip)), ..Memory::default() };
        node.local.branch = tip;
        node.saw_exit = None;
        node.seen_epoch = 0;
    }

    /// What may befall a process between any two of its steps. Whether it is over.
    pub fn befalls(&mut self, n: usize) -> bool {
        if !self.faults() {
            return false;
        }
        if self.rng.chance(self.plan.crash) {
            log!(self, "{n}: CRASH");
            self.crash(n);
            return true;
        }
        if self.rng.chance(self.plan.pause) {
            self.pause(n);
        }
        false
    }

    pub fn pause(&mut self, n: usize) {
        let long = self.rng.pick(&[5_000, 20_000, 40_000, 80_000]);
        self.nodes[n].paused_until = self.now + long;
        log!(self, "{n}: paused for {long}");
    }

    /// Everything in memory is gone. Pushes in flight are not.
    pub fn crash(&mut self, n: usize) {
        self.stats.crashes += 1;
        let delay = self.rng.pick(&[1_000, 5_000, 20_000, 60_000]);
        let reboots = self.rng.chance(self.plan.reboot);
        let survives = !reboots && self.rng.chance(self.plan.agent.survive);
        let now = self.now;
        let node = &mut self.nodes[n];
        node.machine = None;
        node.lease = None;
        node.ending = None;
        node.process += 1;
        if let Some(agent) = node.agent.take().filter(|_| survives) {
            // Only an agent that is in the journal can be found again.
            if node.journal.turn.as_ref().is_some_and(|t| t.agent.is_some()) {
                node.orphan = Some(agent.turn);
                let later = self.rng.range(500, 30_000);
                self.after(later, Job::Orphan { node: n });
            }
        }
        if reboots {
            self.nodes[n].reboot(now);
        }
        self.after(delay, Job::Start { node: n });
    }

    /// The process ended by itself. Somebody starts it again, after seeing to what it said.
    pub fn leave(&mut self, n: usize, reason: &Reason) -> Outcome {
        log!(self, "{n}: exit {}", reason.code());
        let node = &mut self.nodes[n];
        node.machine = None;
        node.process += 1;
        node.lease = None;
        let delay = match reason {
            Reason::OutOfStep(stage) => return violated("out-of-step", format!("{n} while {stage}")),
            Reason::NotOurTurn | Reason::FailedSeen => self.rng.range(6_000, 12_000),
            Reason::ExitSet => self.rng.range(8_000, 20_000),
            Reason::Fenced => {
                self.stats.fenced += 1;
                self.rng.range(2_000, 8_000)
            }
            Reason::Conflict => {
                self.stats.conflicts += 1;
                self.rng.range(2_000, 8_000)
            }
            Reason::LeaseEnded => {
                self.stats.lease_ended += 1;
                self.rng.range(2_000, 8_000)
            }
            _ => self.rng.range(2_000, 8_000),
        };
        self.attend(n, reason);
        if self.nodes[n].journal.turn.is_none() && self.nodes[n].journal.rescue.is_some() {
            return violated("journal", format!("{n} has a rescue without a turn"));
        }
        let turn = self.nodes[n].last_turn.clone();
        self.check_exit(n, turn.as_ref(), reason)?;
        self.come_back(n, delay);
        Ok(())
    }
}

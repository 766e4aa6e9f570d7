//! Carries out the protocol's actions, as a real shell will, and crashes between any two of them.

use std::time::Duration;

use orchestrator::sync::lease::{self, Lease};
use orchestrator::sync::protocol::{
    Action, Event, How, LeaseOrder, Message, PushReply, RefName, Signal, Target, Trouble,
};

use super::broken::Broken;
use super::check::violated;
use super::log;
use super::plan::{LEASE, NETWORK, POLL, STALEST};
use super::store::{self, Ix};
use super::world::{Job, Outcome, Push, World};

impl World {
    /// An answer for the main loop, unless it came for a process or an ask of the past.
    pub fn main(&mut self, n: usize, process: u64, ask: u64, event: Event) -> Outcome {
        let faults = self.faults();
        let node = &mut self.nodes[n];
        if node.process != process || node.ask != ask || node.machine.is_none() {
            return Ok(());
        }
        let until = node.paused_until.max(node.hung_until);
        if until > self.now {
            node.attentive_since = None;
            self.after(until - self.now, Job::Main { node: n, process, ask, event });
            return Ok(());
        }
        if faults && self.rng.chance(self.plan.pause) {
            self.pause(n);
            self.after(0, Job::Main { node: n, process, ask, event });
            return Ok(());
        }
        if faults && self.rng.chance(self.plan.hang) {
            let long = self.rng.pick(&[20_000, 50_000]);
            self.nodes[n].hung_until = self.now + long;
            log!(self, "{n}: main loop hangs for {long}");
        }
        if faults && self.rng.chance(self.plan.partition) {
            self.nodes[n].cut_until = self.now + self.rng.pick(&[10_000, 40_000, 90_000]);
        }
        if faults && self.rng.chance(self.plan.interrupt) {
            let by = self.rng.pick(&[Signal::Interrupt, Signal::Terminate]);
            let delay = self.rng.range(0, 3_000);
            self.after(delay, Job::Note { node: n, process, event: Event::Interrupted(by) });
        }
        if faults && self.rng.chance(self.plan.stop_request) {
            let now = self.now;
            self.nodes[n].stop_file.get_or_insert(now);
            let delay = self.rng.range(0, 3_000);
            self.after(delay, Job::Note { node: n, process, event: Event::StopRequested });
        }
        let looked = match &event {
            Event::Fetched(Ok(facts)) => Some(facts.tip),
            _ => None,
        };
        if matches!(&event, Event::AgentEnded(ended) if ended.how != How::Stopped) {
            let node = &mut self.nodes[n];
            node.ending.clone_from(&node.last_turn);
        }
        self.tamper(n, &event);
        let now = self.nodes[n].now(self.now);
        let node = &mut self.nodes[n];
        node.sleeping = false;
        node.ask += 1;
        let Some(machine) = &mut node.machine else { return Ok(()) };
        let actions = machine.step(now, event);
        if looked.is_some() && machine.memory.tip == looked {
            node.first_look.get_or_insert(self.now);
        }
        let asks = actions.iter().filter(|a| a.is_ask()).count();
        if asks != 1 || !actions.last().is_some_and(Action::is_ask) {
            return violated("contract", format!("an answer with {asks} asks: {actions:?}"));
        }
        self.carry_out(n, actions)
    }

    /// A note comes at any time, and never asks.
    pub fn note(&mut self, n: usize, process: u64, event: Event) -> Outcome {
        let now = self.nodes[n].now(self.now);
        let node = &mut self.nodes[n];
        if node.process != process {
            return Ok(());
        }
        if node.paused_until > self.now {
            let delay = node.paused_until - self.now;
            self.after(delay, Job::Note { node: n, process, event });
            return Ok(());
        }
        log!(self, "{n}: note {event:?}");
        let Some(machine) = &mut self.nodes[n].machine else { return Ok(()) };
        let actions = machine.step(now, event);
        if actions.iter().any(Action::is_ask) {
            return violated("contract", format!("a note answered with an ask: {actions:?}"));
        }
        self.carry_out(n, actions)?;
        let node = &self.nodes[n];
        if node.machine.is_some() && node.sleeping {
            let ask = node.ask;
            self.after(0, Job::Main { node: n, process, ask, event: Event::Woke });
        }
        Ok(())
    }

    fn carry_out(&mut self, n: usize, actions: Vec<Action>) -> Outcome {
        for action in actions {
            self.stats.actions += 1;
            let crash = self.crash_at == Some(self.stats.actions);
            if crash || (self.faults() && self.rng.chance(self.plan.crash)) {
                log!(self, "{n}: CRASH before {action:?}");
                self.crash(n);
                return Ok(());
            }
            if !matches!(action, Action::List { .. } | Action::Wait { .. } | Action::Fetch { .. }) {
                log!(self, "{n}: {action:?}");
            }
            if action.is_ask()
                && !matches!(action, Action::List { .. } | Action::Wait { .. } | Action::Fetch { .. })
            {
                self.nodes[n].attentive_since = None;
            }
            if action.is_ask() {
                let node = &mut self.nodes[n];
                node.ended = node.ending.take().or(node.ended.take());
            }
            match action {
                Action::WriteJournal(journal) => {
                    let node = &mut self.nodes[n];
                    node.last_turn = journal.turn.as_ref().map(|t| t.id.clone()).or(node.last_turn.take());
                    node.journal = journal;
                }
                Action::WriteMemory(memory) => {
                    self.nodes[n].memory = memory;
                    self.see(n);
                }
                Action::StartLease(order) => self.start_lease(n, order)?,
                Action::StopLease => self.nodes[n].lease = None,
                Action::StopAgent => self.stop_agent(n),
                Action::EndOldAgent(_) => self.nodes[n].orphan = None,
                Action::StopPublished => {
                    self.check_stop(n)?;
                    self.nodes[n].stop_file = None;
                }
                Action::Say(message) => self.hear(n, &message),
                Action::List { lease, rescue } => self.list(n, &lease, rescue.as_ref()),
                Action::Fetch { tip, about, exit } => {
                    let facts = self.facts(n, store::ix(tip), &about, exit);
                    self.answer_or_timeout(n, Event::Fetched(Ok(facts)), |t| Event::Fetched(Err(t)));
                }
                Action::Build(order) => self.build(n, order)?,
                Action::Push { to, expected, new } => {
                    self.push(n, to, expected.map(store::ix), store::ix(new))?;
                }
                Action::RunAgent { turn, on } => self.run_agent(n, turn, store::ix(on))?,
                Action::Rescue { turn, from } => self.rescue(n, &turn, from),
                Action::Move { to, above } => self.move_branch(n, store::ix(to), &above),
                Action::Wait { least, most } => self.sleep(n, least, most)?,
                Action::Exit(reason) => return self.leave(n, &reason),
            }
        }
        Ok(())
    }

    pub fn answer(&mut self, n: usize, delay: u64, event: Event) {
        let (process, ask) = (self.nodes[n].process, self.nodes[n].ask);
        self.after(delay, Job::Main { node: n, process, ask, event });
    }

    fn sleep(&mut self, n: usize, least: Duration, most: Duration) -> Outcome {
        if least == Duration::from_millis(POLL) * 4 / 5 {
            self.check_own(n)?;
            self.nodes[n].attentive_since.get_or_insert(self.now);
            self.check_promptness(n)?;
        }
        let ms = |d: Duration| u64::try_from(d.as_millis()).unwrap();
        let delay = self.rng.range(ms(least), ms(most));
        self.nodes[n].sleeping = true;
        self.answer(n, delay, Event::Woke);
        Ok(())
    }

    fn answer_or_timeout(&mut self, n: usize, event: Event, trouble: fn(Trouble) -> Event) {
        let cut = self.nodes[n].cut_until > self.now;
        if self.faults() && (cut || self.rng.chance(self.plan.mute)) {
            self.answer(n, NETWORK, trouble(Trouble::Passing("timed out".into())));
        } else {
            let delay = self.rng.range(20, 200);
            self.answer(n, delay, event);
        }
    }

    fn list(&mut self, n: usize, lease: &RefName, rescue: Option<&RefName>) {
        self.nodes[n].listed_at = self.now;
        let listing = self.listing(n, lease, rescue);
        self.answer_or_timeout(n, Event::Listed(Ok(listing)), |t| Event::Listed(Err(t)));
    }

    /// As of now, or of a little earlier.
    pub fn view_time(&mut self) -> u64 {
        if self.faults() && self.rng.chance(self.plan.stale) {
            self.now.saturating_sub(self.rng.range(1_000, STALEST))
        } else {
            self.now
        }
    }

    fn push(&mut self, n: usize, to: Target, expected: Option<Ix>, new: Ix) -> Outcome {
        let push = match to {
            Target::Rescue(name) => Push::Rescue { name, new },
            Target::Branch => {
                self.check_push(n, expected, new)?;
                Push::Branch { expected, new }
            }
        };
        let refused = match &push {
            Push::Rescue { .. } => self.plan.refuse_rescue,
            _ => self.plan.refusal.is_some_and(|(from, to)| (from..to).contains(&self.now)),
        };
        if refused {
            self.answer(n, 200, Event::Pushed(PushReply::Refused("hook declined".into())));
            return Ok(());
        }
        self.send(n, push, |world| {
            let delay = world.rng.range(50, 300);
            world.answer(n, delay, Event::Pushed(PushReply::Unsure));
        });
        Ok(())
    }

    /// On its way: it may be dropped, come late, or its reply may be lost. `reply` is called at
    /// once, for a time after which the sender knows no more than before.
    pub fn send(&mut self, n: usize, push: Push, reply: impl FnOnce(&mut Self)) {
        let land = Job::Land { node: n, push };
        let cut = self.nodes.get(n).is_some_and(|node| node.cut_until > self.now);
        if self.faults() && (cut || self.rng.chance(self.plan.drop)) {
            log!(self, "{n}: push dropped");
        } else if self.faults() && self.rng.chance(self.plan.late) {
            let delay = self.rng.pick(&[NETWORK * 9 / 10, 6_000, 15_000, 40_000]);
            log!(self, "{n}: push comes {delay} late");
            self.after(delay, land);
        } else {
            // Sent is sent: it lands whatever becomes of the sender.
            let delay = self.rng.range(1, 40);
            self.after(delay, land);
        }
        reply(self);
    }

    fn start_lease(&mut self, n: usize, order: LeaseOrder) -> Outcome {
        let node = &mut self.nodes[n];
        let number = node.lease.as_ref().map_or(self.leases, |(l, _)| l + 1) + 1;
        let lease = Lease::new(order, node.config.role.clone(), Duration::from_millis(LEASE));
        node.lease = Some((number, lease));
        let process = node.process;
        self.leases += 1;
        self.lease(n, process, number, lease::Event::Started)
    }

    fn hear(&mut self, n: usize, message: &Message) {
        match message {
            Message::Published { .. } => {
                let end = self.nodes[n].journal.turn.as_ref().and_then(|t| t.end);
                self.chain.acknowledged.extend(end.and_then(|e| e.stamp).map(store::ix));
            }
            Message::LostRace => self.stats.lost_races += 1,
            Message::Replaying { .. } => self.stats.replays += 1,
            Message::Rescued { .. } => self.stats.rescued += 1,
            Message::RescueKeptHere { .. } => self.stats.kept_here += 1,
            _ => (),
        }
    }

    fn stop_agent(&mut self, n: usize) {
        let Some(agent) = self.nodes[n].agent.take() else { return };
        // What it had not committed stays in the files.
        let work = self.new_work(n);
        self.nodes[n].local.dirty.push(work);
        let ended = self.ended(n, How::Stopped, agent.on, false);
        let delay = self.rng.range(100, 2_000);
        let process = self.nodes[n].process;
        self.after(delay, Job::Main { node: n, process, ask: agent.ask, event: Event::AgentEnded(ended) });
    }

    /// Lies told before an event is handed over.
    fn tamper(&mut self, n: usize, event: &Event) {
        match self.broken {
            Broken::StateEpoch => {
                if let Some(machine) = &mut self.nodes[n].machine {
                    machine.memory.epoch = 0;
                }
            }
            Broken::LeaseOnly => self.watch_value_alone(n, event),
            _ => (),
        }
    }
}

//! Agents, as they are: they commit, amend, merge, rebase, push, wander off and touch the state.

use std::sync::Arc;

use orchestrator::sync::protocol::{AgentMark, Ended, Event, How, Line, OpenTurn, StateView};

use super::broken::Broken;
use super::check::violated;
use super::log;
use super::node::Agent;
use super::plan::Habits;
use super::store::{self, Commit, Ix, Kind, Mark};
use super::world::{Job, Outcome, Push, World};

impl World {
    pub fn run_agent(&mut self, n: usize, turn: OpenTurn, on: Ix) -> Outcome {
        let claim = store::ix(turn.claim);
        if !self.chain.landed.contains_key(&claim) {
            return violated("ran-unclaimed", format!("node {n} runs {} whose claim is nowhere", turn.id));
        }
        if self.nodes[n].orphan.is_some() {
            return violated("old-agent-alive", format!("node {n} runs a second agent"));
        }
        let long = self.rng.pick(&[2_000, 5_000, 10_000, 20_000, 45_000, 70_000]);
        let commits_left = self.rng.pick(&[1, 1, 2]);
        let ask = self.nodes[n].ask;
        let process = self.nodes[n].process;
        self.nodes[n].agent = Some(Agent { turn, on, until: self.now + long, commits_left, ask });
        let mark = AgentMark { group: u32::try_from(process).unwrap(), started: self.now.to_string() };
        self.note_started(n, mark);
        let first = long / 3;
        self.after(first, Job::Agent { node: n, process });
        Ok(())
    }

    fn note_started(&mut self, n: usize, mark: AgentMark) {
        let process = self.nodes[n].process;
        self.after(1, Job::Note { node: n, process, event: Event::AgentStarted(mark) });
    }

    /// The agent does the next thing.
    pub fn agent(&mut self, n: usize, process: u64) -> Outcome {
        let node = &self.nodes[n];
        if node.process != process {
            return Ok(());
        }
        // A paused machine pauses its agent too.
        if node.paused_until > self.now {
            let delay = node.paused_until - self.now;
            self.after(delay, Job::Agent { node: n, process });
            return Ok(());
        }
        if node.agent.is_none() || self.befalls(n) {
            return Ok(());
        }
        let Some(agent) = self.nodes[n].agent.clone() else { return Ok(()) };
        if agent.commits_left > 0 {
            self.work(n, &agent.turn, agent.on)?;
            if let Some(agent) = &mut self.nodes[n].agent {
                agent.commits_left -= 1;
            }
        }
        if self.now < agent.until {
            let rest = agent.until - self.now;
            let delay = self.rng.range(rest / 4 + 1, rest / 2 + 500);
            self.after(delay, Job::Agent { node: n, process });
            return Ok(());
        }
        self.nodes[n].agent = None;
        let how =
            if self.faults() && self.rng.chance(self.plan.agent.fail) { How::Failed } else { How::Succeeded };
        if how == How::Succeeded {
            self.auto_commit(n, &agent.turn);
        } else {
            let left = self.new_work(n);
            self.nodes[n].local.dirty.push(left);
        }
        let exit = self.rng.chance(self.plan.agent.exit) && self.faults();
        let ended = self.ended(n, how, agent.on, exit);
        self.main(n, process, agent.ask, Event::AgentEnded(ended))
    }

    pub fn new_work(&mut self, n: usize) -> u32 {
        self.works += 1;
        self.nodes[n].made.push(self.works);
        log!(self, "{n}: piece {} is made", self.works);
        self.works
    }

    fn commit(&self, n: usize, turn: &OpenTurn, parents: Vec<Ix>, works: Vec<u32>) -> Commit {
        let state = self.store.get(parents[0]).state.clone();
        let mark = Some(Mark { turn: turn.id.clone(), epoch: turn.epoch });
        Commit { parents, kind: Kind::Work, state, mark, who: n, works }
    }

    fn work(&mut self, n: usize, turn: &OpenTurn, on: Ix) -> Outcome {
        let works = vec![self.new_work(n)];
        if let Some(head) = self.nodes[n].local.head {
            let further = self.commit(n, turn, vec![head], works);
            self.nodes[n].local.head = Some(self.add(further));
            return Ok(());
        }
        let head = self.nodes[n].local.branch;
        let claim = store::ix(turn.claim);
        // In the end agents, too, behave.
        let habits = if self.faults() { self.plan.agent.clone() } else { Habits::default() };
        let mut made = self.commit(n, turn, vec![head], works);
        if head == claim && self.rng.chance(habits.amend) {
            log!(self, "{n}: agent amends the claim");
            made.parents.clone_from(&self.store.get(claim).parents);
            made.state.clone_from(&self.store.get(claim).state);
        } else if self.rng.chance(habits.touch_state) {
            log!(self, "{n}: agent touches the state file");
            let state = made.state.take().map(|s| StateView { iteration: s.iteration + 7, ..(*s).clone() });
            made.state = state.map(Arc::new);
        }
        let commit = self.add(made);
        if self.rng.chance(habits.stray) && self.faults() {
            log!(self, "{n}: agent goes astray");
            if self.rng.chance(0.5) {
                self.nodes[n].local.head = Some(commit);
            } else {
                self.nodes[n].local.branch = commit;
                self.nodes[n].local.operation = true;
            }
            return Ok(());
        }
        self.nodes[n].local.branch = commit;
        if self.rng.chance(habits.merge) {
            self.pull(n, turn, false);
        } else if self.rng.chance(habits.rebase) {
            self.pull(n, turn, true);
        }
        if self.rng.chance(habits.push) {
            self.agent_pushes(n, on)?;
        }
        Ok(())
    }

    /// `git pull`, with a merge in either direction or by rebasing.
    fn pull(&mut self, n: usize, turn: &OpenTurn, rebase: bool) {
        let Some(tip) = self.server.branch else { return };
        let head = self.nodes[n].local.branch;
        if self.store.contains(head, tip) {
            return;
        }
        let merged = if rebase {
            let mut on = tip;
            for ix in self.store.missing(head, Some(tip)) {
                let old = self.store.get(ix).clone();
                let state = self.store.get(on).state.clone();
                if !old.works.is_empty() {
                    on = self.add(Commit { parents: vec![on], state, ..old });
                }
            }
            on
        } else {
            let mut parents = vec![head, tip];
            if self.rng.chance(0.3) {
                parents.reverse();
            }
            // Whoever merges resolves the state file as it comes.
            let mut merge = self.commit(n, turn, parents, Vec::new());
            let other = if self.rng.chance(0.5) { head } else { tip };
            merge.state.clone_from(&self.store.get(other).state);
            self.add(merge)
        };
        log!(self, "{n}: agent pulls {tip}, HEAD {merged}");
        self.nodes[n].local.branch = merged;
    }

    /// An agent that pushes by itself, work only and forward.
    fn agent_pushes(&mut self, n: usize, on: Ix) -> Outcome {
        let head = self.nodes[n].local.branch;
        let Some(tip) = self.server.branch else { return Ok(()) };
        let line = self.line_of(n, on);
        if self.store.on_line(head, tip) && line == Line::Straight {
            log!(self, "{n}: agent pushes {head}");
            self.land(n, Push::Branch { expected: Some(tip), new: head })?;
        }
        Ok(())
    }

    fn auto_commit(&mut self, n: usize, turn: &OpenTurn) {
        let local = &mut self.nodes[n].local;
        if local.head.is_some() || local.operation || local.dirty.is_empty() {
            return;
        }
        let (head, works) = (local.branch, std::mem::take(&mut local.dirty));
        let commit = self.commit(n, turn, vec![head], works);
        self.nodes[n].local.branch = self.add(commit);
    }

    pub fn ended(&self, n: usize, how: How, on: Ix, exit: bool) -> Ended {
        let head = store::id(self.nodes[n].local.branch);
        Ended { how, head, line: self.line_of(n, on), exit }
    }

    fn line_of(&self, n: usize, on: Ix) -> Line {
        let local = &self.nodes[n].local;
        let claim = self.nodes[n].machine.as_ref().and_then(|m| m.journal.turn.as_ref());
        let claim = claim.map_or(on, |t| store::ix(t.claim));
        if self.broken == Broken::NoDescent {
            return Line::Straight;
        }
        if local.head.is_some() {
            return Line::Astray("HEAD is detached".into());
        }
        if local.operation {
            return Line::Astray("a rebase is in progress".into());
        }
        if !self.store.contains(local.branch, claim) {
            return Line::Astray("HEAD does not descend from the claim".into());
        }
        let since = self.store.missing(local.branch, Some(on));
        let plain = |ix: &Ix| self.store.get(*ix).parents.len() == 1 && !self.store.touches_state(*ix);
        if self.store.on_line(local.branch, on) && since.iter().all(plain) {
            Line::Straight
        } else {
            Line::Bent
        }
    }

    /// An agent that outlived its program commits once more, unless it was ended.
    pub fn orphan(&mut self, n: usize) {
        let Some(turn) = self.nodes[n].orphan.clone() else { return };
        log!(self, "{n}: the old agent goes on");
        let works = vec![self.new_work(n)];
        let head = self.nodes[n].local.branch;
        let commit = self.commit(n, &turn, vec![head], works);
        self.nodes[n].local.branch = self.add(commit);
        let later = self.rng.range(2_000, 20_000);
        self.after(later, Job::Orphan { node: n });
    }
}

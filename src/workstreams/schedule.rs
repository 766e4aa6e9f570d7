//! Who starts now, and what an end means for the others (workstreams.md W10 to W13). Pure.
//!
//! There are no levels to wait for: a step is ready the moment what it depends on is done. Ready steps wait in lanes.
//! The steps of a lane differ in nothing that could hold one and let the other pass (scope, tool), so a held lane is
//! looked at once, however many wait in it, until something ends.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::graph::Graph;
use super::scope::Scope;
use crate::ledger::{IllegalMove, StepState};

/// What a failed step does to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Ends what runs and begins nothing more.
    #[default]
    Abort,
    /// Skips what depends on it, directly or not.
    SkipDependents,
    /// Counts as done for what depends on it.
    Continue,
}

/// What the schedule must know of a step.
#[derive(Debug, Clone, Copy)]
pub struct Item {
    pub lane: usize,
    pub on_failure: OnFailure,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Succeeded,
    Failed,
    Canceled,
}

/// A step came into another state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shift {
    pub step: usize,
    pub from: StepState,
    pub to: StepState,
    pub why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// What it depends on is done.
    Done,
    Started,
    Ended,
    /// Its own `when`.
    Condition,
    /// This step failed, and it depends on it.
    Dependency(usize),
    /// The run begins nothing more.
    Halted,
}

/// Longest remaining way first, then the order of the file.
type Key = (Reverse<u64>, usize);

#[derive(Debug)]
struct Lane {
    scope: Option<Scope>,
    ready: BTreeSet<Key>,
}

/// The schedule of one run.
#[derive(Debug)]
pub struct Schedule<'g> {
    graph: &'g Graph,
    items: Vec<Item>,
    lanes: Vec<Lane>,
    rank: Vec<u64>,
    limit: usize,
    state: Vec<StepState>,
    /// Dependencies that are not done.
    missing: Vec<usize>,
    /// The first of each lane that may be looked at.
    open: BTreeSet<(Key, usize)>,
    /// Lanes that were looked at in vain since the last end.
    held: Vec<usize>,
    /// Steps that wait for another attempt in their scope, which they keep.
    again: BTreeSet<Key>,
    /// Steps with a process.
    working: BTreeSet<usize>,
    /// Steps whose scope is taken.
    scopes: BTreeSet<usize>,
    left: usize,
    halted: bool,
}

impl<'g> Schedule<'g> {
    /// `scopes`: one a lane. `rank`: of each step, higher goes first. `before`: the states of an earlier run.
    pub fn new(
        graph: &'g Graph,
        items: Vec<Item>,
        scopes: Vec<Option<Scope>>,
        rank: Vec<u64>,
        limit: usize,
        before: Vec<StepState>,
    ) -> Self {
        let done = |step: usize| Self::counts_as_done(before[step], items[step].on_failure);
        let missing = (0..graph.len())
            .map(|step| graph.dependencies(step).iter().filter(|d| !done(**d)).count())
            .collect();
        let left = before.iter().filter(|state| !state.is_over()).count();
        Self {
            graph,
            lanes: scopes.into_iter().map(|scope| Lane { scope, ready: BTreeSet::new() }).collect(),
            rank,
            limit: limit.max(1),
            missing,
            state: before,
            items,
            open: BTreeSet::new(),
            held: Vec::new(),
            again: BTreeSet::new(),
            working: BTreeSet::new(),
            scopes: BTreeSet::new(),
            left,
            halted: false,
        }
    }

    /// Whether dependents may go on; a step that was skipped for another's failure takes them with it.
    pub fn counts_as_done(state: StepState, on_failure: OnFailure) -> bool {
        match state {
            StepState::Succeeded | StepState::Skipped => true,
            StepState::Failed => on_failure == OnFailure::Continue,
            StepState::Pending | StepState::Ready | StepState::Running | StepState::Canceled => false,
        }
    }

    pub fn state(&self, step: usize) -> StepState {
        self.state[step]
    }

    /// No step is left.
    pub fn is_over(&self) -> bool {
        self.left == 0
    }

    pub fn is_halted(&self) -> bool {
        self.halted
    }

    /// Steps with a process.
    pub fn working(&self) -> impl Iterator<Item = usize> + '_ {
        self.working.iter().copied()
    }

    /// Steps that wait for another attempt.
    pub fn waiting_again(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.state.len())
            .filter(|step| self.state[*step] == StepState::Running && !self.working.contains(step))
    }

    /// What is ready at once.
    pub fn begin(&mut self) -> Result<Vec<Shift>, IllegalMove> {
        let mut shifts = Vec::new();
        for step in 0..self.state.len() {
            if self.state[step] == StepState::Pending && self.missing[step] == 0 {
                self.ready(step, &mut shifts)?;
            }
        }
        Ok(shifts)
    }

    /// The next step to start, if there is a place for one. `admits` says whether its tool has one.
    pub fn next(
        &mut self,
        admits: &mut dyn FnMut(usize) -> bool,
    ) -> Result<Option<(usize, Option<Shift>)>, IllegalMove> {
        if self.halted || self.working.len() >= self.limit {
            return Ok(None);
        }
        let waiting = self.again.iter().copied().find(|(_, step)| admits(*step));
        if let Some(key) = waiting {
            self.again.remove(&key);
            self.working.insert(key.1);
            return Ok(Some((key.1, None)));
        }
        while let Some((key, lane)) = self.open.pop_first() {
            if !self.is_free(lane) || !admits(key.1) {
                self.held.push(lane);
                continue;
            }
            let step = key.1;
            self.lanes[lane].ready.remove(&key);
            self.working.insert(step);
            if self.lanes[lane].scope.is_some() {
                self.scopes.insert(step);
            }
            self.list(lane);
            let shift = self.shift(step, StepState::Running, Why::Started)?;
            return Ok(Some((step, Some(shift))));
        }
        Ok(None)
    }

    /// A ready step is not to be run at all: its own condition. For others it counts as done.
    pub fn skip(&mut self, step: usize) -> Result<Vec<Shift>, IllegalMove> {
        let mut shifts = vec![self.shift(step, StepState::Skipped, Why::Condition)?];
        self.unready(step);
        self.release(step, &mut shifts)?;
        Ok(shifts)
    }

    /// Its attempt failed, and there will be another one: its place is free, its scope is not.
    pub fn pause(&mut self, step: usize) {
        self.working.remove(&step);
        self.look_again();
    }

    /// The time of its next attempt has come.
    pub fn resume(&mut self, step: usize) {
        if self.state[step] == StepState::Running && !self.working.contains(&step) {
            self.again.insert((Reverse(self.rank[step]), step));
        }
    }

    /// A step that runs, or waits for another attempt, has come to its end.
    pub fn ended(&mut self, step: usize, end: End) -> Result<Vec<Shift>, IllegalMove> {
        let to = match end {
            End::Succeeded => StepState::Succeeded,
            End::Failed => StepState::Failed,
            End::Canceled => StepState::Canceled,
        };
        let mut shifts = vec![self.shift(step, to, Why::Ended)?];
        self.working.remove(&step);
        self.scopes.remove(&step);
        self.again.remove(&(Reverse(self.rank[step]), step));
        self.look_again();
        match (end, self.items[step].on_failure) {
            (End::Succeeded, _) | (End::Failed, OnFailure::Continue) => self.release(step, &mut shifts)?,
            // One that a person ended alone has not failed, but nothing can be built on it.
            (_, OnFailure::SkipDependents) | (End::Canceled, OnFailure::Continue) => {
                self.skip_below(step, &mut shifts)?;
            }
            (_, OnFailure::Abort) => shifts.extend(self.halt()?),
        }
        Ok(shifts)
    }

    /// Nothing more is begun. What has a process or waits for another attempt is the caller's to end.
    pub fn halt(&mut self) -> Result<Vec<Shift>, IllegalMove> {
        let mut shifts = Vec::new();
        if std::mem::replace(&mut self.halted, true) {
            return Ok(shifts);
        }
        self.open.clear();
        for step in 0..self.state.len() {
            if matches!(self.state[step], StepState::Pending | StepState::Ready) {
                shifts.push(self.shift(step, StepState::Canceled, Why::Halted)?);
            }
        }
        Ok(shifts)
    }

    /// Something outside has changed, such as a tool's circuit: held lanes are looked at again.
    pub fn look_again(&mut self) {
        for lane in std::mem::take(&mut self.held) {
            self.list(lane);
        }
    }

    /// Whether ready steps wait for something other than a place.
    pub fn is_held(&self) -> bool {
        !self.held.is_empty() || !self.again.is_empty()
    }

    fn is_free(&self, lane: usize) -> bool {
        let Some(own) = &self.lanes[lane].scope else { return true };
        let taken = |step: &usize| self.lanes[self.items[*step].lane].scope.as_ref();
        !self.scopes.iter().filter_map(taken).any(|other| own.overlaps(other))
    }

    fn list(&mut self, lane: usize) {
        if let Some(key) = self.lanes[lane].ready.first() {
            self.open.insert((*key, lane));
        }
    }

    fn ready(&mut self, step: usize, shifts: &mut Vec<Shift>) -> Result<(), IllegalMove> {
        shifts.push(self.shift(step, StepState::Ready, Why::Done)?);
        let (lane, key) = (self.items[step].lane, (Reverse(self.rank[step]), step));
        let first = self.lanes[lane].ready.first().copied();
        self.lanes[lane].ready.insert(key);
        if first.is_none_or(|first| key < first) && !self.held.contains(&lane) {
            if let Some(first) = first {
                self.open.remove(&(first, lane));
            }
            self.open.insert((key, lane));
        }
        Ok(())
    }

    fn unready(&mut self, step: usize) {
        let (lane, key) = (self.items[step].lane, (Reverse(self.rank[step]), step));
        self.lanes[lane].ready.remove(&key);
        if self.open.remove(&(key, lane)) {
            self.list(lane);
        }
    }

    /// A dependency is done.
    fn release(&mut self, step: usize, shifts: &mut Vec<Shift>) -> Result<(), IllegalMove> {
        let graph = self.graph;
        for &dependent in graph.dependents(step) {
            self.missing[dependent] -= 1;
            if self.missing[dependent] == 0 && self.state[dependent] == StepState::Pending && !self.halted {
                self.ready(dependent, shifts)?;
            }
        }
        Ok(())
    }

    fn skip_below(&mut self, failed: usize, shifts: &mut Vec<Shift>) -> Result<(), IllegalMove> {
        let graph = self.graph;
        let mut stack = vec![failed];
        while let Some(step) = stack.pop() {
            for &dependent in graph.dependents(step) {
                if self.state[dependent] == StepState::Pending {
                    shifts.push(self.shift(dependent, StepState::Skipped, Why::Dependency(failed))?);
                    stack.push(dependent);
                }
            }
        }
        Ok(())
    }

    fn shift(&mut self, step: usize, to: StepState, why: Why) -> Result<Shift, IllegalMove> {
        let from = self.state[step];
        from.step(to)?;
        self.state[step] = to;
        self.left -= usize::from(to.is_over());
        Ok(Shift { step, from, to, why })
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_edges;

//! Budgets in the loop (agents.md A9): before each turn, and during it by what the agent reports.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;

use super::error::End;
use super::turn::shorten;
use super::{Engine, LoopError};
use crate::agents::rate_limit;
use crate::clock::Clock;
use crate::config::Budget;
use crate::event::Event as Fact;
use crate::supervise::{Activity, Kind, Lifecycle, Outcome, Stop, StopReason, Usage};
use crate::sync::worktree::path_text;
use crate::turns::autocommit::scan;
use crate::turns::budget::{Reached, Spent, reached, used_up};

/// Totals often come with the last record: an agent that is done is not cut off for them.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// A clock is looked at this often: one that was set, or a laptop that slept, must not stretch a wait.
pub(super) const LOOK: Duration = Duration::from_secs(5);

/// Why a turn was cut short.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cut {
    Signal(StopReason),
    Limit(Reached),
    /// A person asked to stop while the turn waited for a rate limit.
    Asked,
}

impl Cut {
    pub(super) fn words(&self) -> String {
        match self {
            Self::Signal(reason) => reason.text.clone(),
            Self::Limit(limit) => limit.words(),
            Self::Asked => "asked to stop while it waited".into(),
        }
    }
}

/// What is dirty, with size and time of each file: two turns that leave the same changed nothing.
pub(super) type Footprint = BTreeMap<PathBuf, Option<(u64, SystemTime)>>;

impl Engine<'_> {
    /// What was used so far, by whoever counts.
    pub(super) fn spent(&self) -> Spent {
        if let Some((mut spent, began)) = self.shared {
            spent.wall += self.world.clock.mono().saturating_sub(began);
            return spent;
        }
        let wall = self.world.clock.mono().saturating_sub(self.began).saturating_sub(self.idle);
        let mut spent = self.spent;
        (spent.turns, spent.wall) = (self.turns, wall);
        spent
    }

    /// Counts what an attempt used. Who was refused before it did anything used nothing.
    pub(super) fn count(&mut self, outcome: &Outcome) {
        if outcome.usage.is_some() || rate_limit::refusal(outcome).is_none() {
            self.spent.add(outcome.usage);
            if let Some((spent, _)) = &mut self.shared {
                spent.add(outcome.usage);
            }
        }
    }

    /// The limit that lets no further turn begin.
    pub(super) fn at_limit(&mut self) -> Option<End> {
        let limit = reached(&self.settings.config.budget, &self.spent())?;
        Some(self.limit_reached(limit))
    }

    pub(super) fn limit_reached(&mut self, limit: Reached) -> End {
        let (budget, limit_value, used) = limit.numbers();
        self.say(Fact::BudgetReached { budget: budget.into(), limit: limit_value, used });
        End::Limited(limit)
    }

    /// Once: a budget that cannot be held against what is used.
    pub(super) fn warn_of_blind_spots(&mut self) {
        let budget = &self.settings.config.budget;
        if self.warned_blind {
            return;
        }
        if let Some(text) = self.spent().blind_spot(budget) {
            self.warned_blind = true;
            self.say(Fact::Warning { text: text.into() });
        }
    }

    /// Once, at the start.
    pub(super) fn warn_of_a_useless_guard(&mut self) {
        if self.git.is_none() && self.settings.config.budget.no_progress_turns.is_some() {
            let text = "budget.no_progress_turns has no effect without git: nothing says what a turn changed";
            self.say(Fact::Warning { text: text.into() });
        }
    }

    /// What is dirty now; asked only if the stall guard is on.
    pub(super) fn footprint(&self) -> Result<Option<Footprint>, LoopError> {
        let Some(git) = self.git.as_ref().filter(|_| self.settings.config.budget.no_progress_turns.is_some())
        else {
            return Ok(None);
        };
        let dirty = scan(&git.repo, &git.rules)?;
        Ok(Some(self.look_at(dirty.iter().map(|d| &d.path))))
    }

    /// Size and time of these files; nothing without git.
    pub(super) fn look_at<'p>(&self, paths: impl IntoIterator<Item = &'p PathBuf>) -> Footprint {
        let Some(git) = &self.git else { return Footprint::new() };
        let look = |path: &PathBuf| {
            let data = std::fs::symlink_metadata(git.repo.top().join(path)).ok()?;
            Some((data.len(), data.modified().ok()?))
        };
        paths.into_iter().map(|path| (path.clone(), look(path))).collect()
    }

    /// What the turn changed and could not commit, because it was dirty before: the turn would look idle.
    pub(super) fn tell_of_uncommitted(&mut self, met: &Footprint) {
        let now = self.look_at(met.keys());
        let changed = met.iter().filter(|(path, before)| now.get(*path) != Some(before));
        let names: Vec<String> = changed.map(|(path, _)| path_text(path)).collect();
        if !names.is_empty() {
            let text =
                format!("changed, and left uncommitted as it was before the turn: {}", shorten(&names));
            self.say(Fact::Notice { text });
        }
    }

    /// Counts turns in a row that changed nothing.
    pub(super) fn note_progress(
        &mut self,
        before: Option<&Footprint>,
        committed: bool,
    ) -> Result<(), LoopError> {
        let Some(before) = before else { return Ok(()) };
        let changed = committed || self.footprint()?.as_ref() != Some(before);
        self.spent.idle_turns = if changed { 0 } else { self.spent.idle_turns + 1 };
        Ok(())
    }
}

/// Ends an attempt when a budget is used up under it, and passes on the wish to stop.
pub(super) struct Watch<'w> {
    outer: &'w Stop,
    own: Stop,
    clock: &'w dyn Clock,
    budget: &'w Budget,
    spent: Cell<Spent>,
    /// When the time of the whole run is up.
    ends: Option<Duration>,
    over: Cell<Option<Reached>>,
    /// The agent has given its result: it ends by itself.
    done: Cell<bool>,
    bell: Notify,
}

impl<'w> Watch<'w> {
    /// `spent`: by the run before this attempt.
    pub(super) fn new(outer: &'w Stop, clock: &'w dyn Clock, budget: &'w Budget, spent: Spent) -> Self {
        let left = budget.wall_secs.map(|limit| limit.0.saturating_sub(spent.wall));
        Self {
            outer,
            own: Stop::new(),
            clock,
            budget,
            spent: Cell::new(spent),
            ends: left.map(|left| clock.mono().saturating_add(left)),
            over: Cell::new(None),
            done: Cell::new(false),
            bell: Notify::new(),
        }
    }

    /// What the attempt is to obey.
    pub(super) fn stop(&self) -> &Stop {
        &self.own
    }

    pub(super) fn hear(&self, activity: &Activity) {
        match &activity.kind {
            Kind::Usage(usage) => {
                // A run's records are totals: the last one counts, not their sum.
                self.note(used_up(self.budget, &self.spent.get().with(*usage)));
            }
            Kind::Result { .. } => self.done.set(true),
            _ => {}
        }
    }

    /// One of several processes of an attempt has ended: its totals stay.
    pub(super) fn settle(&self, usage: Option<Usage>) {
        let mut spent = self.spent.get();
        spent.add(usage);
        self.spent.set(spent);
        self.done.set(false);
        self.note(used_up(self.budget, &spent));
    }

    /// The limit that ended the attempt, if one did.
    pub(super) fn cut(&self, outcome: &Outcome) -> Option<Cut> {
        let asked = self.outer.requested().is_none() && self.own.requested().is_some();
        let ended = asked && matches!(outcome.state, Lifecycle::Interrupted { .. });
        self.over.get().filter(|_| ended).map(Cut::Limit)
    }

    fn note(&self, limit: Option<Reached>) {
        if limit.is_some() {
            self.over.set(limit);
            self.bell.notify_one();
        }
    }

    /// Runs the attempt.
    pub(super) async fn over<T>(&self, attempt: impl Future<Output = T>) -> T {
        tokio::select! {
            biased;
            ended = attempt => ended,
            never = self.pass_on() => match never {},
            never = self.by_usage() => match never {},
            never = self.by_time() => match never {},
        }
    }

    async fn pass_on(&self) -> Infallible {
        for level in 1..=2 {
            self.outer.reached(level).await;
            self.own.trigger(self.outer.wait().await);
        }
        std::future::pending().await
    }

    async fn by_usage(&self) -> Infallible {
        loop {
            self.bell.notified().await;
            tokio::time::sleep(LAST_WORDS).await;
            if !self.done.get() {
                self.end();
            }
        }
    }

    async fn by_time(&self) -> Infallible {
        let Some(ends) = self.ends else { return std::future::pending().await };
        loop {
            let left = ends.saturating_sub(self.clock.mono());
            if left.is_zero() {
                break;
            }
            tokio::time::sleep(left.min(LOOK)).await;
        }
        let limit = self.budget.wall_secs.map(|l| Reached::Wall(l.0));
        self.over.set(limit);
        self.end();
        std::future::pending().await
    }

    /// Asks once: a second time would mean at once.
    fn end(&self) {
        if self.own.requested().is_none() {
            let why = self.over.get().map_or_else(String::new, |limit| limit.words());
            self.own.trigger(StopReason::because(why));
        }
    }
}

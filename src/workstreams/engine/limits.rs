//! Who is kept away by a rate limit, as far as this run has seen it (agents.md A6).

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::catalog::{Agents, Catalog, Means};
use super::process::Ran;
use crate::agents::Roster;
use crate::agents::rate_limit::refusal;
use crate::clock::iso_seconds;
use crate::config::RateLimit as Policy;

/// An attempt that a limit ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    /// The agent, or a tool behind HTTP.
    pub who: String,
    /// Seconds since the epoch, if it was stated.
    pub resets_at: Option<i64>,
}

impl Refused {
    pub fn words(&self) -> String {
        format!("{} is rate limited{}", self.who, self.resets_at.map_or_else(String::new, until))
    }
}

/// ` until 2026-01-20T03:29:29Z`
pub(super) fn until(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map_or_else(|_| String::new(), |at| format!(" until {}", iso_seconds(at)))
}

/// What the run knows of limits.
#[derive(Debug)]
pub(super) struct Limited {
    pub policy: Policy,
    /// Until when nobody asks, milliseconds since the epoch, by agent.
    resting: RefCell<BTreeMap<String, i64>>,
}

impl Limited {
    pub fn new(policy: Policy) -> Self {
        Self { policy, resting: RefCell::default() }
    }

    /// The limit that ended an attempt, unless it counts as a failure like any other.
    pub fn refused(&self, ran: &Ran) -> Option<Refused> {
        let who = ran.by.clone().filter(|_| self.policy != Policy::Fail)?;
        Some(Refused { who, resets_at: refusal(&ran.outcome)?.resets_at })
    }

    pub fn rest(&self, who: &str, until: i64) {
        self.resting.borrow_mut().insert(who.to_owned(), until);
    }

    fn rests(&self, who: &str, now: i64) -> Option<i64> {
        self.resting.borrow().get(who).copied().filter(|until| *until > now)
    }

    /// Who of an agent and its stand-ins takes a step.
    pub fn seat(&self, roster: &Roster, now: i64) -> usize {
        if self.policy != Policy::Fallback {
            return 0;
        }
        roster.names().position(|name| self.rests(name, now).is_none()).unwrap_or(0)
    }

    /// Until when a tool is not to be asked, with all its stand-ins.
    pub fn until(&self, tool: &str, catalog: &Catalog, agents: &Agents, now: i64) -> Option<i64> {
        let Some((Means::Agent(agent), _)) = catalog.get(tool) else { return self.rests(tool, now) };
        let roster = agents.get(agent)?;
        let all = roster.names().map(|name| self.rests(name, now));
        if self.policy == Policy::Fallback {
            all.collect::<Option<Vec<i64>>>()?.into_iter().min()
        } else {
            all.into_iter().next().flatten()
        }
    }
}

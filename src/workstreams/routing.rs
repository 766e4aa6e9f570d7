//! Which tool does a step, and why (workstreams.md W14 to W16). Pure.

use serde::Serialize;

use super::breaker::{Admission, Circuit};
use super::score::{self, Candidate, Record};
use super::spec::Step;
use crate::config::{Complexity, Level, Match, RoutingRule, Strategy};

/// What a step asks of a tool.
#[derive(Debug, Clone, Copy, Default)]
pub struct Need<'a> {
    pub kind: Option<&'a str>,
    pub domain: Option<&'a str>,
    pub risk: Option<Level>,
    pub complexity: Option<Complexity>,
    /// The step names its tool.
    pub fixed: Option<&'a str>,
    /// Tools that failed at this step: taken only when no other is left.
    pub failed: &'a [String],
    /// It is done by a worker and an auditor: no command can be either.
    pub agent: bool,
    /// Taken where no rule decides.
    pub usual: Option<&'a str>,
    /// What a rate limit refused before: the same is asked again.
    pub again: Option<&'a str>,
}

impl<'a> Need<'a> {
    /// What this step asks for; `failed`: the tools that failed at it.
    pub fn of(step: &'a Step, failed: &'a [String]) -> Self {
        Self {
            kind: step.kind.as_deref(),
            domain: step.domain.as_deref(),
            risk: step.risk,
            complexity: step.complexity,
            fixed: step.tool.as_deref(),
            failed,
            agent: step.oneshot.is_some(),
            usual: None,
            again: None,
        }
    }
}

/// What a tool can do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Capability {
    pub name: String,
    /// Empty: every kind.
    pub kinds: Vec<String>,
    pub domains: Vec<String>,
    pub max_parallel: Option<u64>,
    pub safety: Option<Level>,
    /// Taken where no rule decides.
    pub listed: bool,
    /// It can be a worker.
    pub agent: bool,
    /// Why it cannot run here at all.
    pub missing: Option<String>,
}

/// How a tool is now.
#[derive(Debug, Clone, Copy, Default)]
pub struct Health {
    pub circuit: Circuit,
    pub record: Record,
    pub running: u64,
    /// Refused by a rate limit until then, milliseconds since the epoch.
    pub limited: Option<i64>,
}

/// All tools in the order of the file, the rules, and how things are.
pub struct Desk<'a> {
    pub tools: &'a [Capability],
    pub rules: &'a [RoutingRule],
    pub health: &'a dyn Fn(&str) -> Health,
    /// Where the round of a rule stands.
    pub position: &'a dyn Fn(&str) -> u64,
    /// Milliseconds since the epoch.
    pub now: i64,
}

/// What was decided, with everything it was decided by.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Decision {
    pub rule: Option<String>,
    pub strategy: &'static str,
    /// Each, and why it was dropped.
    pub candidates: Vec<(String, Option<String>)>,
    pub choice: Choice,
    /// Why this one of those that were left.
    pub reason: String,
    pub validate_with: Vec<String>,
    pub safety: Option<Level>,
    /// Where the round goes on.
    #[serde(skip)]
    pub position: Option<(String, u64)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    Take(String),
    /// All candidates are full or resting; not before this time, if it is known.
    Wait(Option<i64>),
    /// `open`: it is required, and only open circuits are in the way.
    Nobody {
        error: String,
        open: bool,
    },
}

impl Decision {
    pub fn chosen(&self) -> Option<&str> {
        if let Choice::Take(name) = &self.choice { Some(name) } else { None }
    }
}

/// Why a candidate is not taken.
enum Dropped {
    /// It never can.
    Unfit(String),
    Full(String),
    Open(String, Option<i64>),
    /// By a rate limit, until then.
    Limited(String, i64),
}

impl Dropped {
    fn words(&self) -> &str {
        let (Self::Unfit(words) | Self::Full(words) | Self::Open(words, _) | Self::Limited(words, _)) = self;
        words
    }
}

/// Decides on one step.
pub fn route(need: Need<'_>, desk: &Desk<'_>) -> Decision {
    if let Some(name) = need.fixed {
        // The person chose it: what it says of its kinds is not asked.
        let open = Need { kind: None, domain: None, ..need };
        return Round::new(open, desk, &[name.to_owned()]).decide(None, Strategy::Fixed, "the step names it");
    }
    if let Some(rule) = desk.rules.iter().find(|rule| matches(&rule.matches, need)) {
        let round = Round::new(need, desk, &rule.from);
        if rule.required || round.any_fit() {
            return round.decide(Some(rule), rule.strategy, "");
        }
    }
    if let Some(name) = need.usual {
        let open = Need { kind: None, domain: None, ..need };
        let why = "the usual one for it";
        return Round::new(open, desk, &[name.to_owned()]).decide(None, Strategy::Fixed, why);
    }
    let all: Vec<String> =
        desk.tools.iter().filter(|tool| tool.listed).map(|tool| tool.name.clone()).collect();
    Round::new(need, desk, &all).decide(None, Strategy::Fixed, "the first that can")
}

/// A rule that asks for what the step does not have does not match.
fn matches(rule: &Match, need: Need<'_>) -> bool {
    let word = |wanted: &[String], own: Option<&str>| {
        wanted.is_empty() || own.is_some_and(|own| wanted.iter().any(|w| w == own))
    };
    word(&rule.kind, need.kind)
        && word(&rule.domain, need.domain)
        && (rule.risk.is_empty() || need.risk.is_some_and(|risk| rule.risk.contains(&risk)))
        && (rule.complexity.is_empty() || need.complexity.is_some_and(|c| rule.complexity.contains(&c)))
}

struct Round<'a> {
    need: Need<'a>,
    desk: &'a Desk<'a>,
    candidates: Vec<(String, Option<Dropped>)>,
}

impl<'a> Round<'a> {
    fn new(need: Need<'a>, desk: &'a Desk<'a>, names: &[String]) -> Self {
        let look = |name: &String| (name.clone(), dropped(need, desk, name));
        Self { need, desk, candidates: names.iter().map(look).collect() }
    }

    fn any_fit(&self) -> bool {
        self.candidates.iter().any(|(_, dropped)| !matches!(dropped, Some(Dropped::Unfit(_))))
    }

    /// Places of those that are left, those that failed at this step last, and only if no other is left.
    fn usable(&self) -> Vec<usize> {
        let free = || (0..self.candidates.len()).filter(|at| self.candidates[*at].1.is_none());
        let same = free().find(|at| self.need.again == Some(self.candidates[*at].0.as_str()));
        if let Some(same) = same {
            return vec![same];
        }
        let fresh: Vec<usize> =
            free().filter(|at| !self.need.failed.contains(&self.candidates[*at].0)).collect();
        if fresh.is_empty() { free().collect() } else { fresh }
    }

    fn decide(self, rule: Option<&RoutingRule>, strategy: Strategy, why: &str) -> Decision {
        let usable = self.usable();
        let mut position = None;
        let picked = match strategy {
            Strategy::Fixed => usable.first().map(|at| (*at, why.to_owned())),
            Strategy::RoundRobin => rule.and_then(|rule| {
                let count = self.candidates.len();
                let stands = (self.desk.position)(&rule.id);
                let begin = usize::try_from(stands % u64::try_from(count.max(1)).unwrap_or(1)).unwrap_or(0);
                let at = (0..count).map(|n| (begin + n) % count).find(|at| usable.contains(at))?;
                let next = u64::try_from(at + 1).unwrap_or(0);
                position = Some((rule.id.clone(), next));
                Some((at, format!("the round stands at {}", begin + 1)))
            }),
            Strategy::Auto => {
                let of = |at: &usize| {
                    let health = (self.desk.health)(&self.candidates[*at].0);
                    Candidate { record: health.record, running: health.running }
                };
                let candidates: Vec<Candidate> = usable.iter().map(of).collect();
                score::pick(&candidates).map(|(place, why)| (usable[place], why))
            }
        };
        let (choice, reason) = match picked {
            Some((at, why)) => (Choice::Take(self.candidates[at].0.clone()), why),
            None => (self.nobody(rule), String::new()),
        };
        let safety = match &choice {
            Choice::Take(name) => self.desk.tools.iter().find(|t| t.name == *name).and_then(|t| t.safety),
            _ => None,
        };
        Decision {
            rule: rule.map(|rule| rule.id.clone()),
            strategy: match strategy {
                Strategy::Fixed => "fixed",
                Strategy::RoundRobin => "round_robin",
                Strategy::Auto => "auto",
            },
            candidates: self
                .candidates
                .into_iter()
                .map(|(name, dropped)| (name, dropped.map(|d| d.words().to_owned())))
                .collect(),
            choice,
            reason,
            validate_with: rule.map(|rule| rule.validate_with.clone()).unwrap_or_default(),
            safety,
            position,
        }
    }

    /// All were dropped.
    fn nobody(&self, rule: Option<&RoutingRule>) -> Choice {
        let dropped = || self.candidates.iter().filter_map(|(_, dropped)| dropped.as_ref());
        let full = dropped().any(|d| matches!(d, Dropped::Full(_)));
        let open = dropped().any(|d| matches!(d, Dropped::Open(..)));
        let limited = dropped().any(|d| matches!(d, Dropped::Limited(..)));
        let until = dropped()
            .filter_map(|d| match d {
                Dropped::Open(_, at) => *at,
                Dropped::Limited(_, at) => Some(*at),
                Dropped::Unfit(_) | Dropped::Full(_) => None,
            })
            .min();
        let required = rule.is_some_and(|rule| rule.required);
        if full || limited || (open && !required) {
            return Choice::Wait(until);
        }
        let named = match (self.need.fixed, rule) {
            (Some(name), _) => format!("tool {name} cannot take the step"),
            (None, Some(rule)) if required => {
                format!("rule {} is required, and none of its tools is usable", rule.id)
            }
            (None, _) => format!(
                "no tool can do kind={} domain={}",
                self.need.kind.unwrap_or("-"),
                self.need.domain.unwrap_or("-")
            ),
        };
        let whys: Vec<String> = self
            .candidates
            .iter()
            .filter_map(|(name, dropped)| Some(format!("{name}: {}", dropped.as_ref()?.words())))
            .collect();
        let error = if whys.is_empty() { named } else { format!("{named} ({})", whys.join("; ")) };
        Choice::Nobody { error, open }
    }
}

fn dropped(need: Need<'_>, desk: &Desk<'_>, name: &str) -> Option<Dropped> {
    let unfit = |words: String| Some(Dropped::Unfit(words));
    let Some(tool) = desk.tools.iter().find(|tool| tool.name == name) else {
        return unfit("there is no such tool".into());
    };
    if let Some(why) = &tool.missing {
        return unfit(why.clone());
    }
    if need.agent && !tool.agent {
        return unfit("is no agent, and a oneshot needs one".into());
    }
    let lacks = |list: &[String], own: Option<&str>| {
        own.filter(|own| !list.is_empty() && !list.iter().any(|one| one == own)).map(str::to_owned)
    };
    if let Some(kind) = lacks(&tool.kinds, need.kind) {
        return unfit(format!("does not do kind={kind}"));
    }
    if let Some(domain) = lacks(&tool.domains, need.domain) {
        return unfit(format!("does not know domain={domain}"));
    }
    if need.risk == Some(Level::High) && tool.safety != Some(Level::High) {
        return unfit("risk: high needs safety: high".into());
    }
    let health = (desk.health)(name);
    match health.circuit.admits(desk.now) {
        Admission::Yes | Admission::Trial => {}
        Admission::NotBefore(at) => return Some(Dropped::Open("its circuit is open".into(), Some(at))),
        Admission::OnTrial => return Some(Dropped::Open("its circuit is on trial".into(), None)),
    }
    if let Some(until) = health.limited.filter(|until| *until > desk.now) {
        return Some(Dropped::Limited("it is rate limited".into(), until));
    }
    match tool.max_parallel {
        Some(most) if health.running >= most.max(1) => {
            Some(Dropped::Full(format!("{} of it run already", health.running)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;

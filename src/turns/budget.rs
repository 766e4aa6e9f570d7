//! What a loop may use up, and what it has used (agents.md A9): pure.
//!
//! Totals are those of one run; with machines between, those of all since a person let them go on. What an agent does not report is not known, and counts as nothing towards a limit;
//! that it is missing is remembered, so that nobody takes a part for the whole.

use std::time::Duration;

use crate::clock::duration;
use crate::config::Budget;
use crate::supervise::Usage;
use crate::sync::hand_offs::{HandOff, How};

/// Used so far.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Spent {
    pub turns: u64,
    pub wall: Duration,
    /// Runs of an agent, router prompts included.
    pub attempts: u64,
    tokens: u64,
    cost_usd: f64,
    /// Attempts that did not say their tokens, or their cost.
    uncounted: u64,
    unpriced: u64,
    /// Turns in a row that changed nothing.
    pub idle_turns: u64,
}

/// A limit that is used up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reached {
    Turns(u64),
    Wall(Duration),
    Tokens { used: u64, limit: u64 },
    Cost { used: f64, limit: f64 },
    NoProgress(u64),
}

impl Spent {
    /// One finished attempt.
    pub fn add(&mut self, usage: Option<Usage>) {
        let tokens = usage.and_then(tokens);
        let cost = usage.and_then(|u| u.cost_usd);
        self.attempts += 1;
        self.tokens = self.tokens.saturating_add(tokens.unwrap_or(0));
        self.cost_usd += cost.unwrap_or(0.0);
        self.uncounted += u64::from(tokens.is_none());
        self.unpriced += u64::from(cost.is_none());
    }

    /// What all machines used, by their stamps (A9). A turn whose agent never ran used nothing.
    pub fn of_all(stamps: &[HandOff]) -> Self {
        let mut spent = Self::default();
        for HandOff { how, trailers, progress } in stamps {
            spent.turns += u64::from(*how != How::Interrupted);
            spent.wall += trailers.duration.unwrap_or_default();
            if trailers.exit.is_some() {
                let (input_tokens, output_tokens) = (trailers.tokens, trailers.tokens.map(|_| 0));
                let usage =
                    Usage { input_tokens, output_tokens, cached_tokens: None, cost_usd: trailers.cost };
                spent.add(Some(usage));
            }
            if *how == How::Succeeded {
                spent.idle_turns = if *progress { 0 } else { spent.idle_turns + 1 };
            }
        }
        spent
    }

    /// With what a running attempt has used so far.
    #[must_use]
    pub fn with(mut self, usage: Usage) -> Self {
        self.add(Some(usage));
        self
    }

    /// Unknown unless every attempt said it.
    pub fn cost(&self) -> Option<f64> {
        (self.attempts > 0 && self.unpriced == 0).then_some(self.cost_usd)
    }

    /// What of a budget cannot be held against the totals, in words.
    pub fn blind_spot(&self, budget: &Budget) -> Option<&'static str> {
        if budget.cost_usd.is_some() && self.unpriced > 0 {
            return Some("an agent did not report its cost: budget.cost_usd counts only what is known");
        }
        let blind = budget.tokens.is_some() && self.uncounted > 0;
        blind.then_some("an agent did not report its tokens: budget.tokens counts only what is known")
    }
}

/// Tokens in and out, if at least one of the two is known.
fn tokens(usage: Usage) -> Option<u64> {
    match (usage.input_tokens, usage.output_tokens) {
        (None, None) => None,
        (input, output) => Some(input.unwrap_or(0).saturating_add(output.unwrap_or(0))),
    }
}

/// The first limit that is used up: no further turn may begin.
pub fn reached(budget: &Budget, spent: &Spent) -> Option<Reached> {
    if let Some(limit) = budget.turns.filter(|limit| spent.turns >= *limit) {
        return Some(Reached::Turns(limit));
    }
    if let Some(limit) = budget.wall_secs.filter(|limit| spent.wall >= limit.0) {
        return Some(Reached::Wall(limit.0));
    }
    if let Some(limit) = budget.no_progress_turns.filter(|n| *n > 0 && spent.idle_turns >= *n) {
        return Some(Reached::NoProgress(limit));
    }
    used_up(budget, spent)
}

/// The limits that a running turn can use up by what its agent reports.
pub fn used_up(budget: &Budget, spent: &Spent) -> Option<Reached> {
    if let Some(limit) = budget.tokens.filter(|limit| spent.tokens >= *limit) {
        return Some(Reached::Tokens { used: spent.tokens, limit });
    }
    let limit = budget.cost_usd.filter(|limit| spent.cost_usd >= *limit)?;
    Some(Reached::Cost { used: spent.cost_usd, limit })
}

/// What is left, for people and agents; nothing where there is no limit.
pub fn left(budget: &Budget, spent: &Spent) -> Vec<String> {
    let mut out = Vec::new();
    if let Some(limit) = budget.turns {
        out.push(counted(limit.saturating_sub(spent.turns), "turn"));
    }
    if let Some(limit) = budget.wall_secs {
        out.push(duration(limit.0.saturating_sub(spent.wall)));
    }
    if let Some(limit) = budget.tokens {
        let known = if spent.uncounted > 0 { " (of what is known)" } else { "" };
        out.push(format!("{}{known}", counted(limit.saturating_sub(spent.tokens), "token")));
    }
    if let Some(limit) = budget.cost_usd {
        let known = if spent.unpriced > 0 { " (of what is known)" } else { "" };
        out.push(format!("${:.2}{known}", (limit - spent.cost_usd).max(0.0)));
    }
    out
}

fn counted(n: u64, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

impl Reached {
    /// The key that set the limit.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Turns(_) => "budget.turns",
            Self::Wall(_) => "budget.wall_secs",
            Self::Tokens { .. } => "budget.tokens",
            Self::Cost { .. } => "budget.cost_usd",
            Self::NoProgress(_) => "budget.no_progress_turns",
        }
    }

    /// Name of the limit, the limit, and what was used of it.
    pub fn numbers(&self) -> (&'static str, f64, f64) {
        #[expect(clippy::cast_precision_loss, reason = "for display; whole up to 2^53")]
        let float = |n: u64| n as f64;
        let name = self.key().trim_start_matches("budget.");
        match self {
            Self::Turns(n) | Self::NoProgress(n) => (name, float(*n), float(*n)),
            Self::Wall(limit) => (name, limit.as_secs_f64(), limit.as_secs_f64()),
            Self::Tokens { used, limit } => (name, float(*limit), float(*used)),
            Self::Cost { used, limit } => (name, *limit, *used),
        }
    }

    /// `budget.turns reached: 3 turns`
    pub fn words(&self) -> String {
        let what = match self {
            Self::Turns(n) => counted(*n, "turn"),
            Self::Wall(limit) => duration(*limit),
            Self::Tokens { used, limit } => format!("{used} of {limit} tokens"),
            Self::Cost { used, limit } => format!("${used:.2} of ${limit:.2}"),
            Self::NoProgress(n) => format!("{} without any change", counted(*n, "turn")),
        };
        format!("{} reached: {what}", self.key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::duration::Secs;
    use crate::sync::message::Trailers;

    fn spent(turns: u64, secs: u64, usage: &[Usage], idle: u64) -> Spent {
        let wall = Duration::from_secs(secs);
        let mut spent = Spent { turns, wall, idle_turns: idle, ..Spent::default() };
        for one in usage {
            spent.add(Some(*one));
        }
        spent
    }

    fn used(input: u64, output: u64, cost: Option<f64>) -> Usage {
        let (input_tokens, output_tokens) = (Some(input), Some(output));
        Usage { input_tokens, output_tokens, cached_tokens: None, cost_usd: cost }
    }

    fn key(budget: &Budget, spent: &Spent) -> Option<&'static str> {
        reached(budget, spent).map(|r| r.key())
    }

    /// A9: each of them stops at its limit and not before.
    #[test]
    fn each_limit_is_reached_at_its_value() {
        let none = Budget::default();
        let much = spent(999, 999_999, &[used(1 << 40, 1, Some(1e9))], 99);
        assert_eq!(key(&none, &much), None);
        let turns = Budget { turns: Some(3), ..none.clone() };
        assert_eq!(key(&turns, &spent(2, 0, &[], 0)), None);
        assert_eq!(key(&turns, &spent(3, 0, &[], 0)), Some("budget.turns"));
        let wall = Budget { wall_secs: Some(Secs::new(60)), ..none.clone() };
        assert_eq!(key(&wall, &spent(9, 59, &[], 0)), None);
        assert_eq!(key(&wall, &spent(0, 60, &[], 0)), Some("budget.wall_secs"));
        let tokens = Budget { tokens: Some(100), ..none.clone() };
        assert_eq!(key(&tokens, &spent(0, 0, &[used(90, 9, None)], 0)), None);
        assert_eq!(
            key(&tokens, &spent(0, 0, &[used(60, 30, None), used(5, 5, None)], 0)),
            Some("budget.tokens")
        );
        let cost = Budget { cost_usd: Some(0.5), ..none.clone() };
        assert_eq!(key(&cost, &spent(0, 0, &[used(0, 0, Some(0.49))], 0)), None);
        assert_eq!(key(&cost, &spent(0, 0, &[used(0, 0, Some(0.25)); 2], 0)), Some("budget.cost_usd"));
        let stall = Budget { no_progress_turns: Some(2), ..none };
        assert_eq!(key(&stall, &spent(9, 0, &[], 1)), None);
        assert_eq!(key(&stall, &spent(9, 0, &[], 2)), Some("budget.no_progress_turns"));
    }

    /// A5, A9: what is unknown is unknown, and is said to be.
    #[test]
    fn unknown_is_not_zero() {
        let budget = Budget { cost_usd: Some(1.0), tokens: Some(10), ..Budget::default() };
        assert_eq!(Spent::default().cost(), None);
        let known = spent(1, 0, &[used(1, 1, Some(0.25))], 0);
        assert_eq!((known.cost(), known.blind_spot(&budget)), (Some(0.25), None));
        assert_eq!(left(&budget, &known), ["8 tokens", "$0.75"]);
        let mut partly = known;
        partly.add(None);
        assert_eq!(partly.cost(), None);
        assert!(partly.blind_spot(&budget).unwrap().contains("cost_usd"));
        assert_eq!(left(&budget, &partly), ["8 tokens (of what is known)", "$0.75 (of what is known)"]);
    }

    /// A9: what all machines handed off; a turn that never ran its agent cost nothing, one given back is no turn.
    #[test]
    fn hand_offs_add_up() {
        let one = |how, secs: u64, tokens, cost, progress| {
            let duration = Some(Duration::from_secs(secs));
            let exit = Some("exit status 0".to_owned());
            HandOff {
                how,
                trailers: Trailers { exit, duration, tokens, cost, ..Trailers::default() },
                progress,
            }
        };
        let ran = [
            one(How::Succeeded, 60, Some(100), Some(0.5), true),
            one(How::Failed, 30, Some(50), Some(0.25), false),
            one(How::Interrupted, 10, Some(5), Some(0.125), false),
            one(How::Succeeded, 1, Some(1), Some(0.0), false),
        ];
        let spent = Spent::of_all(&ran);
        assert_eq!((spent.turns, spent.wall, spent.idle_turns), (3, Duration::from_secs(101), 1));
        assert_eq!((spent.tokens, spent.cost()), (156, Some(0.875)));
        let not_run = HandOff { how: How::Failed, trailers: Trailers::default(), progress: false };
        assert_eq!(Spent::of_all(&[not_run]).attempts, 0);
        let silent = one(How::Succeeded, 1, None, None, true);
        assert_eq!(Spent::of_all(&[silent]).cost(), None, "unknown, not 0");
    }

    /// A9: no turns without progress is no limit; a running attempt counts with what it has used.
    #[test]
    fn zero_and_what_runs() {
        let off = Budget { no_progress_turns: Some(0), ..Budget::default() };
        assert_eq!(reached(&off, &spent(9, 0, &[], 9)), None);
        let tokens = Budget { tokens: Some(100), ..Budget::default() };
        let before = spent(1, 0, &[used(60, 0, None)], 0);
        assert_eq!(used_up(&tokens, &before), None);
        let running = before.with(used(30, 10, None));
        assert_eq!(used_up(&tokens, &running), Some(Reached::Tokens { used: 100, limit: 100 }));
        let mut silent = running;
        assert_eq!(silent.blind_spot(&tokens), None);
        silent.add(None);
        assert!(silent.blind_spot(&tokens).unwrap().contains("budget.tokens"));
    }

    #[test]
    fn a_reached_limit_has_numbers() {
        let numbers = [
            Reached::Turns(3),
            Reached::Wall(Duration::from_secs(90)),
            Reached::Tokens { used: 12, limit: 10 },
            Reached::Cost { used: 0.5, limit: 0.25 },
            Reached::NoProgress(2),
        ]
        .map(|r| r.numbers());
        assert_eq!(
            numbers,
            [
                ("turns", 3.0, 3.0),
                ("wall_secs", 90.0, 90.0),
                ("tokens", 10.0, 12.0),
                ("cost_usd", 0.25, 0.5),
                ("no_progress_turns", 2.0, 2.0),
            ]
        );
    }

    #[test]
    fn a_reached_limit_names_its_key() {
        let words = [
            Reached::Turns(1),
            Reached::Wall(Duration::from_secs(7200)),
            Reached::Tokens { used: 12, limit: 10 },
            Reached::Cost { used: 0.5, limit: 0.25 },
            Reached::NoProgress(2),
        ]
        .map(|r| r.words());
        assert_eq!(
            words,
            [
                "budget.turns reached: 1 turn",
                "budget.wall_secs reached: 2h00m",
                "budget.tokens reached: 12 of 10 tokens",
                "budget.cost_usd reached: $0.50 of $0.25",
                "budget.no_progress_turns reached: 2 turns without any change",
            ]
        );
    }

    /// A9: what the record of a reached limit holds: its name, its value, and what was used.
    #[test]
    fn a_reached_limit_in_numbers() {
        let cases = [
            (Reached::Turns(3), ("turns", 3.0, 3.0)),
            (Reached::Wall(Duration::from_millis(1500)), ("wall_secs", 1.5, 1.5)),
            (Reached::Tokens { used: 12, limit: 10 }, ("tokens", 10.0, 12.0)),
            (Reached::Cost { used: 0.5, limit: 0.25 }, ("cost_usd", 0.25, 0.5)),
            (Reached::NoProgress(2), ("no_progress_turns", 2.0, 2.0)),
        ];
        for (reached, numbers) in cases {
            assert_eq!(reached.numbers(), numbers);
        }
    }

    /// A9: what is left is told for each limit there is, also while a turn runs, and never below zero.
    #[test]
    fn what_is_left_of_each_limit() {
        let budget = Budget {
            turns: Some(4),
            wall_secs: Some(Secs::new(90)),
            tokens: Some(10),
            cost_usd: Some(1.0),
            ..Budget::default()
        };
        let begun = spent(3, 60, &[used(4, 4, Some(0.25))], 0);
        assert_eq!(left(&budget, &begun), ["1 turn", "30s", "2 tokens", "$0.75"]);
        let running = begun.with(used(4, 1, Some(0.5)));
        assert_eq!(left(&budget, &running), ["1 turn", "30s", "0 tokens", "$0.25"]);
        assert_eq!(used_up(&budget, &running).map(|r| r.key()), Some("budget.tokens"));
        assert_eq!(
            begun.with(Usage::default()).blind_spot(&budget).map(|words| words.len() > 10),
            Some(true)
        );
        assert_eq!(left(&Budget::default(), &running), Vec::<String>::new());
    }
}

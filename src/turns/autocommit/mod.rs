//! What a turn left uncommitted: sorted into groups, committed, or left and named (T22 to T26).
//!
//! [`plan`] decides, from values alone; [`run`] commits what the plan says. Neither knows the
//! configuration's files: the caller builds [`Rules`] from them.

mod plan;
mod rules;
mod run;
mod verdict;

#[cfg(test)]
mod tests;

pub use plan::{Left, Plan, Planned, Scope, Why, plan};
pub use rules::{BadGlob, GroupRule, Rules};
pub use run::{Committed, inspect, prepare, run, scan};
pub use verdict::{Verdict, after_turn, before_claim};

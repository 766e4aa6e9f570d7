//! Auto-commit: keeps the tree clean between turns and keeps the work (turns.md §5).
//!
//! [`plan`](plan::plan) decides from values; [`run`](run::run) looks, asks it and commits.

pub mod plan;
pub mod run;
mod secrets;

pub use plan::{Plan, Rules, leftovers};
pub use run::{Commits, Turn, look, run, steering};

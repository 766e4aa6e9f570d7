//! Runs a user's command on an event (interface.md I11).
//!
//! A hook is told, it does not decide: it runs beside the loop, a slow or failing one holds nobody and its failure is
//! one more event. [`bind`] gives the two ends: [`Hooks`] hears events where they are emitted, [`Runner`] runs the
//! commands for as long as the run lives.

mod alias;
mod runner;

pub use alias::{name, point_of};
pub use runner::{Hooks, Runner, bind};

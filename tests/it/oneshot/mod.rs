//! Worker and auditor as real processes, and the program killed under them.

mod commands;
mod endings;
mod kill;
mod page;
mod real;
mod recovery;
mod signals;
mod steps;
pub mod table;
mod turn;
mod verdicts;

//! The program as a person starts it: real processes, real git, an empty environment.

mod agent_history;
mod autocommit;
mod commands;
mod crash;
pub mod project;
mod refusals;
mod sequences;
mod signals;
mod stopping;

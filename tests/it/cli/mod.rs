//! The program as a person starts it: real processes, real git, an empty environment.

mod agent_history;
mod agents;
mod autocommit;
mod commands;
mod consent;
mod crash;
mod interrupt;
pub mod project;
mod refusals;
mod secrets;
mod sequences;
mod signals;
mod start_folder;
mod stopping;
mod supervised;

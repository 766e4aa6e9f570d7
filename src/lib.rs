//! `orchestrator` lets coding agents take turns on a repository.
//!
//! # Theory of operation
//!
//! A **turn** is one run of one prompt by one agent. The loop in [`turns`] claims a turn in the
//! state file, routes a prompt, runs it through [`agents`] and [`supervise`], commits what the
//! agent left and stamps the outcome. What decides is pure (no file, clock, process or network);
//! the shell around it does what the decision says. Facts travel as one closed [`event`] enum.
//!
//! Rooms, in the order in which one may use another: a room uses only those listed after it.
//! `tests/house.rs` holds this line against the `use crate::` lines.

#[cfg(windows)]
compile_error!(
    "orchestrator runs on Linux and macOS only: it relies on sessions, process groups and signals"
);

pub mod cli;

pub mod hooks;
pub mod ui;

pub mod turns;
pub mod workstreams;

pub mod oneshot;

pub mod sync;

pub mod agents;

pub mod supervise;

pub mod ledger;

pub mod control;

pub mod config;
pub mod state;

pub mod event;

pub mod clock;
pub mod ids;

//! The turn protocol under a hostile world, simulated: many machines in one process, one seed per
//! schedule, the shipped state machines and nothing of git. `plans/turn-protocol.md` tells what
//! is promised; here every promise is checked after every step.
//!
//! A seed that fails is printed. To see what happened:
//!
//! ```text
//! SIM_SEED=4711 cargo test --test sim replay -- --nocapture
//! ```
//!
//! `SIM_SEEDS=n` runs another number of schedules, `SIM_FROM=n` begins with another seed.

#![expect(clippy::unwrap_used, reason = "a simulation that cannot go on has to stop")]

mod agent;
mod broken;
mod build;
mod check;
mod forge;
mod ground;
mod jobs;
mod life;
mod node;
mod old;
mod people;
mod plan;
mod rng;
mod search;
mod server;
mod shell;
mod sight;
mod store;
mod tests;
mod watch;
mod world;

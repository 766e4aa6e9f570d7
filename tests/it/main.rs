//! The integration tests, as one binary.

#![expect(clippy::unwrap_used, reason = "a test helper that cannot go on fails the test")]

mod agent_http;
mod batch;
mod browser;
mod campaign;
mod cli;
mod day;
mod ledger;
mod limits;
mod oneshot;
mod prompts;
mod real;
mod remote;
mod role;
mod security;
#[cfg(feature = "web")]
mod serve;
mod supervise;
#[cfg(feature = "tui")]
mod watch;
mod workstream;

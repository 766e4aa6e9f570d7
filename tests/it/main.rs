//! The integration tests, as one binary.

#![expect(clippy::unwrap_used, reason = "a test helper that cannot go on fails the test")]

mod agent_http;
mod batch;
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
mod supervise;
mod workstream;

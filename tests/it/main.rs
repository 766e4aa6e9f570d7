//! The integration tests, as one binary.

#![expect(clippy::unwrap_used, reason = "a test helper that cannot go on fails the test")]

mod batch;
mod cli;
mod ledger;
mod oneshot;
mod real;
mod remote;
mod supervise;

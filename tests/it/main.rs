//! The integration tests, as one binary.

#![expect(clippy::unwrap_used, reason = "a test helper that cannot go on fails the test")]

mod agent_http;
mod cli;
mod limits;
mod prompts;
mod supervise;

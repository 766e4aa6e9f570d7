//! The transports against real servers on loopback: one contract for all of them, races, and what
//! goes wrong (git-sync.md G12, G15, G18 to G22).

mod contract;
mod drive;
mod faults;
pub mod ground;
pub mod http;
pub mod inetd;
mod probe;
mod races;
mod site;
mod wrecks;

/// Repetitions of the long tests; `ORCHESTRATOR_TEST_SCALE=10` runs the whole number.
pub fn scale() -> u32 {
    std::env::var("ORCHESTRATOR_TEST_SCALE").ok().and_then(|s| s.parse().ok()).unwrap_or(1)
}

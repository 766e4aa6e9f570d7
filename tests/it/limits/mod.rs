//! What ends or holds up a loop: rate limits, stand-ins, budgets. Real processes, injected time.

pub mod bench;
mod budgets;
mod rate_limits;
mod stand_ins;

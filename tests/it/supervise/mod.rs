//! The supervisor with real processes.

mod ends;
mod hang;
pub mod harness;
pub use harness::{fake_agent, times};

//! The supervisor with real processes.

mod ends;
mod hang;
mod harness;
mod limits;
mod logs;
mod pty;
mod records;
mod secrets;
mod signals;
mod spawn;
mod survivors;
mod volume;

pub use harness::{fake_agent, of_project, times};

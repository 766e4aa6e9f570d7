//! The supervisor with real processes.

mod ends;
mod hang;
mod harness;
mod limits;
mod logs;
mod namespace;
mod pty;
mod records;
mod secrets;
mod signals;
mod spawn;
mod survivors;
pub mod terminal;
mod volume;

pub use harness::{example, fake_agent, lives, of_project, times, until};
pub use terminal::Terminal;

//! A request to a server as a tool (workstreams.md W18).
//!
//! It runs like every other tool: as a child under the supervisor, so that limits, kill, logs and masking are the same.
//! The child is this program itself with a hidden command: it takes a [`Call`] on stdin, sends it, writes outputs and
//! prints records as an agent behind HTTP does. Secrets are named in the call (`${NAME}`) and looked up by the child
//! alone, so that no value stands in a process table, a log or the ledger.
//!
//! `plan` is pure; only `talk` touches the network.

mod plan;
#[cfg(feature = "http")]
mod talk;

pub use plan::{Call, Part, body, filled, plan};
#[cfg(feature = "http")]
pub use talk::{Ended, talk};

/// The hidden command of this program.
pub const COMMAND: &str = "tool-http";

/// Exit codes of the child: another try may help, or would be refused too.
pub const FAILED: u8 = 3;
pub const REFUSED: u8 = 2;

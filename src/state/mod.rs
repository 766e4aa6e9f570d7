//! The state file: whose turn it is (`sync/state.json`).
//!
//! [`parse`](State::parse) and [`render`](State::render) keep what they do not know, byte for byte;
//! [`transition()`] is the only way from one state to the next; [`file`] is the only code that
//! touches the disk. No git, no configuration and no policy may enter here.

mod error;
pub mod file;
mod import;
mod model;
mod parse;
mod render;
mod transition;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_edges;

pub use error::{FieldProblem, StateError};
pub use import::{ImportError, import};
pub use model::{Holder, State, Status, Turn};
pub use transition::{Event, IllegalTransition, LEASE_SECS, NewTurn, transition};

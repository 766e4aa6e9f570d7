//! The terminal view (interface.md I6): one screen that says who has the turn, since when, whether it is healthy and
//! what it does now. It reads the ledger, the state file and the sockets of live runs; it is told of no run.
//!
//! - `sight`: what there is to see. `source` reads it, `gather` makes it of rows, `choose` says what is shown.
//! - `app`, `update`: the view and what an input makes of it. `mood`, `words`, `text`, `theme`, `render`: a frame.
//!   All of these are pure: a frame is a function of the state and the size.
//! - `screen`: the terminal's modes, and how they are restored. `drive`: the threads and the one channel.

mod app;
mod choose;
mod drive;
mod gather;
mod mood;
mod render;
mod screen;
mod sight;
mod source;
mod text;
mod theme;
mod update;
mod words;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

pub use app::Wish;
pub use drive::{Leave, Watch, watch};
pub use screen::{Screen, is_terminal};
pub use source::{Mask, Places};
pub use update::Input;

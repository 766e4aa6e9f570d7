//! The socket of a live run (supervision.md P18): others ask what runs, and ask it to end.
//!
//! The run keeps a [`Board`] of what it is doing and opens a [`Server`] for it, which answers on a thread of its
//! own: no client, however slow or hostile, holds the run, and a run that is busy with something else still
//! answers. [`client`] is the other end. What is said is in `message`, who is meant by a name in `target`; both are
//! pure. Nothing here knows what a turn is or how a process is ended: the run says how with a closure.

mod board;
pub mod client;
mod message;
mod place;
mod server;
mod target;

pub use self::board::{Asked, AttemptInfo, Board, CANCELED, LiveAttempt};
pub use self::client::{AskError, LiveRun, live, sweep};
pub use self::message::{AttemptStatus, LONGEST_REQUEST, Reply, Request, RunInfo, Status};
pub use self::place::folder;
pub use self::server::{OpenError, Server};
pub use self::target::{NoTarget, Target, resolve};

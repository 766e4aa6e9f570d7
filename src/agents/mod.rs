//! Agents as data: which one runs a prompt, its command line, and the embedded `shell` agent.
//!
//! `table`, `dispatch`, `command` and `blocks` are pure. `runner` hands the result to the
//! supervisor, `output` reads what it prints. No agent's name may stand anywhere but in the table.

mod blocks;
mod command;
mod discover;
mod dispatch;
pub mod output;
mod refusals;
mod runner;
mod table;
mod version;

pub use blocks::{Block, BlockError, blocks};
pub use command::{MAX_ARG_BYTES, fill};
pub use discover::{AgentError, Ready, find_on_path, ready};
pub use dispatch::{Choice, Dispatch, DispatchError};
pub use refusals::remedy;
pub use runner::{Job, run_agent};
pub use table::{Agent, SHELL, Table, store_of};
pub use version::version;

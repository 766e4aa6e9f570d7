//! Agents as data: which one runs a prompt, its command line, and the embedded `shell` agent.
//!
//! `table`, `dispatch`, `command`, `blocks`, `fallback`, `rate_limit` and `usage` are pure. `runner` hands the result
//! to the supervisor, `output` reads what it prints; `http` is an agent of our own: a model behind HTTP. No agent's
//! name may stand anywhere but in the table.

mod blocks;
mod command;
mod discover;
mod dispatch;
mod fallback;
pub mod http;
mod login;
pub mod output;
pub mod rate_limit;
mod refusals;
mod roster;
mod runner;
mod shown;
mod table;
mod tool_line;
mod usage;
mod version;

pub use blocks::{Block, BlockError, blocks};
pub use command::{MAX_ARG_BYTES, fill};
pub use discover::{AgentError, Ready, find_on_path, ready};
pub use dispatch::{Choice, Dispatch, DispatchError};
pub use fallback::{check as check_fallbacks, is_missing};
pub use login::{login_missing, older, refuses_root};
pub use refusals::remedy;
pub use roster::{Roster, roster};
pub use runner::{Job, run_agent};
pub use shown::{note, shown};
pub use table::{Agent, SHELL, Table, store_of};
pub use tool_line::tool_line;
pub use usage::together;
pub use version::version;

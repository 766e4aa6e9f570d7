//! The galph/ralph loop: whose turn it is, which prompt runs, what is kept of it.
//!
//! `workflow`, `router`, `context`, `budget`, `simulate`, `words`, `holding`, `recap` and `autocommit::plan` are pure;
//! [`engine`] takes the turns and does what they say.

pub mod autocommit;
pub mod budget;
pub mod context;
pub mod engine;
pub mod find_logs;
pub mod holding;
pub mod lock;
pub mod logs;
pub mod old_logs;
pub mod orders;
pub mod prompt_name;
pub mod recap;
pub mod router;
pub mod settings;
pub mod shipped;
pub mod simulate;
pub mod state_lock;
pub mod stop_request;
mod summary;
pub mod waiting;
pub mod words;
pub mod workflow;

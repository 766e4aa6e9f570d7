//! The galph/ralph loop: whose turn it is, which prompt runs, what is kept of it.
//!
//! `workflow`, `router`, `context` and `words` are pure; `turn` and `combined` do what they say.

pub mod autocommit;
pub mod context;
pub mod lock;
pub mod logs;
pub mod prompt_name;
pub mod router;
pub mod shipped;
pub mod stop_request;
pub mod words;
pub mod workflow;

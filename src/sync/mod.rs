//! How machines agree through a git repository: the local half and what is kept beside it.
//!
//! [`worktree`] is everything done to the local repository; [`message`] is the language of the
//! commits; [`journal`], [`seen`] and [`memory`] are this clone's memory in `.orchestrator/`. Nothing here
//! knows a prompt, an agent's output or a terminal.

mod atomic;
pub mod journal;
pub mod memory;
pub mod message;
pub mod seen;
pub mod worktree;

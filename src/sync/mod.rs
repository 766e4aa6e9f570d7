//! How machines agree through a git repository, whose ref update is the only arbiter.
//!
//! [`protocol`] and [`lease`] decide, purely, who takes a turn; no shell drives them yet but the
//! simulator's. [`worktree`] is everything done to the local repository; [`message`] is the language
//! of the commits; [`journal`], [`seen`] and [`memory`] are this clone's memory in
//! `.orchestrator/`. Nothing here knows a prompt, an agent's output or a terminal.

pub(crate) mod atomic;
pub mod journal;
pub mod lease;
pub mod memory;
pub mod message;
pub mod protocol;
pub mod seen;
pub mod worktree;

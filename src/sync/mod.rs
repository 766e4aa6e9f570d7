//! How machines agree through a git repository, whose ref update is the only arbiter.
//!
//! [`protocol`] and [`lease`] decide, purely, who takes a turn; [`driver`] does what they say.
//! [`remote`] reaches the other repository; [`worktree`] is everything done to this one; [`message`]
//! is the language of the commits; [`journal`], [`seen`] and [`memory`] are this clone's memory in
//! `.orchestrator/`; [`audit`] judges a history afterwards. Nothing here knows a prompt, an agent's output or a terminal.

pub(crate) mod atomic;
pub mod audit;
pub mod driver;
pub mod hand_offs;
pub(crate) mod hold;
pub mod journal;
pub mod lease;
pub mod memory;
pub mod message;
pub mod protocol;
pub mod remote;
pub mod seen;
pub mod worktree;

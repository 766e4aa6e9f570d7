//! Git: state commits, the journal, and what agents did to the repository.
//!
//! `message` is pure. [`worktree`] works on the local repository through libgit2, which runs no
//! hooks, filters or fsmonitor of the repository (git-sync.md G22). Nothing here knows an agent.

pub mod journal;
pub mod message;
pub mod seen;
pub mod store;
pub mod worktree;

//! The local repository and its working tree, through libgit2.
//!
//! `repo` opens and looks; `state_commit` makes commits without index or working tree; `dirty`
//! lists what is uncommitted; `files` commits exactly the files it is told; `agent_work` judges
//! and keeps what an agent did.

mod agent_work;
mod dirty;
mod error;
mod files;
mod locks;
mod preflight;
mod repo;
mod state_commit;

pub use agent_work::{AgentWork, Change};
pub use dirty::{Dirty, DirtyKind};
pub use error::GitError;
pub use preflight::PreflightError;
pub use repo::{DiffStat, Head, Repo};

#[cfg(test)]
mod tests;

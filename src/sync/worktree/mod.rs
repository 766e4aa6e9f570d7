//! The local repository: state commits, the work of an agent, and what is in their way.
//!
//! Everything goes through libgit2, which runs no hooks, no external filters and no file system
//! monitor; nothing here opens a network connection, signs, or waits on a terminal. State commits
//! are built from trees, without index or working tree, so that their cost does not grow with the
//! number of files.

mod commit;
mod cut_move;
mod dirty;
mod error;
mod file;
mod head;
mod history;
mod leave;
mod line;
mod linked;
mod locks;
mod open;
mod owner;
mod past;
mod path;
mod preflight;
mod put;
mod replay;
mod rescue;
mod sanitize;
pub mod secrets;
mod stage;
mod sweep;
mod tree;

#[cfg(test)]
pub(crate) mod tests;

pub use dirty::{Dirty, Kind};
pub use error::{GitError, trust};
pub use git2::Oid;
pub use head::Head;
pub use history::{CommitLine, DiffStat};
pub use line::{LineCommit, StateChange};
pub use linked::Kept;
pub use open::{Identity, PRIVATE_DIR, Repo};
pub use owner::LockOwner;
pub(in crate::sync) use owner::holder_of;
pub use past::EndedTurn;
pub use path::{path_from_text, path_text};
pub use preflight::{Operation, PreflightError};
pub use replay::Replayed;
pub use rescue::{RESCUE_PREFIX, Rescued, merge_command};
pub use sanitize::Sanitized;
pub use sweep::OldWorktree;

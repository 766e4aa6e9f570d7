//! What git refuses or cannot do.

use std::path::PathBuf;

/// A git operation that did not work.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    #[error("no git repository at or above {path}", path = .0.display())]
    NoRepository(PathBuf),
    #[error("{path} is a bare repository: there is no working tree", path = .0.display())]
    Bare(PathBuf),
    #[error("{path} is not inside the repository at {top}", path = .path.display(), top = .top.display())]
    Outside { path: PathBuf, top: PathBuf },
    #[error("{doing}: {message}")]
    Git { doing: &'static str, message: String },
    #[error("{path}: {source}", path = .path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("branch {branch} moved while the turn was being recorded")]
    Moved { branch: String },
    #[error("files in the way: {}", .0.join(", "))]
    InTheWay(Vec<String>),
}

/// Names what was being done when libgit2 refused.
pub(super) fn doing(what: &'static str) -> impl Fn(git2::Error) -> GitError {
    move |e| GitError::Git { doing: what, message: e.message().to_owned() }
}

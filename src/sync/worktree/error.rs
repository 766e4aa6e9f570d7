//! What can go wrong with the local repository.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use git2::{ErrorCode, Oid};

use super::path::path_text;

/// A failed operation on the local repository.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    #[error("no git repository in {} or above", path.display())]
    NoRepository { path: PathBuf },
    #[error("the repository {} is bare", path.display())]
    Bare { path: PathBuf },
    #[error("{} is not inside the repository {}", path.display(), top.display())]
    Outside { path: PathBuf, top: PathBuf },
    #[error("{reference} is at {}, not at {}", name(*now), name(*expected))]
    Moved { reference: String, expected: Option<Oid>, now: Option<Oid> },
    #[error("{} stayed locked for {} ms", path.display(), waited.as_millis())]
    Locked { path: PathBuf, waited: Duration },
    #[error("{head} does not descend from {claim}")]
    NotDescendant { head: Oid, claim: Oid },
    #[error("HEAD is detached")]
    Detached,
    #[error("changed files are in the way: {}", list(paths))]
    InTheWay { paths: Vec<PathBuf> },
    #[error("`{0}` cannot be part of a ref name")]
    BadRefName(String),
    #[error("access {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("store {}: {}", path_text(path), source.message())]
    Store { path: PathBuf, source: git2::Error },
    #[error("{action}: {}", source.message())]
    Git { action: &'static str, source: git2::Error },
}

fn name(id: Option<Oid>) -> String {
    id.map_or_else(|| "nothing".to_owned(), |id| id.to_string())
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|p| path_text(p)).collect::<Vec<_>>().join(", ")
}

impl GitError {
    /// What a person can do about it, where that is not obvious from the message.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoRepository { .. } => Some("run `git init`, or use --no-git".to_owned()),
            Self::Bare { .. } => Some("use a clone with a working tree".to_owned()),
            Self::Locked { path, .. } => {
                Some(format!("if no git process is running, remove {}", path.display()))
            }
            Self::Git { source, .. } if source.code() == ErrorCode::Owner => {
                Some("trust it with `git config --global --add safe.directory <path>`".to_owned())
            }
            Self::Git { source, .. } if source.message().contains("mandatory extension") => {
                Some("turn it off: `git update-index --no-split-index`, `git sparse-checkout set --no-sparse-index`".to_owned())
            }
            Self::InTheWay { .. } => Some("commit them, or move them aside, and start again".to_owned()),
            _ => None,
        }
    }

    /// Someone else holds the lock of the index or of a ref right now.
    pub(super) fn is_locked(error: &git2::Error) -> bool {
        error.code() == ErrorCode::Locked
    }
}

/// Says what was being done when libgit2 refused.
pub(super) trait Doing<T> {
    fn doing(self, action: &'static str) -> Result<T, GitError>;
}

impl<T> Doing<T> for Result<T, git2::Error> {
    fn doing(self, action: &'static str) -> Result<T, GitError> {
        self.map_err(|source| GitError::Git { action, source })
    }
}

/// `None` where libgit2 reports that there is no such thing.
pub(super) fn found<T>(result: Result<T, git2::Error>) -> Result<Option<T>, git2::Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(e) if matches!(e.code(), ErrorCode::NotFound | ErrorCode::UnbornBranch) => Ok(None),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use git2::ErrorClass;

    use super::*;

    /// I2: what a person reads, and the remedy where there is one.
    #[test]
    fn refusals_are_told_with_their_remedy() {
        let git = |code, text: &str| GitError::Git {
            action: "read the index",
            source: git2::Error::new(code, ErrorClass::Index, text),
        };
        let path = || PathBuf::from("/x/y");
        let id = Oid::from_str(&"1".repeat(40)).unwrap();
        let cases = [
            (GitError::NoRepository { path: path() }, "no git repository in /x/y or above", "--no-git"),
            (GitError::Bare { path: path() }, "the repository /x/y is bare", "working tree"),
            (
                GitError::Locked { path: path(), waited: Duration::from_millis(1500) },
                "/x/y stayed locked for 1500 ms",
                "remove /x/y",
            ),
            (
                GitError::InTheWay { paths: vec!["a.txt".into(), "b.txt".into()] },
                "changed files are in the way: a.txt, b.txt",
                "move them aside",
            ),
            (git(ErrorCode::Owner, "not owned"), "read the index: not owned", "safe.directory"),
            (
                git(ErrorCode::GenericError, "unsupported mandatory extension: 'link'"),
                "read the index: unsupported mandatory extension: 'link'",
                "--no-split-index",
            ),
            (git(ErrorCode::GenericError, "odd"), "read the index: odd", ""),
            (
                GitError::Moved { reference: "refs/heads/w".into(), expected: None, now: Some(id) },
                "refs/heads/w is at 1111111111111111111111111111111111111111, not at nothing",
                "",
            ),
            (GitError::Detached, "HEAD is detached", ""),
        ];
        for (error, words, remedy) in cases {
            assert_eq!(error.to_string(), words);
            let hint = error.hint().unwrap_or_default();
            assert!(hint.contains(remedy) && hint.is_empty() == remedy.is_empty(), "{words}: {hint}");
        }
    }

    /// Only what is really not there counts as nothing.
    #[test]
    fn absent_is_no_failure() {
        let with =
            |code| found::<u8>(Err(git2::Error::new(code, ErrorClass::Reference, "x"))).map_err(|e| e.code());
        assert_eq!(found(Ok(1)).unwrap(), Some(1));
        assert_eq!(with(ErrorCode::NotFound), Ok(None));
        assert_eq!(with(ErrorCode::UnbornBranch), Ok(None));
        assert_eq!(with(ErrorCode::Locked), Err(ErrorCode::Locked));
        assert!(GitError::is_locked(&git2::Error::new(ErrorCode::Locked, ErrorClass::Os, "x")));
    }
}

//! What can go wrong with the ledger.

use std::path::PathBuf;

use rusqlite::ErrorCode;

use super::state::IllegalMove;

/// Why the ledger did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("the ledger {path} was written by a newer program (version {found}; this one knows {known})", path = .path.display())]
    Newer { path: PathBuf, found: i64, known: i64 },
    #[error("there is no ledger at {0}")]
    Missing(PathBuf),
    /// Somebody else was first; nothing was changed.
    #[error("{what} is {now}, not {expected}", now = .now.as_deref().unwrap_or("unknown"))]
    LostRace { what: String, expected: String, now: Option<String> },
    #[error(transparent)]
    Illegal(#[from] IllegalMove),
    #[error("no run or attempt is called `{0}`")]
    Unknown(String),
    #[error("`{given}` is the {place} of several: {one}, {other}, …")]
    Ambiguous { given: String, place: &'static str, one: String, other: String },
    #[error("{0}")]
    Sql(#[from] rusqlite::Error),
    #[error("{path}: {source}", path = .path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("an event cannot be serialised: {0}")]
    Json(#[from] serde_json::Error),
    /// The writer ended before it came to this.
    #[error("the ledger's writer has ended")]
    Closed,
}

impl LedgerError {
    /// What was asked is refused for itself; the rest of a batch can be written all the same. Everything else is the
    /// file, the disk or another program.
    pub(super) fn refuses_one(&self) -> bool {
        match self {
            Self::Sql(e) => e.sqlite_error_code() == Some(ErrorCode::ConstraintViolation),
            Self::LostRace { .. }
            | Self::Illegal(_)
            | Self::Unknown(_)
            | Self::Ambiguous { .. }
            | Self::Json(_) => true,
            Self::Newer { .. } | Self::Missing(_) | Self::Io { .. } | Self::Closed => false,
        }
    }

    /// The file itself is no ledger any more.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Sql(e)
            if matches!(e.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)))
    }

    /// Another try later may well succeed, and nobody has to know.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self, Self::Sql(e)
            if matches!(e.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)))
    }
}

//! What every transport does, and the check that stands above all of them.

use std::time::Duration;

use git2::{ErrorCode, Oid, Repository};

use super::error::RemoteError;

/// One remote, reached in one way.
pub trait Remote: Send {
    /// The values of these refs, in one listing; `None` for one that is not there.
    fn list(&mut self, refs: &[&str]) -> Result<Vec<Option<Oid>>, RemoteError>;

    /// As [`Remote::list`], and brings the first ref's objects here, where they are not and where that
    /// saves a connection. Whether they came is for [`Remote::fetch`] to say.
    fn look(&mut self, refs: &[&str]) -> Result<Vec<Option<Oid>>, RemoteError> {
        self.list(refs)
    }

    /// Brings the objects of `tip`, which a listing showed at `reference`, here. No ref is written.
    fn fetch(&mut self, reference: &str, tip: Oid) -> Result<(), RemoteError>;

    /// Swaps a ref if it has the expected value. Sent once: an error leaves open whether it landed.
    fn swap(&mut self, swap: &Swap<'_>) -> Result<Swapped, RemoteError>;

    /// What the remote would let this clone do. Nothing is changed there; `reference` is what would be pushed.
    fn probe(&mut self, reference: &str) -> Result<Probe, RemoteError>;

    /// What a person should know (a stale lock was removed), said once.
    fn notices(&mut self) -> Vec<String> {
        Vec::new()
    }
}

/// What a remote would let this clone do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The branch that a clone of it checks out.
    pub default_branch: Option<String>,
    /// `Err`: why it takes no push. A hook or a protection rule may still refuse one.
    pub push: Result<(), String>,
}

/// A compare-and-swap of one ref. Two refs in one push would not be atomic (G19).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swap<'a> {
    pub reference: &'a str,
    /// `None`: the ref does not exist yet.
    pub expected: Option<Oid>,
    pub new: Oid,
}

/// What became of a swap, as far as the other side says (G12: a listing decides).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Swapped {
    Swapped,
    /// The ref had another value; which, if that was told.
    Lost {
        now: Option<Oid>,
    },
    Refused(Refusal),
}

/// A swap that trying again will not make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// A hook, a protection rule or a missing permission, in the server's words.
    Server(String),
    /// A lock file of the ref that stays (G21).
    Locked { path: std::path::PathBuf, age: Duration, why: String },
    /// The new commit does not descend from the expected one along first parents (G18).
    NotAnExtension,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Server(why) => write!(f, "refused by the remote: {why}"),
            Self::Locked { path, age, why } => {
                write!(f, "{} is in the way ({} s old, {why})", path.display(), age.as_secs())
            }
            Self::NotAnExtension => f.write_str("not sent: it does not descend from the expected commit"),
        }
    }
}

/// Whether `base` lies on the first-parent line of `new`, or is it.
///
/// Plain ancestry is not enough: a merge of the tip into some work descends from the tip and would
/// still take the branch's claims and hand-offs off its first-parent line.
pub fn extends(repo: &Repository, new: Oid, base: Oid) -> Result<bool, git2::Error> {
    if new == base {
        return Ok(true);
    }
    let mut walk = repo.revwalk()?;
    walk.simplify_first_parent()?;
    walk.push(new)?;
    // Ends the walk soon where the base is on a side line, or newer.
    match walk.hide(base) {
        Err(e) if e.code() == ErrorCode::NotFound => return Ok(false),
        other => other?,
    }
    match walk.last().transpose()? {
        Some(first) => Ok(repo.find_commit(first)?.parent_id(0).is_ok_and(|parent| parent == base)),
        None => Ok(false),
    }
}

/// Swaps the work branch, and sends nothing unless the new commit extends the expected one (G18).
pub fn swap_branch(
    remote: &mut dyn Remote,
    repo: &Repository,
    swap: &Swap<'_>,
) -> Result<Swapped, RemoteError> {
    if let Some(expected) = swap.expected
        && !extends(repo, swap.new, expected).map_err(RemoteError::here)?
    {
        return Ok(Swapped::Refused(Refusal::NotAnExtension));
    }
    remote.swap(swap)
}

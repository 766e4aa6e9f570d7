//! git2 on another repository of this machine.
//!
//! libgit2's own push to a path does not compare and silently loses updates. So the objects are
//! copied, and the ref is swapped with `reference_matching`, which compares under the ref's lock.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use git2::{ErrorCode, Oid, Repository};

use super::contract::{Probe, Refusal, Remote, Swap, Swapped};
use super::copy::copy;
use super::error::RemoteError;
use super::stale::{self, Waited};
use super::worker::{Cancel, Worker};
use crate::ids::Ids;

/// Tries of one swap: each follows a lock that came free.
const MOST_TRIES: u32 = 100;

pub(super) struct Local {
    worker: Worker<Own>,
    patience: Duration,
    notices: Vec<String>,
}

struct Own {
    here: Repository,
    there: Repository,
    ids: Arc<dyn Ids>,
}

impl Local {
    pub(super) fn new(
        git_dir: PathBuf,
        path: PathBuf,
        (silence, patience): (Duration, Duration),
        cancel: Cancel,
        ids: Arc<dyn Ids>,
    ) -> Self {
        let make = move || {
            let here = Repository::open(&git_dir).map_err(RemoteError::here)?;
            Ok(Own { here, there: open(&path)?, ids: Arc::clone(&ids) })
        };
        Self { worker: Worker::new(silence, cancel, make), patience, notices: Vec::new() }
    }
}

fn open(path: &Path) -> Result<Repository, RemoteError> {
    Repository::open(path).map_err(|e| match e.code() {
        ErrorCode::NotFound => RemoteError::NoRepository(path.display().to_string()),
        _ => RemoteError::from_git2(e, "localhost"),
    })
}

impl Remote for Local {
    fn list(&mut self, refs: &[&str]) -> Result<Vec<Option<Oid>>, RemoteError> {
        let refs: Vec<String> = refs.iter().map(|r| (*r).to_owned()).collect();
        self.worker.run(move |own, _| refs.iter().map(|name| own.value(name)).collect())
    }

    fn fetch(&mut self, _: &str, tip: Oid) -> Result<(), RemoteError> {
        self.worker.run(move |own, life| match copy(&own.there, &own.here, tip, &|| life.beat()) {
            Err(e) if e.code() == ErrorCode::NotFound => Err(RemoteError::Gone(tip.to_string())),
            other => other.map_err(|e| RemoteError::from_git2(e, "localhost")),
        })
    }

    fn swap(&mut self, swap: &Swap<'_>) -> Result<Swapped, RemoteError> {
        let (reference, expected, new) = (swap.reference.to_owned(), swap.expected, swap.new);
        let patience = self.patience;
        let (swapped, removed) = self.worker.run(move |own, life| {
            if let Some(why) = own.denied(&reference) {
                return Ok((Swapped::Refused(Refusal::Server(why)), None));
            }
            copy(&own.here, &own.there, new, &|| life.beat())
                .map_err(|e| RemoteError::from_git2(e, "localhost"))?;
            own.swap(&Swap { reference: &reference, expected, new }, patience, &|| {
                life.beat();
            })
        })?;
        self.notices
            .extend(removed.map(|lock| {
                format!("removed {}, which a killed process left in the remote", lock.display())
            }));
        Ok(swapped)
    }

    fn probe(&mut self, reference: &str) -> Result<Probe, RemoteError> {
        let reference = reference.to_owned();
        self.worker.run(move |own, _| Ok(own.probe(&reference)))
    }

    fn notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }
}

impl Own {
    fn value(&self, reference: &str) -> Result<Option<Oid>, RemoteError> {
        match self.there.refname_to_id(reference) {
            Ok(id) => Ok(Some(id)),
            Err(e) if matches!(e.code(), ErrorCode::NotFound | ErrorCode::InvalidSpec) => {
                // Not there, or the whole repository is gone: those are different.
                if self.there.path().join("HEAD").exists() {
                    Ok(None)
                } else {
                    Err(RemoteError::NoRepository(self.there.path().display().to_string()))
                }
            }
            Err(e) => Err(RemoteError::from_git2(e, "localhost")),
        }
    }

    fn probe(&self, reference: &str) -> Probe {
        let head = self.there.find_reference("HEAD").ok();
        let target = head.as_ref().and_then(|h| h.symbolic_target_bytes());
        let target = target.map(|name| String::from_utf8_lossy(name).into_owned());
        let default_branch = target.and_then(|name| name.strip_prefix("refs/heads/").map(str::to_owned));
        let unwritable = ["objects", "refs"].into_iter().find_map(|name| {
            let folder = self.there.commondir().join(name);
            let denied = rustix::fs::access(&folder, rustix::fs::Access::WRITE_OK).err()?;
            Some(format!("{}: {denied}", folder.display()))
        });
        let refused = self.denied(reference).or(unwritable);
        Probe { default_branch, push: refused.map_or(Ok(()), Err) }
    }

    /// What git's server refuses: a push to a branch whose files somebody works on.
    fn denied(&self, reference: &str) -> Option<String> {
        if self.there.is_bare() {
            return None;
        }
        let head = self.there.find_reference("HEAD").ok()?;
        let current = head.symbolic_target_bytes() == Some(reference.as_bytes());
        let allowed = self.there.config().and_then(|c| c.get_string("receive.denyCurrentBranch"));
        let allowed = allowed.is_ok_and(|v| ["ignore", "warn", "false"].contains(&v.as_str()));
        (current && !allowed)
            .then(|| format!("{reference} is checked out there; use a bare repository as remote"))
    }

    fn swap(
        &self,
        swap: &Swap<'_>,
        patience: Duration,
        alive: &dyn Fn(),
    ) -> Result<(Swapped, Option<PathBuf>), RemoteError> {
        let old = swap.expected.unwrap_or(Oid::ZERO_SHA1);
        let lock = stale::lock_of(self.there.commondir(), swap.reference);
        let mut removed = None;
        for _ in 0..MOST_TRIES {
            match self.there.reference_matching(swap.reference, swap.new, true, old, "orchestrator") {
                Ok(_) => return Ok((Swapped::Swapped, removed)),
                Err(e) if e.code() == ErrorCode::Locked => {}
                Err(e)
                    if matches!(e.code(), ErrorCode::Modified | ErrorCode::NotFound | ErrorCode::Exists) =>
                {
                    return Ok((Swapped::Lost { now: self.value(swap.reference)? }, removed));
                }
                Err(e) => return Err(RemoteError::from_git2(e, "localhost")),
            }
            let jitter = || {
                alive();
                self.ids.unit()
            };
            match stale::wait(&lock, patience, jitter) {
                Waited::Free { removed: true } => removed = Some(lock.clone()),
                Waited::Free { removed: false } => {}
                Waited::Stays { age, why } => {
                    let path = lock;
                    return Ok((Swapped::Refused(Refusal::Locked { path, age, why }), removed));
                }
            }
            // Whoever had the lock most likely moved the ref.
            let now = self.value(swap.reference)?;
            if now != swap.expected {
                return Ok((Swapped::Lost { now }, removed));
            }
        }
        Err(RemoteError::Locked { path: lock })
    }
}

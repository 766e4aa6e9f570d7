//! A move of the branch that a kill cut short is finished by the next start.
//!
//! Files come first, the branch follows. Between the two the files of another commit look like a person's
//! changes, and would keep every claim from being made. So what is to move where is noted beforehand. The note
//! stays, empty, for the same reason as the busy marker.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use git2::{Oid, Tree};

use super::error::GitError;
use super::open::Repo;
use super::tree;

const NOTE: &str = "orchestrator-move";

/// The note of a move that has begun. One that fails halfway keeps it.
pub(super) struct Noted(fs::File);

impl Noted {
    pub(super) fn over(self) {
        // One that stays does nothing: the branch is not where it begins.
        let _ = self.0.set_len(0);
    }
}

impl Repo {
    /// Says what is about to move where.
    pub(super) fn note_move(&self, branch: &str, from: Oid, to: Oid) -> Result<Noted, GitError> {
        let path = self.move_note();
        let open = OpenOptions::new().write(true).create(true).truncate(true).open(&path);
        let text = format!("{from} {to} {branch}\n");
        let note = |file: fs::File| file.write_all_at(text.as_bytes(), 0).map(|()| file);
        open.and_then(note).map(Noted).map_err(|source| GitError::Io { path, source })
    }

    /// Finishes a move that a killed run had begun, and says whether there was one. The caller holds the loop's
    /// lock. What a person changed since then stays, and the move with it.
    pub fn finish_move(&self, state: &Path) -> Result<bool, GitError> {
        let path = self.move_note();
        let text = fs::read_to_string(&path).unwrap_or_default();
        let Some((branch, from, to)) = read(&text) else { return Ok(false) };
        let head = self.head()?;
        let stands = head.branch.as_deref() == Some(branch) && head.commit == Some(from);
        let known = self.raw().find_commit(from).is_ok() && self.raw().find_commit(to).is_ok();
        let mut done = false;
        if stands && known && self.operation().is_none() {
            let (old, new) = (self.tree_of(from)?, self.tree_of(to)?);
            let changed = self.moving_paths(from, to)?;
            let dirty = self.dirty_among(changed.iter().map(PathBuf::as_path))?;
            let mut ours = BTreeSet::new();
            for path in dirty.into_iter().map(|d| d.path) {
                if self.half_moved(&path, &old, &new)? {
                    ours.insert(path);
                }
            }
            done = match self.go_to(branch, to, state, &ours, false) {
                Ok(()) => true,
                Err(GitError::InTheWay { .. }) => false,
                Err(e) => return Err(e),
            };
        }
        fs::write(&path, "").map_err(|source| GitError::Io { path, source })?;
        Ok(done)
    }

    fn move_note(&self) -> PathBuf {
        self.raw().path().join(NOTE)
    }

    /// The working file is gone, as it was, as it is to be, or the beginning of that.
    fn half_moved(&self, path: &Path, old: &Tree<'_>, new: &Tree<'_>) -> Result<bool, GitError> {
        let (old, new) = (tree::entry(old, path)?, tree::entry(new, path)?);
        let Some(stored) = self.store_file(path)? else {
            return Ok(fs::symlink_metadata(self.top().join(path)).is_err());
        };
        let id = Some(stored.entry.id);
        if id == old.map(|e| e.id) || id == new.map(|e| e.id) {
            return Ok(true);
        }
        let (Some(new), Ok(bytes)) = (new, fs::read(self.top().join(path))) else { return Ok(false) };
        Ok(self.raw().find_blob(new.id).is_ok_and(|blob| blob.content().starts_with(&bytes)))
    }
}

fn read(text: &str) -> Option<(&str, Oid, Oid)> {
    // One that was cut short itself announces nothing that was begun.
    let mut words = text.strip_suffix('\n')?.splitn(3, ' ');
    let (from, to, branch) = (words.next()?, words.next()?, words.next()?);
    Some((branch, from.parse().ok()?, to.parse().ok()?))
}

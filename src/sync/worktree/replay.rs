//! Commits that are made anew on another tip, in memory (G8, G11).
//!
//! Neither index nor working tree nor any ref is touched, so there is no half-finished rebase to
//! leave behind. The state file is always the tip's: what others' commits did to it does not count.

use std::path::{Path, PathBuf};

use git2::{Commit, ErrorCode, Index, Oid, Sort};

use super::error::{Doing, GitError};
use super::open::Repo;
use super::tree::{self, Edits, Entry};

/// What became of commits that were to lie on another tip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replayed {
    At(Oid),
    /// These files were changed on both sides.
    Conflict(Vec<PathBuf>),
    /// The two have no commit in common.
    Unrelated,
}

impl Repo {
    /// From `base` to `head` there are only plain commits, along first parents, that leave the
    /// state file alone.
    pub fn is_straight(&self, base: Oid, head: Oid, state: &Path) -> Result<bool, GitError> {
        let Some(line) = self.first_parent_line(base, head)? else { return Ok(false) };
        let held = tree::entry(&self.tree_of(base)?, state)?;
        for commit in &line {
            let tree = commit.tree().doing("read a commit")?;
            if commit.parent_count() != 1 || tree::entry(&tree, state)? != held {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The commits of `head` that neither `tip` nor any of `hidden` has, on `tip`.
    ///
    /// Those that fit as they are stay as they are. Commits that then hold nothing are dropped;
    /// work that has merges becomes one merge commit whose first parent is the tip.
    pub fn replay(&self, head: Oid, tip: Oid, hidden: &[Oid], state: &Path) -> Result<Replayed, GitError> {
        let missing = self.missing(head, tip, hidden)?;
        if missing.is_empty() {
            return Ok(Replayed::At(tip));
        }
        if hidden.is_empty() && self.is_straight(tip, head, state)? {
            return Ok(Replayed::At(head));
        }
        match self.git.merge_base(tip, head) {
            Err(e) if e.code() == ErrorCode::NotFound => return Ok(Replayed::Unrelated),
            other => other.doing("compare two commits")?,
        };
        let held = tree::entry(&self.tree_of(tip)?, state)?;
        if missing.iter().any(|c| c.parent_count() != 1) {
            return self.merge_onto(tip, head, state, held);
        }
        let mut on = tip;
        for commit in &missing {
            let parent = commit.parent(0).and_then(|p| p.tree()).doing("read a commit")?;
            let (ours, theirs) = (self.tree_of(on)?, commit.tree().doing("read a commit")?);
            let merged = self.git.merge_trees(&parent, &ours, &theirs, None).doing("replay a commit")?;
            let made = match self.settled(merged, state, held)? {
                Ok(tree) => tree,
                Err(paths) => return Ok(Replayed::Conflict(paths)),
            };
            if made != ours.id() || self.was_empty(commit)? {
                on = self.with_base(commit, made, on)?;
            }
        }
        Ok(Replayed::At(on))
    }

    fn missing(&self, head: Oid, tip: Oid, hidden: &[Oid]) -> Result<Vec<Commit<'_>>, GitError> {
        let walk = || -> Result<Vec<Commit<'_>>, git2::Error> {
            let mut walk = self.git.revwalk()?;
            walk.set_sorting(Sort::TOPOLOGICAL | Sort::REVERSE)?;
            walk.push(head)?;
            for known in hidden.iter().chain([&tip]) {
                walk.hide(*known)?;
            }
            walk.map(|id| self.git.find_commit(id?)).collect()
        };
        walk().doing("walk the history")
    }

    fn merge_onto(
        &self,
        tip: Oid,
        head: Oid,
        state: &Path,
        held: Option<Entry>,
    ) -> Result<Replayed, GitError> {
        let (ours, theirs) = (self.git.find_commit(tip), self.git.find_commit(head));
        let (ours, theirs) = (ours.doing("read a commit")?, theirs.doing("read a commit")?);
        let merged = self.git.merge_commits(&ours, &theirs, None).doing("merge the work")?;
        match self.settled(merged, state, held)? {
            Ok(tree) => {
                let message = "Merge the work of the turn\n";
                self.commit_tree(tree, &[tip, head], message).map(Replayed::At)
            }
            Err(paths) => Ok(Replayed::Conflict(paths)),
        }
    }

    /// The tree of a merge, with this state file; or what is in conflict.
    fn settled(
        &self,
        mut merged: Index,
        state: &Path,
        held: Option<Entry>,
    ) -> Result<Result<Oid, Vec<PathBuf>>, GitError> {
        if merged.has_conflicts() {
            let mut paths = conflicts(&merged).doing("read the conflicts")?;
            paths.retain(|p| p != state);
            paths.sort();
            paths.dedup();
            if !paths.is_empty() {
                return Ok(Err(paths));
            }
            // Only of the state file, which is replaced anyway.
            merged.remove_path(state).doing("settle the state's conflict")?;
        }
        let tree = merged.write_tree_to(&self.git).doing("write a tree")?;
        let tree = self.git.find_tree(tree).doing("read a tree")?;
        tree::edit(&self.git, Some(&tree), &Edits::from([(state.to_owned(), held)])).map(Ok)
    }
}

fn conflicts(index: &Index) -> Result<Vec<PathBuf>, git2::Error> {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    let mut paths = Vec::new();
    for conflict in index.conflicts()? {
        let conflict = conflict?;
        let sides = [conflict.our, conflict.their, conflict.ancestor];
        paths.extend(sides.into_iter().flatten().map(|e| PathBuf::from(OsString::from_vec(e.path))));
    }
    Ok(paths)
}

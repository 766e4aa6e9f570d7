//! What may be removed when it is old: rescue refs and worktrees whose work is merged.

use std::path::PathBuf;

use git2::{Oid, Repository, WorktreeLockStatus, WorktreePruneOptions};

use super::error::{Doing, GitError};
use super::open::Repo;
use super::rescue::RESCUE_PREFIX;

/// Branches of the worktrees that this program makes.
const WORKTREE_BRANCHES: &str = "refs/heads/orchestrator/";

/// A worktree of this program's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldWorktree {
    pub name: String,
    pub path: PathBuf,
    pub branch: String,
    /// Why it stays: uncommitted or unmerged work, a lock.
    pub kept: Option<String>,
}

impl Repo {
    /// Rescue refs whose work `tip` has and whose commit was made before `before` (seconds since the epoch).
    pub fn merged_rescues(&self, tip: Oid, before: i64) -> Result<Vec<(String, Oid)>, GitError> {
        let mut all = Vec::new();
        let refs = self.git.references_glob(&format!("{RESCUE_PREFIX}*")).doing("list the rescue refs")?;
        for reference in refs {
            let reference = reference.doing("list the rescue refs")?;
            let Some(id) = reference.target() else { continue };
            if self.descends(tip, id)? && self.made_before(id, before)? {
                all.push((String::from_utf8_lossy(reference.name_bytes()).into_owned(), id));
            }
        }
        all.sort();
        Ok(all)
    }

    /// Removes a rescue ref if it still points at `id`.
    pub fn drop_rescue(&self, name: &str, id: Oid) -> Result<(), GitError> {
        let mut reference = self.git.find_reference(name).doing("find the rescue ref")?;
        if name.starts_with(RESCUE_PREFIX) && reference.target() == Some(id) {
            reference.delete().doing("remove the rescue ref")?;
        }
        Ok(())
    }

    fn made_before(&self, id: Oid, before: i64) -> Result<bool, GitError> {
        Ok(self.git.find_commit(id).doing("read a commit")?.time().seconds() < before)
    }

    /// The worktrees on branches of this program whose last commit was made before `before` (seconds since the
    /// epoch), each with what keeps it.
    pub fn old_worktrees(&self, tip: Oid, before: i64) -> Result<Vec<OldWorktree>, GitError> {
        let mut all = Vec::new();
        let names = self.git.worktrees().doing("list the worktrees")?;
        for name in names.iter().filter_map(|name| name.ok().flatten()) {
            let worktree = self.git.find_worktree(name).doing("find a worktree")?;
            // One whose folder is gone holds nothing to lose; `git worktree prune` forgets it.
            let Ok(other) = Repository::open_from_worktree(&worktree) else { continue };
            let Ok(head) = other.head() else { continue };
            let branch = String::from_utf8_lossy(head.name_bytes()).into_owned();
            let Some(id) = head.target().filter(|_| branch.starts_with(WORKTREE_BRANCHES)) else { continue };
            if !self.made_before(id, before)? {
                continue;
            }
            let locked = worktree.is_locked().doing("look at a worktree's lock")?;
            let kept = if !matches!(locked, WorktreeLockStatus::Unlocked) {
                Some("it is locked".to_owned())
            } else if has_changes(&other)? {
                Some("it has uncommitted files".to_owned())
            } else if self.descends(tip, id)? {
                None
            } else {
                Some(format!("its work is not merged (git merge {branch})"))
            };
            all.push(OldWorktree { name: name.to_owned(), path: worktree.path().to_owned(), branch, kept });
        }
        all.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(all)
    }

    /// Removes a worktree with its folder and its branch. The caller looked that its work is merged.
    pub fn drop_worktree(&self, old: &OldWorktree) -> Result<(), GitError> {
        let worktree = self.git.find_worktree(&old.name).doing("find a worktree")?;
        let mut options = WorktreePruneOptions::new();
        options.valid(true).working_tree(true);
        worktree.prune(Some(&mut options)).doing("remove a worktree")?;
        let mut branch = self.git.find_reference(&old.branch).doing("find a worktree's branch")?;
        branch.delete().doing("remove a worktree's branch")
    }
}

fn has_changes(repo: &Repository) -> Result<bool, GitError> {
    let mut options = git2::StatusOptions::new();
    options.include_untracked(true).include_ignored(false).exclude_submodules(false);
    Ok(!repo.statuses(Some(&mut options)).doing("look for changes in a worktree")?.is_empty())
}

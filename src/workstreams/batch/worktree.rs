//! A worktree and a branch for a task (workstreams.md W4).
//!
//! Nothing here removes one: work that nobody merged would go with it. `gc` removes those whose branch is merged.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::clock::Clock;
use crate::sync::worktree::{GitError, Repo};

/// A task's own place.
pub(super) struct Place {
    /// The project root in the worktree.
    pub root: PathBuf,
    pub branch: String,
    repo: Repo,
    /// Where the branch began.
    base: Option<String>,
}

/// A task's branch.
pub(super) struct Branch {
    pub name: String,
    /// It has something that HEAD did not have when it began.
    pub holds: bool,
}

/// Where a run's worktrees are.
pub(super) fn folder(private: &Path, run_id: &str) -> PathBuf {
    private.join("worktrees").join(run_id)
}

impl Place {
    /// Makes it. `prefix`: the project root in the repository.
    pub fn make(
        main: &Repo,
        prefix: &Path,
        private: &Path,
        run_id: &str,
        task: &str,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, GitError> {
        let path = folder(private, run_id).join(task);
        let branch = format!("orchestrator/{run_id}/{task}");
        main.add_linked(&format!("{run_id}-{task}"), &branch, &path)?;
        let repo = Repo::open(&path, Arc::clone(clock))?;
        let base = repo.head()?.commit.map(|id| id.to_string());
        Ok(Self { root: path.join(prefix), branch, repo, base })
    }

    /// Commits what was left uncommitted. The branch, whether it holds work now, and what a person should know.
    pub fn finish(self, task: &str) -> (Branch, Option<String>) {
        let kept = self.repo.commit_leftovers(&format!("Work of batch task {task}\n"));
        let warning = match &kept {
            Ok(kept) if kept.left.is_empty() => None,
            Ok(kept) => {
                Some(format!("left uncommitted in {}: {}", self.repo.top().display(), kept.left_words()))
            }
            Err(e) => Some(format!("its work stays uncommitted in {}: {e}", self.repo.top().display())),
        };
        let now = self.repo.head().ok().and_then(|h| h.commit).map(|id| id.to_string());
        let holds = now != self.base;
        (Branch { name: self.branch, holds }, warning)
    }
}

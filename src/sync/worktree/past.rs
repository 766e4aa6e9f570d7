//! What the state commits of a branch tell: how its last turns ended.

use git2::Oid;

use super::error::{Doing, GitError};
use super::open::Repo;
use crate::sync::message::{StateMessage, Step};

/// A turn that ended, as its state commit says.
#[derive(Debug, Clone, PartialEq)]
pub struct EndedTurn {
    /// The state commit, short.
    pub commit: String,
    /// Seconds since the epoch, by the clock of whoever made it.
    pub at: i64,
    pub message: StateMessage,
}

impl Repo {
    /// The newest turns that ended on the first-parent line of `tip`, the newest first. Looks at no more than `depth`
    /// commits: a history of a hundred thousand must not make a glance slow.
    pub fn ended_turns(&self, tip: Oid, most: usize, depth: usize) -> Result<Vec<EndedTurn>, GitError> {
        let mut found = Vec::new();
        self.state_commits(tip, depth, |id, at, message| {
            let ended = matches!(message.step, Step::Ok { .. } | Step::Fail { .. } | Step::Interrupted);
            if ended {
                found.push((id, at, message));
            }
            found.len() < most
        })?;
        let turn = |(id, at, message)| Ok(EndedTurn { commit: self.short_id(id)?, at, message });
        found.into_iter().map(turn).collect()
    }

    /// Calls `look` with each state commit of the first-parent line, the newest first, while it returns true.
    pub fn state_commits(
        &self,
        tip: Oid,
        depth: usize,
        mut look: impl FnMut(Oid, i64, StateMessage) -> bool,
    ) -> Result<(), GitError> {
        let mut at = self.git.find_commit(tip).doing("read a commit")?;
        for _ in 0..depth {
            let bytes = at.message_bytes();
            if bytes.starts_with(b"[SYNC")
                && let Some(message) = StateMessage::parse(&String::from_utf8_lossy(bytes))
                && !look(at.id(), at.time().seconds(), message)
            {
                break;
            }
            // A shallow clone ends before a parent that its commit names.
            let Ok(parent) = at.parent(0) else { break };
            at = parent;
        }
        Ok(())
    }

    /// The commit that the branch's upstream had when it was last fetched, and the upstream's name.
    pub fn upstream_tip(&self, branch: &str) -> Option<(String, Oid)> {
        let local = self.git.find_branch(branch, git2::BranchType::Local).ok()?;
        let upstream = local.upstream().ok()?;
        let name = String::from_utf8_lossy(upstream.name_bytes().ok()?).into_owned();
        Some((name, upstream.get().target()?))
    }
}

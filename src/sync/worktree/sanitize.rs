//! An agent's commits without what they did to the state file (G11).
//!
//! The state file's history along the first-parent line must stay a chain of legal transitions,
//! and an agent's `git commit -a`, `git rm` or merge can write anything into it. The line is made
//! anew in memory with the claim's state in every commit; the index and the working tree are not
//! looked at.

use std::path::Path;

use git2::{Commit, ObjectType, Oid};

use super::error::{Doing, GitError};
use super::open::Repo;
use super::tree::{self, Edits, Entry};

/// An agent's line of commits, fit to be published on top of the claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sanitized {
    /// The tip; the branch still has to be moved there.
    pub head: Oid,
    pub changed: bool,
    /// The state file as the agent's commits left it, if not as claimed: the caller takes `exit`
    /// and `exit_reason` from it and nothing else.
    pub agent_state: Option<Vec<u8>>,
}

impl Repo {
    /// The line from `claim` to `head` with the claim's state file in each commit.
    ///
    /// A commit that then holds nothing is dropped; a merge keeps its other parents; author,
    /// committer, message and times stay. If the claim is not on the first-parent line of `head`
    /// (the agent merged the branch into another one), the work becomes one merge commit whose
    /// first parent is the claim.
    ///
    /// # Errors
    /// [`GitError::NotDescendant`] if `head` does not descend from `claim`.
    pub fn sanitize(&self, claim: Oid, head: Oid, state: &Path) -> Result<Sanitized, GitError> {
        if !self.descends(head, claim)? {
            return Err(GitError::NotDescendant { head, claim });
        }
        let claimed = tree::entry(&self.tree_of(claim)?, state)?;
        let Some(line) = self.first_parent_line(claim, head)? else {
            return self.adopt(claim, head, state, claimed);
        };
        let mut agent_state = None;
        let mut last = claim;
        let mut last_tree = self.tree_of(claim)?.id();
        for commit in &line {
            let original = commit.tree().doing("read a commit")?;
            let now = tree::entry(&original, state)?;
            if now == claimed {
                agent_state = None;
            } else if now.is_some() {
                // A removal does not take back what an earlier commit said.
                agent_state = self.blob_at(commit.id(), state)?;
            }
            if now == claimed && commit.parent_id(0).is_ok_and(|parent| parent == last) {
                (last, last_tree) = (commit.id(), original.id());
                continue;
            }
            let edits = Edits::from([(state.to_owned(), claimed)]);
            let tree = tree::edit(&self.git, Some(&original), &edits)?;
            let emptied = tree == last_tree && commit.parent_count() == 1 && !self.was_empty(commit)?;
            if !emptied {
                last = self.with_base(commit, tree, last)?;
                last_tree = tree;
            }
        }
        Ok(Sanitized { head: last, changed: last != head, agent_state })
    }

    /// The commits after `claim` on `head`'s first-parent line, oldest first; `None` if the claim
    /// is not on it.
    pub(super) fn first_parent_line(
        &self,
        claim: Oid,
        head: Oid,
    ) -> Result<Option<Vec<Commit<'_>>>, GitError> {
        let ids = || -> Result<Vec<Oid>, git2::Error> {
            let mut walk = self.git.revwalk()?;
            walk.simplify_first_parent()?;
            walk.push(head)?;
            // Ends the walk soon where the claim is not on the line.
            walk.hide(claim)?;
            walk.collect()
        };
        let commits = ids().doing("walk the agent's commits")?.into_iter().map(|id| self.git.find_commit(id));
        let mut line = commits.collect::<Result<Vec<_>, _>>().doing("read a commit")?;
        line.reverse();
        let on_line =
            line.first().map_or(head == claim, |first| first.parent_id(0).is_ok_and(|p| p == claim));
        Ok(on_line.then_some(line))
    }

    /// One merge of `head` onto the claim.
    fn adopt(
        &self,
        claim: Oid,
        head: Oid,
        state: &Path,
        claimed: Option<Entry>,
    ) -> Result<Sanitized, GitError> {
        let original = self.tree_of(head)?;
        let now = tree::entry(&original, state)?;
        let agent_state = if now == claimed { None } else { self.blob_at(head, state)? };
        let edits = Edits::from([(state.to_owned(), claimed)]);
        let tree = tree::edit(&self.git, Some(&original), &edits)?;
        let message =
            "Merge the work of the turn\n\nIts commits did not follow the claim on the branch's own line.\n";
        let head = self.commit_tree(tree, &[claim, head], message)?;
        Ok(Sanitized { head, changed: true, agent_state })
    }

    /// The commit was made empty on purpose (`--allow-empty`).
    pub(super) fn was_empty(&self, commit: &Commit<'_>) -> Result<bool, GitError> {
        let parent = commit.parent_id(0).doing("read a commit")?;
        Ok(self.tree_of(parent)?.id() == commit.tree_id())
    }

    /// The same commit with another tree and first parent.
    pub(super) fn with_base(
        &self,
        commit: &Commit<'_>,
        tree: Oid,
        first_parent: Oid,
    ) -> Result<Oid, GitError> {
        let parents: Vec<Oid> = [first_parent].into_iter().chain(commit.parent_ids().skip(1)).collect();
        let write = || {
            let odb = self.git.odb()?;
            let raw = odb.read(commit.id())?;
            odb.write(ObjectType::Commit, &rebased(raw.data(), tree, &parents))
        };
        write().doing("rewrite a commit")
    }
}

/// The bytes of a commit with another tree and other parents. Everything else stays as it is,
/// names and text in any encoding; only signatures go, because they no longer hold.
fn rebased(raw: &[u8], tree: Oid, parents: &[Oid]) -> Vec<u8> {
    let header_end = raw.windows(2).position(|w| w == b"\n\n").map_or(raw.len(), |at| at + 1);
    let (header, rest) = raw.split_at(header_end);
    let mut out = format!("tree {tree}\n").into_bytes();
    for parent in parents {
        out.extend_from_slice(format!("parent {parent}\n").as_bytes());
    }
    let mut dropping = false;
    for line in header.split_inclusive(|b| *b == b'\n') {
        // A line that begins with a space continues the one before.
        if !line.starts_with(b" ") {
            let gone: [&[u8]; 4] = [b"tree ", b"parent ", b"gpgsig ", b"gpgsig-sha256 "];
            dropping = gone.iter().any(|key| line.starts_with(key));
        }
        if !dropping {
            out.extend_from_slice(line);
        }
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rebased_commit_keeps_all_but_its_place() {
        let id = |c: &str| Oid::from_str(&c.repeat(40)).unwrap();
        let raw = format!(
            "tree {}\nparent {}\nauthor \u{fc} <a> 1 +0200\ncommitter b <b> 2 -0100\ngpgsig -----BEGIN\n \n x\n -----END\n\
             encoding latin1\n\nBody\n\nparent x\ngpgsig y\n",
            id("1"),
            id("2")
        );
        let mut raw = raw.into_bytes();
        raw.extend_from_slice(b"\xe9\n");
        let text = rebased(&raw, id("3"), &[id("4"), id("5")]);
        let expected = format!(
            "tree {}\nparent {}\nparent {}\nauthor \u{fc} <a> 1 +0200\ncommitter b <b> 2 -0100\n\
             encoding latin1\n\nBody\n\nparent x\ngpgsig y\n",
            id("3"),
            id("4"),
            id("5")
        );
        assert_eq!(text[..text.len() - 2], *expected.as_bytes());
        assert!(text.ends_with(b"\xe9\n"));
    }
}

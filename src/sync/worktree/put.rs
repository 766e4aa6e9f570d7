//! Commits of named working files, and of nothing else.

use git2::Oid;

use super::dirty::{Dirty, Kind};
use super::error::{Doing, GitError};
use super::head::Head;
use super::open::Repo;
use super::tree::{self, Edits};

impl Repo {
    /// Commits exactly these files on top of `head`'s branch and gives the commit; `None` if they
    /// turn out to be as HEAD has them. What else is staged stays staged and uncommitted: the
    /// commit's tree is HEAD's with these paths replaced, and only their index entries change.
    ///
    /// # Errors
    /// [`GitError::Moved`] if the branch is no longer where `head` says.
    pub fn commit_files(
        &self,
        head: &Head,
        files: &[&Dirty],
        message: &str,
    ) -> Result<Option<Oid>, GitError> {
        let Some(branch) = &head.branch else {
            return Err(GitError::Detached);
        };
        let mut stored = Vec::new();
        let mut edits = Edits::new();
        for file in files {
            // `git rm --cached` leaves the file: it goes from the repository all the same.
            let new = if file.kind == Kind::Deleted { None } else { self.store_file(&file.path)? };
            edits.insert(file.path.clone(), new.as_ref().map(|n| n.entry));
            stored.push((file.path.as_path(), new));
        }
        let base = head.commit.map(|id| self.tree_of(id)).transpose()?;
        let tree = tree::edit(&self.git, base.as_ref(), &edits)?;
        let unchanged = match &base {
            Some(base) => base.id() == tree,
            None => edits.values().all(Option::is_none),
        };
        let commit = || self.commit_tree(tree, head.commit.as_slice(), message);
        let commit = if unchanged { None } else { Some(commit()?) };
        // The index first: a crash in between then leaves staged files, which is harmless, where
        // the other order would leave their removal staged.
        self.edit_index(|index| {
            for (path, _) in stored.iter().filter(|(_, new)| new.is_none()) {
                if index.get_path(path, 0).is_some() {
                    index.remove(path, 0).doing("unstage a file")?;
                }
            }
            for (path, new) in &stored {
                if let Some(new) = new {
                    index.add(&new.index_entry(path)).doing("stage a file")?;
                }
            }
            Ok(())
        })?;
        if let Some(commit) = commit {
            let subject = message.lines().next().unwrap_or_default();
            self.advance(branch, head.commit, commit, &format!("commit: {subject}"))?;
        }
        Ok(commit)
    }
}

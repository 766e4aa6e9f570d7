//! State commits: made from a parent's tree with one file replaced.

use std::fs::{self, Metadata};
use std::path::Path;

use git2::{ErrorCode, ObjectType, Oid, Tree};

use super::error::{Doing, GitError};
use super::file::index_entry;
use super::head::branch_ref;
use super::open::Repo;
use super::tree::{self, Edits, Entry, PLAIN};

impl Repo {
    /// Makes the commit that holds `bytes` at `path` on top of `parent`, and nothing else (G8).
    ///
    /// Neither index, working tree nor any ref is read or written, so an agent's half-staged work
    /// cannot slip into a claim and the cost does not grow with the number of files. No parent:
    /// the first commit of a branch.
    pub fn commit_state(
        &self,
        parent: Option<Oid>,
        path: &Path,
        bytes: &[u8],
        message: &str,
    ) -> Result<Oid, GitError> {
        let base = parent.map(|id| self.tree_of(id)).transpose()?;
        let old = base.as_ref().map(|t| tree::entry(t, path)).transpose()?.flatten();
        let mode = old.map(|e| e.mode).filter(|m| m & 0o170_000 == 0o100_000).unwrap_or(PLAIN);
        let id = self.store(bytes)?;
        let edits = Edits::from([(path.to_owned(), Some(Entry { id, mode }))]);
        let tree = tree::edit(&self.git, base.as_ref(), &edits)?;
        self.commit_tree(tree, parent.as_slice(), message)
    }

    /// A commit without files, whose message is all there is to it (G3).
    pub fn commit_note(&self, parent: Option<Oid>, message: &str) -> Result<Oid, GitError> {
        let tree = self.git.treebuilder(None).and_then(|b| b.write()).doing("write an empty tree")?;
        self.commit_tree(tree, parent.as_slice(), message)
    }

    /// A commit of `tree`, by this repository's identity, now. No ref is moved.
    pub(super) fn commit_tree(&self, tree: Oid, parents: &[Oid], message: &str) -> Result<Oid, GitError> {
        let who = self.signature()?;
        let tree = self.git.find_tree(tree).doing("read a tree")?;
        let parents = parents.iter().map(|id| self.git.find_commit(*id));
        let parents = parents.collect::<Result<Vec<_>, _>>().doing("read a parent commit")?;
        let parents: Vec<_> = parents.iter().collect();
        self.git.commit(None, &who, &who, message, &tree, &parents).doing("write a commit")
    }

    pub(super) fn tree_of(&self, commit: Oid) -> Result<Tree<'_>, GitError> {
        self.git.find_commit(commit).and_then(|c| c.tree()).doing("read a commit")
    }

    /// Moves a local branch from `from` to `to` if it still is at `from`; `None`: if it does not
    /// exist yet.
    ///
    /// # Errors
    /// [`GitError::Moved`] if it was somewhere else; nothing is changed then.
    pub fn advance(&self, branch: &str, from: Option<Oid>, to: Oid, why: &str) -> Result<(), GitError> {
        self.swap_ref(&branch_ref(branch), from, to, why)
    }

    pub(super) fn swap_ref(&self, name: &str, from: Option<Oid>, to: Oid, why: &str) -> Result<(), GitError> {
        // The zero id stands for "does not exist" and is compared under the ref's lock as well.
        let old = from.map_or_else(|| Oid::from_bytes(&[0; 20]), Ok).doing("compare the ref")?;
        let lock = self.git.commondir().join(format!("{name}.lock"));
        let swapped = self.unlocked(&lock, || {
            self.git.reference_matching(name, to, true, old, why).map(drop).doing("move the ref")
        });
        match swapped {
            Err(GitError::Git { source, .. })
                if matches!(source.code(), ErrorCode::Modified | ErrorCode::NotFound) =>
            {
                let now = self.git.refname_to_id(name).ok();
                Err(GitError::Moved { reference: name.to_owned(), expected: from, now })
            }
            other => other,
        }
    }

    /// Makes the index hold `bytes` at `path`, as HEAD does after a state commit (G8): else an
    /// agent's `git commit -a` would put the old state back. The working file is written by the
    /// state's own durable writer; the other entries stay as they are.
    pub fn mirror_state(&self, path: &Path, bytes: &[u8]) -> Result<(), GitError> {
        let id = self.store(bytes)?;
        self.edit_index(|index| {
            let old = index.get_path(path, 0).and_then(|e| i32::try_from(e.mode).ok());
            let mode = old.filter(|m| m & 0o170_000 == 0o100_000).unwrap_or(PLAIN);
            let entry = index_entry(path, Entry { id, mode }, self.holding(path, bytes).as_ref());
            if index.get_path(path, 0).is_none() && index.has_conflicts() {
                // A conflict of this one file ends here; those of other files are not ours.
                match index.conflict_remove(path) {
                    Err(e) if e.code() != ErrorCode::NotFound => {
                        return Err(e).doing("settle the state's conflict");
                    }
                    _ => {}
                }
            }
            index.add(&entry).doing("stage the state")
        })
    }

    /// Writes through the object database itself, which looks first whether it has these bytes.
    fn store(&self, bytes: &[u8]) -> Result<Oid, GitError> {
        self.git.odb().and_then(|odb| odb.write(ObjectType::Blob, bytes)).doing("store the state")
    }

    /// The working file, if it holds these bytes.
    fn holding(&self, path: &Path, bytes: &[u8]) -> Option<Metadata> {
        let file = self.top().join(path);
        let meta = fs::symlink_metadata(&file).ok().filter(Metadata::is_file)?;
        (fs::read(&file).ok()? == bytes).then_some(meta)
    }
}

//! Trees with a few files replaced, built without an index: the cost is that of the folders
//! touched, whatever the size of the repository.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use git2::{ObjectType, Oid, Repository, Tree};

use super::error::{Doing, GitError, found};

/// A file in a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub id: Oid,
    pub mode: i32,
}

pub(super) const PLAIN: i32 = 0o100_644;
pub(super) const EXECUTABLE: i32 = 0o100_755;
pub(super) const LINK: i32 = 0o120_000;
pub(super) const SUBMODULE: i32 = 0o160_000;

/// What a tree is to hold at each path; `None` removes what is there.
pub(super) type Edits = BTreeMap<PathBuf, Option<Entry>>;

/// `base` with `edits` applied. A folder left empty disappears, as everywhere in git.
pub(super) fn edit(repo: &Repository, base: Option<&Tree<'_>>, edits: &Edits) -> Result<Oid, GitError> {
    let mut node = Node::default();
    for (path, entry) in edits {
        node.insert(path.as_os_str().as_bytes(), *entry);
    }
    node.write(repo, base).doing("build a tree")
}

/// The file at `path` in `tree`.
pub(super) fn entry(tree: &Tree<'_>, path: &Path) -> Result<Option<Entry>, GitError> {
    let hit = found(tree.get_path(path)).doing("look into a tree")?;
    Ok(hit.map(|e| Entry { id: e.id(), mode: e.filemode_raw() }))
}

#[derive(Default)]
struct Node {
    leaves: BTreeMap<Vec<u8>, Option<Entry>>,
    folders: BTreeMap<Vec<u8>, Node>,
}

impl Node {
    fn insert(&mut self, path: &[u8], entry: Option<Entry>) {
        match path.iter().position(|b| *b == b'/') {
            Some(slash) => {
                let folder = self.folders.entry(path[..slash].to_vec()).or_default();
                folder.insert(&path[slash + 1..], entry);
            }
            None => {
                self.leaves.insert(path.to_vec(), entry);
            }
        }
    }

    fn write(&self, repo: &Repository, base: Option<&Tree<'_>>) -> Result<Oid, git2::Error> {
        let mut builder = repo.treebuilder(base)?;
        // Folders first: where a file takes the place of a folder, the file is what remains.
        for (name, node) in &self.folders {
            let old = base.and_then(|tree| tree.get_name_bytes(name));
            let old_tree = match &old {
                Some(e) if e.kind() == Some(ObjectType::Tree) => Some(repo.find_tree(e.id())?),
                // A file or a submodule: only something put below it replaces it.
                Some(_) if !node.puts_something() => continue,
                _ => None,
            };
            let id = node.write(repo, old_tree.as_ref())?;
            let name = OsStr::from_bytes(name);
            if !repo.find_tree(id)?.is_empty() {
                builder.insert(name, id, 0o040_000)?;
            } else if builder.get(name)?.is_some() {
                builder.remove(name)?;
            }
        }
        for (name, entry) in &self.leaves {
            let os_name = OsStr::from_bytes(name);
            match entry {
                Some(entry) => {
                    builder.insert(os_name, entry.id, entry.mode)?;
                }
                // A folder that took the place of a removed file stays.
                None if self.folders.get(name).is_some_and(Node::puts_something) => {}
                None if builder.get(os_name)?.is_some() => builder.remove(os_name)?,
                None => {}
            }
        }
        builder.write()
    }

    fn puts_something(&self) -> bool {
        self.leaves.values().any(Option::is_some) || self.folders.values().any(Self::puts_something)
    }
}

//! Commits of exactly the files named; what else is staged stays staged.

use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use git2::{Index, Oid};
use jiff::Timestamp;

use super::error::{GitError, doing};
use super::repo::{Head, Repo};
use super::state_commit::{index_entry, write_index};

impl Repo {
    /// Commits the working tree's version of `paths` (a missing file is a deletion) on top of
    /// HEAD. `None` if they do not differ from HEAD.
    ///
    /// The tree is built in memory from HEAD's, and only these paths change in the real index.
    pub fn commit_files(
        &self,
        paths: &[String],
        message: &str,
        now: Timestamp,
    ) -> Result<Option<Oid>, GitError> {
        let Head::Branch { name, commit: head } = self.head()? else {
            return Err(GitError::Git { doing: "commit files", message: "HEAD is detached".into() });
        };
        let head_commit = head.map(|h| self.commit(h)).transpose()?;
        let mut tree = Index::new().map_err(doing("build a tree"))?;
        let mut old_tree = None;
        if let Some(commit) = &head_commit {
            let old = commit.tree().map_err(doing("read a tree"))?;
            tree.read_tree(&old).map_err(doing("read a tree"))?;
            old_tree = Some(old.id());
        }
        let _busy = self.busy()?;
        let mut index = self.git.index().map_err(doing("read the index"))?;
        index.read(false).map_err(doing("read the index"))?;
        for path in paths {
            self.stage(path, &mut tree, &mut index)?;
        }
        let tree = tree.write_tree_to(&self.git).map_err(doing("write a tree"))?;
        if Some(tree) == old_tree {
            write_index(&mut index)?;
            return Ok(None);
        }
        let tree = self.git.find_tree(tree).map_err(doing("read a tree"))?;
        let signature = self.signature(now)?;
        let parents: Vec<_> = head_commit.iter().collect();
        let oid = self
            .git
            .commit(None, &signature, &signature, message, &tree, &parents)
            .map_err(doing("commit files"))?;
        self.advance(&name, head, oid, message.lines().next().unwrap_or("commit"))?;
        write_index(&mut index)?;
        Ok(Some(oid))
    }

    fn stage(&self, path: &str, tree: &mut Index, index: &mut Index) -> Result<(), GitError> {
        let file = self.top.join(path);
        match std::fs::symlink_metadata(&file) {
            Ok(meta) => {
                let (id, mode) = self.store(&file, &meta)?;
                let entry = index_entry(path, id, &meta, mode);
                // What was a folder's file may be a folder now, and the other way round.
                remove_conflicts(tree, path)?;
                remove_conflicts(index, path)?;
                tree.add(&entry).map_err(doing("add a file"))?;
                index.add(&entry).map_err(doing("add a file"))
            }
            Err(e)
                if e.kind() == std::io::ErrorKind::NotFound
                    || e.kind() == std::io::ErrorKind::NotADirectory =>
            {
                for index in [tree, index] {
                    if index.get_path(Path::new(path), 0).is_some() {
                        index.remove(Path::new(path), 0).map_err(doing("remove a file"))?;
                    }
                }
                Ok(())
            }
            Err(source) => Err(GitError::Io { path: file, source }),
        }
    }

    fn store(&self, file: &Path, meta: &Metadata) -> Result<(Oid, u32), GitError> {
        let io = |source| GitError::Io { path: file.into(), source };
        if meta.is_symlink() {
            let target = std::fs::read_link(file).map_err(io)?;
            let id = self.git.blob(target.as_os_str().as_bytes()).map_err(doing("store a link"))?;
            return Ok((id, 0o120_000));
        }
        let id = self.git.blob_path(file).map_err(doing("store a file"))?;
        let executable = meta.permissions().mode() & 0o111 != 0;
        Ok((id, if executable { 0o100_755 } else { 0o100_644 }))
    }
}

fn remove_conflicts(index: &mut Index, path: &str) -> Result<(), GitError> {
    for parent in Path::new(path).ancestors().skip(1).filter(|p| !p.as_os_str().is_empty()) {
        if index.get_path(parent, 0).is_some() {
            index.remove(parent, 0).map_err(doing("replace a file by a folder"))?;
        }
    }
    let below = format!("{path}/");
    let inside: Vec<Vec<u8>> =
        index.iter().map(|e| e.path).filter(|p| p.starts_with(below.as_bytes())).collect();
    for name in inside {
        let name = String::from_utf8_lossy(&name).into_owned();
        index.remove(Path::new(&name), 0).map_err(doing("replace a folder by a file"))?;
    }
    Ok(())
}

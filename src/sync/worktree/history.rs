//! Questions about commits: what a path was, what lies between two commits, which epoch was last.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use git2::{Commit, DiffOptions, Oid, Sort};

use super::error::{Doing, GitError, found};
use super::open::Repo;
use super::path::path_text;
use super::tree;
use crate::sync::message::{StateMessage, Trailers};

/// A commit in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitLine {
    pub id: Oid,
    pub short: String,
    pub subject: String,
}

/// What changed between two commits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DiffStat {
    /// The changed paths as text (see [`path_text`]), in git's order.
    pub names: Vec<String>,
    pub insertions: usize,
    pub deletions: usize,
}

impl Repo {
    /// The bytes of `path` in a commit; `None` if it has no such file.
    pub fn blob_at(&self, commit: Oid, path: &Path) -> Result<Option<Vec<u8>>, GitError> {
        let Some(entry) = tree::entry(&self.tree_of(commit)?, path)? else { return Ok(None) };
        let blob = found(self.git.find_blob(entry.id)).doing("read a file of a commit")?;
        Ok(blob.map(|b| b.content().to_vec()))
    }

    /// git knows the path: it is in the index or in HEAD.
    pub fn tracked(&self, path: &Path) -> Result<bool, GitError> {
        let mut index = self.git.index().doing("open the index")?;
        index.read(false).doing("read the index")?;
        let in_index = (0..=3).any(|stage| index.get_path(path, stage).is_some());
        let in_head = || match self.head()?.commit {
            Some(id) => Ok(tree::entry(&self.tree_of(id)?, path)?.is_some()),
            None => Ok(false),
        };
        Ok(in_index || in_head()?)
    }

    /// An ignore rule covers the path.
    pub fn ignored(&self, path: &Path) -> Result<bool, GitError> {
        self.git.is_path_ignored(path).doing("read the ignore rules")
    }

    /// The newest commit of `tip`'s history that removed `path`; `None` if none ever had it (T3).
    ///
    /// Walks the whole history where the path never was: for a start without a state file only.
    pub fn removed_by(&self, tip: Oid, path: &Path) -> Result<Option<CommitLine>, GitError> {
        let has = |commit: &Commit<'_>| -> Result<bool, GitError> {
            let tree = commit.tree().doing("read a commit")?;
            Ok(tree::entry(&tree, path)?.is_some())
        };
        let mut walk = self.git.revwalk().doing("walk the history")?;
        walk.set_sorting(Sort::TOPOLOGICAL).doing("walk the history")?;
        walk.push(tip).doing("walk the history")?;
        for id in walk {
            let commit = id.and_then(|id| self.git.find_commit(id)).doing("walk the history")?;
            if has(&commit)? {
                continue;
            }
            // A shallow clone ends before some parents; what is not there removed nothing here.
            for parent in commit.parents() {
                if has(&parent)? {
                    return self.line(&commit).map(Some);
                }
            }
        }
        Ok(None)
    }

    /// The commits of `to` that `from` does not have, oldest first.
    pub fn commits_between(&self, from: Option<Oid>, to: Oid) -> Result<Vec<CommitLine>, GitError> {
        let ids = self.between(from, to)?;
        let commits = ids.into_iter().map(|id| self.git.find_commit(id).doing("read a commit"));
        commits.map(|c| self.line(&c?)).collect()
    }

    /// Commits since the claim whose author is not who commits here: short id and name, oldest first; no merges.
    pub fn strangers(&self, claim: Oid, head: Oid) -> Result<Vec<(String, String)>, GitError> {
        let own = self.identity()?;
        let mut found = Vec::new();
        for id in self.between(Some(claim), head)? {
            let commit = self.git.find_commit(id).doing("read a commit")?;
            let author = commit.author();
            let name = String::from_utf8_lossy(author.name_bytes()).into_owned();
            let known = name == own.name && author.email_bytes() == own.email.as_bytes();
            if !known && commit.parent_count() == 1 {
                found.push((self.short_id(id)?, name));
            }
        }
        Ok(found)
    }

    /// The commits made since the claim, side branches that were merged included, oldest first.
    pub fn agent_commits(&self, claim: Oid, head: Oid) -> Result<Vec<Oid>, GitError> {
        self.between(Some(claim), head)
    }

    /// Every path that a commit made since the claim changed, also one that a later commit put back. Of a merge, what
    /// it changed itself: its sides are commits of their own.
    pub fn touched(&self, claim: Oid, head: Oid) -> Result<BTreeSet<PathBuf>, GitError> {
        let mut paths = BTreeSet::new();
        for id in self.between(Some(claim), head)? {
            let commit = self.git.find_commit(id).doing("read a commit")?;
            let tree = commit.tree().doing("read a commit")?;
            let mut of_commit: Option<BTreeSet<PathBuf>> = None;
            // One without a parent brings a whole tree.
            let parents: Vec<Option<Commit<'_>>> = match commit.parent_count() {
                0 => vec![None],
                _ => commit.parents().map(Some).collect(),
            };
            for parent in parents {
                let before = parent.map(|p| p.tree().doing("read a commit")).transpose()?;
                let diff = self.git.diff_tree_to_tree(before.as_ref(), Some(&tree), None);
                let diff = diff.doing("compare two commits")?;
                let files = diff.deltas().flat_map(|d| [d.old_file().path(), d.new_file().path()].map(own));
                let files: BTreeSet<PathBuf> = files.flatten().collect();
                of_commit = Some(match of_commit {
                    None => files,
                    Some(others) => others.intersection(&files).cloned().collect(),
                });
            }
            paths.extend(of_commit.unwrap_or_default());
        }
        Ok(paths)
    }

    fn between(&self, from: Option<Oid>, to: Oid) -> Result<Vec<Oid>, GitError> {
        let walk = || -> Result<Vec<Oid>, git2::Error> {
            let mut walk = self.git.revwalk()?;
            walk.set_sorting(Sort::TOPOLOGICAL | Sort::REVERSE)?;
            walk.push(to)?;
            if let Some(from) = from {
                walk.hide(from)?;
            }
            walk.collect()
        };
        walk().doing("walk the history")
    }

    fn line(&self, commit: &Commit<'_>) -> Result<CommitLine, GitError> {
        let subject = String::from_utf8_lossy(commit.summary_bytes().unwrap_or_default()).into_owned();
        Ok(CommitLine { id: commit.id(), short: self.short_id(commit.id())?, subject })
    }

    /// The shortest unambiguous form of a commit id, at least seven digits (`core.abbrev`).
    pub fn short_id(&self, id: Oid) -> Result<String, GitError> {
        let object = self.git.find_object(id, None).doing("find a commit")?;
        let short = object.short_id().doing("shorten a commit id")?;
        Ok(String::from_utf8_lossy(&short).into_owned())
    }

    /// `head` is `claim` or descends from it.
    pub fn descends(&self, head: Oid, claim: Oid) -> Result<bool, GitError> {
        let descends = || Ok(head == claim || self.git.graph_descendant_of(head, claim)?);
        descends().doing("compare two commits")
    }

    /// What changed from one commit to another, `except` (the state file) apart. Renames count as
    /// a removal and an addition.
    pub fn diff_stat(&self, from: Option<Oid>, to: Oid, except: Option<&Path>) -> Result<DiffStat, GitError> {
        let old = from.map(|id| self.tree_of(id)).transpose()?;
        let new = self.tree_of(to)?;
        let mut options = DiffOptions::new();
        options.ignore_submodules(true).context_lines(0);
        let diff = self.git.diff_tree_to_tree(old.as_ref(), Some(&new), Some(&mut options));
        let diff = diff.doing("compare two commits")?;
        let mut stat = DiffStat::default();
        for (n, delta) in diff.deltas().enumerate() {
            let path = delta.new_file().path().or_else(|| delta.old_file().path());
            let Some(path) = path.filter(|p| Some(*p) != except) else { continue };
            stat.names.push(path_text(path));
            if let Some(patch) = git2::Patch::from_diff(&diff, n).doing("compare two files")? {
                let (_, insertions, deletions) = patch.line_stats().doing("compare two files")?;
                stat.insertions += insertions;
                stat.deletions += deletions;
            }
        }
        Ok(stat)
    }

    /// The highest `Epoch` trailer of the first-parent line of `tip` (G4), not looking beyond
    /// `known`, a commit whose epoch the caller already has.
    ///
    /// Epochs only grow along the line, so the first one met walking back is the highest; it may
    /// lie far back, because the earlier orchestrator writes commits without trailers. Only a
    /// commit that changed the state file counts: any agent can write `Epoch: 3` into a message,
    /// and a low one would end the walk early and repeat epochs.
    pub fn max_epoch(&self, tip: Oid, known: Option<Oid>, state: &Path) -> Result<Option<u64>, GitError> {
        let mut at = Some(self.git.find_commit(tip).doing("read a commit")?);
        while let Some(commit) = at.filter(|c| Some(c.id()) != known) {
            let parent = commit.parent(0).ok();
            if let Some(epoch) = state_trailers(&commit).and_then(|t| t.epoch) {
                let now = tree::entry(&commit.tree().doing("read a commit")?, state)?;
                let before = match &parent {
                    Some(parent) => tree::entry(&parent.tree().doing("read a commit")?, state)?,
                    None => None,
                };
                if now != before {
                    return Ok(Some(epoch));
                }
            }
            at = parent;
        }
        Ok(None)
    }
}

fn own(path: Option<&Path>) -> Option<PathBuf> {
    path.map(Path::to_owned)
}

fn state_trailers(commit: &Commit<'_>) -> Option<Trailers> {
    let bytes = commit.message_bytes();
    if !bytes.starts_with(b"[SYNC") {
        return None;
    }
    StateMessage::parse(&String::from_utf8_lossy(bytes)).map(|m| m.trailers)
}

//! Work that cannot be published is kept under a local ref.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use git2::{Oid, Reference};

use super::dirty::Kind;
use super::error::{Doing, GitError};
use super::open::Repo;
use super::tree;

/// Where rescued work lies locally (G3), followed by the turn id.
pub const RESCUE_PREFIX: &str = "refs/orchestrator/rescue/";

/// Work kept under a local ref.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rescued {
    /// The local ref.
    pub reference: String,
    /// The agent's commits, which may be kept on a remote too; `None` if there are only files.
    pub commit: Option<Oid>,
    /// What the ref points at: the commits, and a commit of the uncommitted files on top.
    pub kept: Oid,
}

impl Repo {
    /// Keeps `commit` under the turn's local rescue ref and gives the ref's name. A second commit
    /// of the same turn gets `-2`, and so on; one that is kept already keeps its name.
    pub fn rescue(&self, turn_id: &str, commit: Oid) -> Result<String, GitError> {
        self.rescue_from(turn_id, commit, 1).map(|(_, name)| name)
    }

    /// The same with a number of at least `from`, where lower ones are taken on the remote. Gives
    /// the number too.
    pub fn rescue_from(&self, turn_id: &str, commit: Oid, from: u32) -> Result<(u32, String), GitError> {
        for n in from.. {
            let end = if n == 1 { String::new() } else { format!("-{n}") };
            let name = format!("{RESCUE_PREFIX}{turn_id}{end}");
            if !Reference::is_valid_name(&name) {
                break;
            }
            match self.swap_ref(&name, None, commit, "rescue") {
                Err(GitError::Moved { now: Some(now), .. }) if self.same_work(now, commit)? => {
                    return Ok((n, name));
                }
                Err(GitError::Moved { now: Some(_), .. }) => {}
                other => return other.map(|()| (n, name)),
            }
        }
        // The turn id comes from a state file, which may be anyone's.
        Err(GitError::BadRefName(turn_id.to_owned()))
    }

    /// Two snapshots of the same files differ in their time alone.
    fn same_work(&self, a: Oid, b: Oid) -> Result<bool, GitError> {
        let commit = |id| self.git.find_commit(id).doing("read a commit");
        let (one, other) = (commit(a)?, commit(b)?);
        Ok(a == b || one.tree_id() == other.tree_id() && one.parent_ids().eq(other.parent_ids()))
    }

    /// Keeps everything that is lost if the branch goes back to `claim`: commits, and the
    /// uncommitted files but the state file. Repeating it makes no further refs.
    pub fn rescue_all(
        &self,
        turn_id: &str,
        branch: &str,
        claim: Oid,
        state: &Path,
    ) -> Result<Vec<Rescued>, GitError> {
        let head = self.head()?.commit;
        let files = self.snapshot(&[state], "Uncommitted files of an interrupted turn\n")?;
        let mut all = Vec::new();
        for commit in self.at_risk(branch, claim)? {
            let kept = files.filter(|_| Some(commit) == head).unwrap_or(commit);
            all.push(Rescued { reference: self.rescue(turn_id, kept)?, commit: Some(commit), kept });
        }
        let saved = |kept| all.iter().any(|r: &Rescued| r.kept == kept);
        if let Some(kept) = files.filter(|id| !saved(*id)) {
            all.push(Rescued { reference: self.rescue(turn_id, kept)?, commit: None, kept });
        }
        Ok(all)
    }

    /// The dirty files that are just as `kept` holds them: they can be given up.
    pub fn saved_files(&self, kept: Oid) -> Result<BTreeSet<PathBuf>, GitError> {
        let tree = self.tree_of(kept)?;
        let mut saved = BTreeSet::new();
        for dirty in self.dirty()? {
            if dirty.submodule || dirty.filtered {
                continue;
            }
            let now = if dirty.kind == Kind::Deleted {
                None
            } else {
                self.store_file(&dirty.path)?.map(|s| s.entry)
            };
            if now == tree::entry(&tree, &dirty.path)? {
                saved.insert(dirty.path);
            }
        }
        Ok(saved)
    }

    /// The local rescue refs whose work `tip` does not have, by name.
    pub fn unmerged_rescues(&self, tip: Oid) -> Result<Vec<(String, Oid)>, GitError> {
        let mut all = Vec::new();
        let refs = self.git.references_glob(&format!("{RESCUE_PREFIX}*")).doing("list the rescue refs")?;
        for reference in refs {
            let reference = reference.doing("list the rescue refs")?;
            let Some(id) = reference.target() else { continue };
            if !self.descends(tip, id)? {
                all.push((String::from_utf8_lossy(reference.name_bytes()).into_owned(), id));
            }
        }
        all.sort();
        Ok(all)
    }

    /// The commits that are lost if the branch goes back to `claim`: HEAD's and the branch's (in
    /// the middle of a rebase they differ), and what git stashed for the operation in progress.
    /// One that another of them contains is left out.
    pub fn at_risk(&self, branch: &str, claim: Oid) -> Result<Vec<Oid>, GitError> {
        let mut tips = Vec::new();
        tips.extend(self.head()?.commit);
        tips.extend(self.branch_tip(branch)?);
        for stash in ["rebase-merge/autostash", "rebase-apply/autostash", "MERGE_AUTOSTASH"] {
            let text = fs::read_to_string(self.git.path().join(stash)).unwrap_or_default();
            tips.extend(Oid::from_str(text.trim()).ok().filter(|id| self.git.find_commit(*id).is_ok()));
        }
        let mut kept: Vec<Oid> = Vec::new();
        for tip in tips {
            if self.descends(claim, tip)? {
                continue;
            }
            let mut covered = false;
            for other in &kept {
                covered |= self.descends(*other, tip)?;
            }
            if !covered {
                let mut rest = Vec::new();
                for other in kept {
                    if !self.descends(tip, other)? {
                        rest.push(other);
                    }
                }
                rest.push(tip);
                kept = rest;
            }
        }
        Ok(kept)
    }

    /// A commit on top of HEAD that holds the uncommitted files too, `except` those (the state
    /// file) and what git alone can commit; `None` if there is nothing of the kind. For a local
    /// ref only: nobody looked whether a file is secret. Index and working tree stay.
    pub fn snapshot(&self, except: &[&Path], message: &str) -> Result<Option<Oid>, GitError> {
        let head = self.head()?.commit;
        let base = head.map(|id| self.tree_of(id)).transpose()?;
        let mut edits = tree::Edits::new();
        for dirty in self.dirty()? {
            if dirty.submodule || dirty.filtered || except.contains(&dirty.path.as_path()) {
                continue;
            }
            let entry = if dirty.kind == Kind::Deleted {
                None
            } else {
                self.store_file(&dirty.path)?.map(|s| s.entry)
            };
            edits.insert(dirty.path, entry);
        }
        if edits.is_empty() {
            return Ok(None);
        }
        let tree = tree::edit(&self.git, base.as_ref(), &edits)?;
        if base.is_some_and(|base| base.id() == tree) {
            return Ok(None);
        }
        self.commit_tree(tree, head.as_slice(), message).map(Some)
    }
}

/// How the rescued work comes back, for a message.
pub fn merge_command(reference: &str) -> String {
    format!("git merge {reference}")
}

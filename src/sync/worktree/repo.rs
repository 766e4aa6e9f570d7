//! Opening a repository and reading from it.

use std::path::{Path, PathBuf};

use git2::{Commit, ErrorCode, Oid, Repository};

use super::error::{GitError, doing};
use crate::sync::message::trailer;

/// A repository with a working tree, seen from a project root inside it.
pub struct Repo {
    pub(super) git: Repository,
    pub(super) top: PathBuf,
    /// The project root relative to the top; empty when they are the same.
    prefix: PathBuf,
}

/// Where HEAD is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Head {
    /// On a branch; no commit yet on an unborn one.
    Branch {
        name: String,
        commit: Option<Oid>,
    },
    Detached(Oid),
}

impl Head {
    pub fn commit(&self) -> Option<Oid> {
        match self {
            Self::Branch { commit, .. } => *commit,
            Self::Detached(oid) => Some(*oid),
        }
    }

    pub fn branch(&self) -> Option<&str> {
        if let Self::Branch { name, .. } = self { Some(name) } else { None }
    }
}

/// Size of a change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DiffStat {
    pub files: Vec<String>,
    pub insertions: usize,
    pub deletions: usize,
}

impl Repo {
    /// The repository at or above `root`.
    pub fn open(root: &Path) -> Result<Self, GitError> {
        let git = Repository::discover(root).map_err(|e| match e.code() {
            ErrorCode::NotFound => GitError::NoRepository(root.into()),
            _ => doing("open the repository")(e),
        })?;
        let top = git.workdir().ok_or_else(|| GitError::Bare(root.into()))?;
        let real = |p: &Path| p.canonicalize().map_err(|source| GitError::Io { path: p.into(), source });
        let (top, root) = (real(top)?, real(root)?);
        let prefix = root
            .strip_prefix(&top)
            .map_err(|_| GitError::Outside { path: root.clone(), top: top.clone() })?
            .to_owned();
        Ok(Self { git, top, prefix })
    }

    pub fn top(&self) -> &Path {
        &self.top
    }

    /// A path relative to the project root, as the repository names it.
    pub fn path_of(&self, project_path: &str) -> String {
        let joined = self.prefix.join(project_path.trim_start_matches("./"));
        joined.to_string_lossy().trim_end_matches('/').to_owned()
    }

    /// The folder of the repository's own data.
    pub fn git_dir(&self) -> &Path {
        self.git.path()
    }

    pub fn head(&self) -> Result<Head, GitError> {
        match self.git.head() {
            Ok(head) if head.is_branch() => {
                Ok(Head::Branch { name: short_branch(head.name_bytes()), commit: head.target() })
            }
            Ok(head) => head.peel_to_commit().map(|c| Head::Detached(c.id())).map_err(doing("read HEAD")),
            Err(e) if e.code() == ErrorCode::UnbornBranch => {
                let head = self.git.find_reference("HEAD").map_err(doing("read HEAD"))?;
                let target = head.symbolic_target_bytes().unwrap_or(b"refs/heads/main");
                Ok(Head::Branch { name: short_branch(target), commit: None })
            }
            Err(e) => Err(doing("read HEAD")(e)),
        }
    }

    /// A branch's tip; `None` if it has no commit.
    pub fn tip(&self, branch: &str) -> Option<Oid> {
        self.git.refname_to_id(&format!("refs/heads/{branch}")).ok()
    }

    pub(super) fn commit(&self, oid: Oid) -> Result<Commit<'_>, GitError> {
        self.git.find_commit(oid).map_err(doing("read a commit"))
    }

    /// Seven or more hexadecimal digits, unique here.
    pub fn short_id(&self, oid: Oid) -> String {
        let short = self.git.find_object(oid, None).and_then(|o| o.short_id());
        short.ok().and_then(|b| b.as_str().map(str::to_owned).ok()).unwrap_or_else(|| oid.to_string())
    }

    /// A file's content in a commit.
    pub fn blob_at(&self, commit: Oid, path: &str) -> Option<Vec<u8>> {
        let tree = self.git.find_commit(commit).ok()?.tree().ok()?;
        let entry = tree.get_path(Path::new(path)).ok()?;
        self.git.find_blob(entry.id()).ok().map(|b| b.content().to_vec())
    }

    pub(super) fn entry_id(&self, commit: Oid, path: &str) -> Option<Oid> {
        let tree = self.git.find_commit(commit).ok()?.tree().ok()?;
        tree.get_path(Path::new(path)).ok().map(|e| e.id())
    }

    /// Whether git follows this path: in the index or in HEAD.
    pub fn tracked(&self, path: &str) -> bool {
        let in_index = self.git.index().is_ok_and(|mut index| {
            let _ = index.read(false);
            index.get_path(Path::new(path), 0).is_some()
        });
        in_index
            || self.head().ok().and_then(|h| h.commit()).is_some_and(|c| self.entry_id(c, path).is_some())
    }

    pub fn ignored(&self, path: &str) -> bool {
        self.git.status_should_ignore(Path::new(path)).unwrap_or(false)
    }

    /// The commit of HEAD's first-parent line that removed a path which once existed (T3), with
    /// its subject.
    pub fn removed_by(&self, path: &str) -> Result<Option<(Oid, String)>, GitError> {
        let mut at = self.head()?.commit();
        let mut remover = None;
        while let Some(oid) = at {
            let commit = self.commit(oid)?;
            if self.entry_id(oid, path).is_some() {
                return Ok(remover);
            }
            remover = Some((oid, subject_of(&commit)));
            at = commit.parent_id(0).ok();
        }
        Ok(None)
    }

    /// The highest epoch of the first-parent line. Epochs grow along it, so the first trailer
    /// found from the tip is the highest; commits of an orchestrator without trailers are skipped.
    pub fn epoch_on_line(&self, tip: Option<Oid>) -> Result<u64, GitError> {
        let mut at = tip;
        while let Some(oid) = at {
            let commit = self.commit(oid)?;
            if let Some(epoch) = commit.message().ok().and_then(|m| trailer(m, "Epoch")?.parse().ok()) {
                return Ok(epoch);
            }
            at = commit.parent_id(0).ok();
        }
        Ok(0)
    }

    /// `abc1234 subject` of the commits after `from`, oldest first.
    pub fn commits_between(&self, from: Option<Oid>, to: Oid) -> Result<Vec<String>, GitError> {
        let list = || -> Result<Vec<Oid>, git2::Error> {
            let mut walk = self.git.revwalk()?;
            walk.set_sorting(git2::Sort::TOPOLOGICAL | git2::Sort::REVERSE)?;
            walk.push(to)?;
            if let Some(from) = from {
                walk.hide(from)?;
            }
            walk.collect()
        };
        let oids = list().map_err(doing("list commits"))?;
        oids.into_iter()
            .map(|oid| Ok(format!("{} {}", self.short_id(oid), subject_of(&self.commit(oid)?))))
            .collect()
    }

    /// What changed between two commits.
    pub fn diff_stat(&self, from: Option<Oid>, to: Oid) -> Result<DiffStat, GitError> {
        let run = || -> Result<DiffStat, git2::Error> {
            let old = from.map(|f| self.git.find_commit(f)?.tree()).transpose()?;
            let new = self.git.find_commit(to)?.tree()?;
            let diff = self.git.diff_tree_to_tree(old.as_ref(), Some(&new), None)?;
            let stats = diff.stats()?;
            let files = diff
                .deltas()
                .filter_map(|d| d.new_file().path().or(d.old_file().path()))
                .map(|p| p.to_string_lossy().into_owned())
                .collect();
            Ok(DiffStat { files, insertions: stats.insertions(), deletions: stats.deletions() })
        };
        run().map_err(doing("compare commits"))
    }

    /// Lines added and removed in one file.
    pub fn line_changes(&self, from: Option<Oid>, to: Oid, path: &str) -> (usize, usize) {
        let run = || -> Result<(usize, usize), git2::Error> {
            let old = from.map(|f| self.git.find_commit(f)?.tree()).transpose()?;
            let new = self.git.find_commit(to)?.tree()?;
            let mut options = git2::DiffOptions::new();
            options.pathspec(path).disable_pathspec_match(true);
            let stats = self.git.diff_tree_to_tree(old.as_ref(), Some(&new), Some(&mut options))?.stats()?;
            Ok((stats.insertions(), stats.deletions()))
        };
        // A count for display: what cannot be read counts as nothing.
        run().unwrap_or_default()
    }

    /// Saved work that no branch holds yet: ref names.
    pub fn rescue_refs(&self) -> Vec<String> {
        let Ok(refs) = self.git.references_glob("refs/orchestrator/rescue/*") else { return Vec::new() };
        let head = self.head().ok().and_then(|h| h.commit());
        refs.flatten()
            .filter(|r| {
                let (Some(saved), Some(head)) = (r.target(), head) else { return true };
                saved != head && !self.git.graph_descendant_of(head, saved).unwrap_or(false)
            })
            .filter_map(|r| r.name().ok().map(str::to_owned))
            .collect()
    }

    /// Keeps the private folder out of everybody's status, once.
    pub fn exclude(&self, pattern: &str) -> Result<(), GitError> {
        let path = self.git.commondir().join("info/exclude");
        let io = |source| GitError::Io { path: path.clone(), source };
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        if text.lines().any(|l| l.trim() == pattern) {
            return Ok(());
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(io)?;
        }
        let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        std::fs::write(&path, format!("{text}{gap}{pattern}\n")).map_err(io)
    }
}

pub(super) fn subject_of(commit: &Commit<'_>) -> String {
    String::from_utf8_lossy(commit.message_bytes()).lines().next().unwrap_or("").to_owned()
}

fn short_branch(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name).into_owned();
    text.strip_prefix("refs/heads/").map_or(text.clone(), str::to_owned)
}

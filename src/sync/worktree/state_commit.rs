//! Commits that change one file, made without index or working tree (git-sync.md G8).

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use git2::build::TreeUpdateBuilder;
use git2::{ErrorCode, FileMode, IndexEntry, IndexTime, Oid, Signature, Time};
use jiff::Timestamp;

use super::error::{GitError, doing};
use super::repo::Repo;

impl Repo {
    /// Who commits: the repository's user, else the program's own name at this host (G16). The
    /// flag says whether it is the latter.
    pub fn identity(&self) -> (String, String, bool) {
        let config = self.git.config().and_then(|mut c| c.snapshot());
        let get = |key: &str| {
            config.as_ref().ok().and_then(|c| c.get_string(key).ok()).filter(|s| !s.trim().is_empty())
        };
        if let (Some(name), Some(email)) = (get("user.name"), get("user.email")) {
            return (name, email, false);
        }
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let host = if host.is_empty() { "localhost".to_owned() } else { host };
        ("orchestrator".to_owned(), format!("orchestrator@{host}"), true)
    }

    pub(super) fn signature(&self, now: Timestamp) -> Result<Signature<'static>, GitError> {
        let (name, email, _) = self.identity();
        Signature::new(&name, &email, &Time::new(now.as_second(), 0)).map_err(doing("sign a commit"))
    }

    /// A commit on `parent` in which only `path` differs. Nothing points at it yet.
    pub fn commit_state(
        &self,
        parent: Option<Oid>,
        path: &str,
        bytes: &[u8],
        message: &str,
        now: Timestamp,
    ) -> Result<Oid, GitError> {
        let signature = self.signature(now)?;
        let run = || -> Result<Oid, git2::Error> {
            let blob = self.git.blob(bytes)?;
            let parent = parent.map(|p| self.git.find_commit(p)).transpose()?;
            let baseline = match &parent {
                Some(commit) => commit.tree()?,
                None => self.git.find_tree(self.git.treebuilder(None)?.write()?)?,
            };
            let tree = TreeUpdateBuilder::new()
                .upsert(path, blob, FileMode::Blob)
                .create_updated(&self.git, &baseline)?;
            let tree = self.git.find_tree(tree)?;
            let parents: Vec<_> = parent.iter().collect();
            self.git.commit(None, &signature, &signature, message, &tree, &parents)
        };
        run().map_err(doing("make a state commit"))
    }

    /// Moves a branch from one commit to another, only if it still stands at the first.
    pub fn advance(&self, branch: &str, from: Option<Oid>, to: Oid, why: &str) -> Result<(), GitError> {
        let _busy = self.busy()?;
        let name = format!("refs/heads/{branch}");
        let done = match from {
            Some(from) => self.git.reference_matching(&name, to, true, from, why),
            None => self.git.reference(&name, to, false, why),
        };
        match done {
            Ok(_) => Ok(()),
            Err(e) if matches!(e.code(), ErrorCode::Modified | ErrorCode::Exists | ErrorCode::NotFound) => {
                Err(GitError::Moved { branch: branch.into() })
            }
            Err(e) => Err(doing("move the branch")(e)),
        }
    }

    /// Makes the index agree with a state file just written, so that neither `git status` nor an
    /// agent's `git commit -a` sees a difference. One entry changes; the rest stays as staged.
    pub fn mirror_state(&self, path: &str, bytes: &[u8]) -> Result<(), GitError> {
        let file = self.top.join(path);
        let meta =
            std::fs::symlink_metadata(&file).map_err(|source| GitError::Io { path: file.clone(), source })?;
        let id = self.git.blob(bytes).map_err(doing("store the state"))?;
        let mut index = self.git.index().map_err(doing("read the index"))?;
        index.read(false).map_err(doing("read the index"))?;
        let entry = index_entry(path, id, &meta, 0o100_644);
        index.add(&entry).map_err(doing("update the index"))?;
        let _busy = self.busy()?;
        write_index(&mut index)
    }
}

/// Writes the index; a lock held by another git for a moment is waited for.
pub(super) fn write_index(index: &mut git2::Index) -> Result<(), GitError> {
    let mut last = None;
    for _ in 0..50 {
        match index.write() {
            Ok(()) => return Ok(()),
            Err(e) if e.code() == ErrorCode::Locked => {
                last = Some(e);
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            Err(e) => return Err(doing("write the index")(e)),
        }
    }
    let message = last.map_or_else(String::new, |e| e.message().to_owned());
    Err(GitError::Git { doing: "write the index", message })
}

/// An index entry with the file's own times and size, so that status need not read it.
pub(super) fn index_entry(path: &str, id: Oid, meta: &std::fs::Metadata, mode: u32) -> IndexEntry {
    // Git keeps the low 32 bits of each of these numbers.
    let low = |n: u64| u32::try_from(n & u64::from(u32::MAX)).unwrap_or(0);
    let time = |secs: i64, nanos: i64| {
        IndexTime::new(i32::try_from(secs).unwrap_or(0), u32::try_from(nanos).unwrap_or(0))
    };
    IndexEntry {
        ctime: time(meta.ctime(), meta.ctime_nsec()),
        mtime: time(meta.mtime(), meta.mtime_nsec()),
        dev: low(meta.dev()),
        ino: low(meta.ino()),
        mode,
        uid: meta.uid(),
        gid: meta.gid(),
        file_size: low(meta.size()),
        id,
        flags: 0,
        flags_extended: 0,
        path: Path::new(path).as_os_str().as_encoded_bytes().to_vec(),
    }
}

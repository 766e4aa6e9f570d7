//! Opening a repository, and who commits in it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use git2::{Repository, Signature};

use super::error::{Doing, GitError};
use crate::clock::Clock;

/// The folder of this program's own files; never committed.
pub const PRIVATE_DIR: &str = ".orchestrator/";

/// How long a lock held by another git process is waited for.
const LOCK_WAIT: Duration = Duration::from_secs(3);

/// A repository with a working tree.
pub struct Repo {
    pub(super) git: Repository,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) lock_wait: Duration,
    top: PathBuf,
    /// Read once: a run commits under one name.
    identity: OnceLock<Identity>,
}

/// The name that goes into commits (G16).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub name: String,
    pub email: String,
    /// The repository configures none, so the program commits as itself; worth a notice.
    pub assumed: bool,
}

impl Identity {
    /// Name and address must both be configured: half of a person is nobody.
    fn choose(name: Option<String>, email: Option<String>, host: &str) -> Self {
        // git refuses these characters, so a value made of them alone is no value.
        let usable = |text: &String| text.chars().any(|c| !" <>\n".contains(c));
        match (name.filter(usable), email.filter(usable)) {
            (Some(name), Some(email)) => Self { name, email, assumed: false },
            _ => {
                Self { name: "orchestrator".to_owned(), email: format!("orchestrator@{host}"), assumed: true }
            }
        }
    }
}

impl Repo {
    /// Opens the repository that contains `path`, a linked worktree included.
    ///
    /// # Errors
    /// [`GitError::NoRepository`] and [`GitError::Bare`], beside what libgit2 refuses.
    pub fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, GitError> {
        keep_freed_memory();
        let git = match Repository::discover(path) {
            Err(e) if e.code() == git2::ErrorCode::NotFound => {
                return Err(GitError::NoRepository { path: path.into() });
            }
            other => other.doing("open the repository")?,
        };
        let Some(workdir) = git.workdir() else {
            return Err(GitError::Bare { path: git.path().into() });
        };
        let top = canonical(workdir)?;
        Ok(Self { git, clock, lock_wait: LOCK_WAIT, top, identity: OnceLock::new() })
    }

    /// Waits at most `wait` for a lock that another git process holds.
    #[must_use]
    pub fn with_lock_wait(mut self, wait: Duration) -> Self {
        self.lock_wait = wait;
        self
    }

    /// The top folder of the working tree, links resolved.
    pub fn top(&self) -> &Path {
        &self.top
    }

    /// The repository's own folder (of this worktree), for refs, transports and tests.
    pub fn git_dir(&self) -> &Path {
        self.git.path()
    }

    /// The repository itself, for the transports.
    pub fn raw(&self) -> &Repository {
        &self.git
    }

    /// Where an absolute path of the working tree lies in the repository. The path need not
    /// exist; links in its folders are resolved, a link at its end is not.
    pub fn relative(&self, path: &Path) -> Result<PathBuf, GitError> {
        let outside = || GitError::Outside { path: path.into(), top: self.top.clone() };
        let name = path.file_name().ok_or_else(outside)?;
        let mut missing = vec![name.to_owned()];
        let mut folder = path.parent().ok_or_else(outside)?;
        let resolved = loop {
            match fs::canonicalize(folder) {
                Ok(resolved) => break resolved,
                Err(e) if e.kind() == io::ErrorKind::NotFound => {
                    missing.push(folder.file_name().ok_or_else(outside)?.to_owned());
                    folder = folder.parent().ok_or_else(outside)?;
                }
                Err(source) => return Err(GitError::Io { path: folder.into(), source }),
            }
        };
        let mut relative = resolved.strip_prefix(&self.top).map_err(|_| outside())?.to_owned();
        relative.extend(missing.into_iter().rev());
        let plain = relative.components().all(|c| matches!(c, Component::Normal(_)));
        if plain { Ok(relative) } else { Err(outside()) }
    }

    /// The folder of the project inside the repository; empty when they are the same.
    pub fn prefix(&self, project_root: &Path) -> Result<PathBuf, GitError> {
        let root = canonical(project_root)?;
        let inside = root.strip_prefix(&self.top);
        inside
            .map(Path::to_path_buf)
            .map_err(|_| GitError::Outside { path: root.clone(), top: self.top.clone() })
    }

    /// Who commits here (G16): the repository's person, else the program itself.
    pub fn identity(&self) -> Result<Identity, GitError> {
        if let Some(known) = self.identity.get() {
            return Ok(known.clone());
        }
        let config = self.git.config().and_then(|mut c| c.snapshot()).doing("read the git configuration")?;
        let text = |key| config.get_string(key).ok();
        let host = rustix::system::uname();
        let who = Identity::choose(text("user.name"), text("user.email"), &host.nodename().to_string_lossy());
        Ok(self.identity.get_or_init(|| who).clone())
    }

    pub(super) fn signature(&self) -> Result<Signature<'static>, GitError> {
        let who = self.identity()?;
        let time = git2::Time::new(self.clock.now().as_second(), 0);
        Signature::new(&who.name, &who.email, &time).doing("name the committer")
    }

    /// Keeps the program's own folder out of every status, by `.git/info/exclude`: the project's
    /// `.gitignore` is not ours to edit. Says whether the line was added now.
    pub fn exclude_private(&self) -> Result<bool, GitError> {
        self.exclude(PRIVATE_DIR)
    }

    /// The same for a folder that a run fills with logs, unless the project ignores it already. `folder`: relative to the
    /// repository.
    pub fn exclude_logs(&self, folder: &Path) -> Result<bool, GitError> {
        let Some(name) = folder.to_str().filter(|name| !name.is_empty()) else { return Ok(false) };
        if self.ignored(&folder.join("x.log"))? {
            return Ok(false);
        }
        self.exclude(&format!("/{name}/"))
    }

    fn exclude(&self, line: &str) -> Result<bool, GitError> {
        let folder = self.git.commondir().join("info");
        let path = folder.join("exclude");
        let io = |source| GitError::Io { path: path.clone(), source };
        let old = match fs::read(&path) {
            Ok(old) => old,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(io(e)),
        };
        if old.split(|b| *b == b'\n').any(|known| known.trim_ascii() == line.as_bytes()) {
            return Ok(false);
        }
        fs::create_dir_all(&folder).map_err(io)?;
        let lead = if old.is_empty() || old.ends_with(b"\n") { "" } else { "\n" };
        let mut file = OpenOptions::new().create(true).append(true).open(&path).map_err(io)?;
        file.write_all(format!("{lead}{line}\n").as_bytes()).map_err(io)?;
        Ok(true)
    }
}

/// libgit2 takes and frees a compressor's quarter of a MiB for each object. glibc's allocator gives that back to the
/// kernel and asks for it anew each time, until a larger block was freed: from then on it keeps twice that block's size
/// (mallopt(3), `M_MMAP_THRESHOLD`). Elsewhere this does nothing.
fn keep_freed_memory() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(1024 * 1024)));
}

fn canonical(path: &Path) -> Result<PathBuf, GitError> {
    fs::canonicalize(path).map_err(|source| GitError::Io { path: path.into(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// G16.
    #[test]
    fn a_nameless_repository_commits_as_the_program() {
        let text = |t: &str| Some(t.to_owned());
        let person = Identity::choose(text("Ann"), text("ann@x"), "box");
        assert_eq!(person, Identity { name: "Ann".into(), email: "ann@x".into(), assumed: false });
        for (name, email) in
            [(None, None), (text("Ann"), None), (text(" "), text("a@x")), (text("<>"), text("a"))]
        {
            let who = Identity::choose(name, email, "box");
            assert!(who.assumed);
            assert_eq!((who.name.as_str(), who.email.as_str()), ("orchestrator", "orchestrator@box"));
        }
    }
}

//! Where HEAD stands.

use git2::{ConfigLevel, Oid};

use super::error::{Doing, GitError, found};
use super::open::Repo;

/// Where HEAD stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The branch HEAD names, also one without a commit; `None` if HEAD is detached.
    pub branch: Option<String>,
    /// The commit of it; `None` on a branch without one.
    pub commit: Option<Oid>,
    pub detached: bool,
}

impl Repo {
    /// Where HEAD stands, on an unborn branch and in a linked worktree too.
    pub fn head(&self) -> Result<Head, GitError> {
        let head = self.git.find_reference("HEAD").doing("read HEAD")?;
        // A name that is not UTF-8 cannot be a configured branch, so a lossy one is enough.
        let target = head.symbolic_target_bytes().map(|b| String::from_utf8_lossy(b).into_owned());
        let branch = target.as_deref().and_then(|t| t.strip_prefix("refs/heads/")).map(str::to_owned);
        let detached = branch.is_none();
        let commit = match target {
            None => head.target(),
            Some(name) => found(self.git.refname_to_id(&name)).doing("read HEAD's branch")?,
        };
        Ok(Head { branch, commit, detached })
    }

    /// The commit a local branch points at, if there is such a branch.
    pub fn branch_tip(&self, branch: &str) -> Result<Option<Oid>, GitError> {
        found(self.git.refname_to_id(&branch_ref(branch))).doing("read the branch")
    }

    /// The remote of a branch: its upstream's, or `origin`.
    pub fn remote_of(&self, branch: &str) -> String {
        let upstream = self.git.branch_upstream_remote(&branch_ref(branch)).ok();
        upstream.as_ref().and_then(|name| name.as_str().ok()).unwrap_or("origin").to_owned()
    }

    /// Gives a branch that has no upstream the remote's branch of its name, as `git push -u` does.
    pub fn track(&self, branch: &str) -> Result<(), GitError> {
        let doing = "set the branch's upstream";
        let mut config = self.git.config().and_then(|c| c.open_level(ConfigLevel::Local)).doing(doing)?;
        let (remote, merge) = (format!("branch.{branch}.remote"), format!("branch.{branch}.merge"));
        if found(config.get_entry(&merge).map(drop)).doing(doing)?.is_some() {
            return Ok(());
        }
        config.set_str(&remote, &self.remote_of(branch)).doing(doing)?;
        config.set_str(&merge, &branch_ref(branch)).doing(doing)
    }
}

pub(super) fn branch_ref(branch: &str) -> String {
    format!("refs/heads/{branch}")
}

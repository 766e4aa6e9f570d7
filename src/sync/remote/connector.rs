//! What is needed to reach a remote, found out once; each thread opens its own way to it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use git2::{ErrorCode, Repository};

use super::choose::{Choice, Way, choose};
use super::cli::Program;
use super::command::Git;
use super::contract::Remote;
use super::credentials::Purse;
use super::error::RemoteError;
use super::local::Local;
use super::place::Place;
use super::server_clock;
use super::smart::Smart;
use super::stale;
use super::surroundings::Surroundings;
use super::survey::survey;
use super::worker::Cancel;
use crate::config::Transport;
use crate::ids::Ids;

/// How long to wait for what.
#[derive(Debug, Clone)]
pub struct Limits {
    /// For a sign of life of the network (`sync.network_timeout_secs`).
    pub silence: Duration,
    /// For the lock of a ref in a local remote (G21).
    pub lock: Duration,
    pub cancel: Cancel,
}

impl Default for Limits {
    fn default() -> Self {
        let (silence, lock) = (Duration::from_secs(60), Duration::from_secs(10));
        Self { silence, lock, cancel: Cancel::default() }
    }
}

/// A remote that can be opened as often as needed.
#[derive(Clone)]
pub struct Connector {
    git_dir: PathBuf,
    purse: Purse,
    git: Git,
    choice: Choice,
    notices: Vec<String>,
    limits: Limits,
    ids: Arc<dyn Ids>,
}

impl Connector {
    /// `remote`: the name of a configured remote, or a URL. Where a remote has a push URL, that is
    /// used for everything: listing one place and pushing to another would decide nothing.
    pub fn new(
        repo: &Repository,
        remote: &str,
        wish: Transport,
        surroundings: Surroundings,
        limits: Limits,
        ids: Arc<dyn Ids>,
    ) -> Result<Self, RemoteError> {
        let url = url_of(repo, remote)?;
        let top = repo.workdir().unwrap_or(repo.path());
        let place = Place::parse(&url, top).map_err(|e| RemoteError::Unsupported {
            what: "the remote's URL".to_owned(),
            why: e.to_string(),
        })?;
        let found = survey(repo, &place, &surroundings);
        let choice = choose(wish, &place, &found.findings);
        let mut notices = found.notices;
        notices.extend(choice.notice());
        let git = Git {
            surroundings: surroundings.clone(),
            helpers: found.helpers,
            ssh_command: found.ssh_command,
            silence: limits.silence,
            cancel: limits.cancel.clone(),
        };
        let purse = Purse {
            place,
            url,
            surroundings,
            identity_files: found.ssh.identity_files,
            ssh_user: found.ssh.user,
        };
        Ok(Self { git_dir: repo.path().to_owned(), purse, git, choice, notices, limits, ids })
    }

    /// Which transport, and why.
    pub fn choice(&self) -> &Choice {
        &self.choice
    }

    /// What a person should know, once.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// The URL without a password.
    pub fn shown_url(&self) -> String {
        let url = &self.purse.url;
        match url.split_once("://").map(|(scheme, rest)| (scheme, rest.split_once('@'))) {
            Some((scheme, Some((user, rest)))) if !user.contains('/') => {
                let user = user.split(':').next().unwrap_or_default();
                format!("{scheme}://{user}@{rest}")
            }
            _ => url.clone(),
        }
    }

    /// The folder of a remote on this machine.
    pub fn local_path(&self) -> Option<&std::path::Path> {
        if let Place::Path(path) = &self.purse.place { Some(path) } else { None }
    }

    /// What time it is by the server, in seconds since the epoch, where it can be asked for that (http).
    pub fn server_time(&self) -> Option<i64> {
        let http = matches!(self.purse.place, Place::Http { .. });
        http.then(|| server_clock::ask(&self.purse.url, self.limits.silence)).flatten()
    }

    /// Locks of these refs in a remote on this machine, with their age in seconds.
    pub fn ref_locks(&self, refs: &[&str]) -> Vec<(PathBuf, u64)> {
        let there = self.local_path().and_then(|path| Repository::open(path).ok());
        let Some(there) = there else { return Vec::new() };
        let locks = refs.iter().map(|name| stale::lock_of(there.commondir(), name));
        locks
            .filter(|lock| lock.exists())
            .map(|lock| (lock.clone(), stale::age_of(&lock).as_secs()))
            .collect()
    }

    /// Removes such a lock by the rule of G21: it stayed the same file for the whole time, on a local disk, and no
    /// process has it open.
    ///
    /// # Errors
    /// Why it stays.
    pub fn clear_ref_lock(&self, lock: &std::path::Path) -> Result<(), String> {
        match stale::wait(lock, self.limits.lock, || self.ids.unit()) {
            stale::Waited::Free { .. } => Ok(()),
            stale::Waited::Stays { why, .. } => Err(why),
        }
    }

    /// git would count a relative path from where it is run.
    fn program_url(&self) -> String {
        match &self.purse.place {
            Place::Path(path) => path.to_string_lossy().into_owned(),
            _ => self.purse.url.clone(),
        }
    }

    /// Opens a way to the remote. Nothing is sent yet.
    pub fn open(&self) -> Box<dyn Remote> {
        let silence = self.limits.silence;
        let cancel = self.limits.cancel.clone();
        match (&self.choice.way, &self.purse.place) {
            (Way::Local, Place::Path(path)) => Box::new(Local::new(
                self.git_dir.clone(),
                path.clone(),
                (silence, self.limits.lock),
                cancel,
                Arc::clone(&self.ids),
            )),
            (Way::Smart | Way::Local, _) => {
                Box::new(Smart::new(self.git_dir.clone(), self.purse.clone(), silence, cancel))
            }
            (Way::Program, _) => Box::new(Program {
                git: self.git.clone(),
                git_dir: self.git_dir.clone(),
                url: self.program_url(),
                host: self.purse.place.host().to_owned(),
            }),
        }
    }
}

fn url_of(repo: &Repository, remote: &str) -> Result<String, RemoteError> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match repo.find_remote(remote) {
        Ok(found) => Ok(text(found.pushurl_bytes().unwrap_or(found.url_bytes()))),
        Err(e) if matches!(e.code(), ErrorCode::NotFound | ErrorCode::InvalidSpec) => {
            let is_url = remote.contains('/') || remote.contains(':');
            if is_url { Ok(remote.to_owned()) } else { Err(RemoteError::NoRemote(remote.to_owned())) }
        }
        Err(e) => Err(RemoteError::here(e)),
    }
}

//! git2 over the network: git://, http(s), ssh.
//!
//! The server compares the value that its own advertisement gave with what the ref is when it takes
//! the lock. That the advertised value is the one *we* expect is checked in between, in the
//! negotiation callback: "fast-forward only" is not a comparison where agents merge.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use git2::{
    CertificateCheckStatus, Direction, FetchOptions, Oid, ProxyOptions, PushOptions, RemoteCallbacks,
    Repository,
};

use super::cli_words::{Verdict, verdict_of};
use super::contract::{Probe, Refusal, Remote, Swap, Swapped};
use super::credentials::Purse;
use super::error::RemoteError;
use super::hostkeys::vouched;
use super::place::Place;
use super::worker::{Cancel, Pulse, Worker};

/// The machine's known hosts, which libgit2 does not look at.
const SYSTEM_KNOWN_HOSTS: &str = "/etc/ssh/ssh_known_hosts";

pub(super) struct Smart {
    worker: Worker<Own>,
}

struct Own {
    repo: Repository,
    purse: Purse,
}

impl Smart {
    pub(super) fn new(git_dir: PathBuf, purse: Purse, silence: std::time::Duration, cancel: Cancel) -> Self {
        let make = move || {
            let repo = Repository::open(&git_dir).map_err(RemoteError::here)?;
            Ok(Own { repo, purse: purse.clone() })
        };
        Self { worker: Worker::new(silence, cancel, make) }
    }
}

impl Remote for Smart {
    fn list(&mut self, refs: &[&str]) -> Result<Vec<Option<Oid>>, RemoteError> {
        let refs: Vec<String> = refs.iter().map(|r| (*r).to_owned()).collect();
        self.worker.run(move |own, life| own.list(&refs, false, life))
    }

    fn look(&mut self, refs: &[&str]) -> Result<Vec<Option<Oid>>, RemoteError> {
        let refs: Vec<String> = refs.iter().map(|r| (*r).to_owned()).collect();
        self.worker.run(move |own, life| own.list(&refs, true, life))
    }

    fn fetch(&mut self, reference: &str, tip: Oid) -> Result<(), RemoteError> {
        let reference = reference.to_owned();
        self.worker.run(move |own, life| own.fetch(&reference, tip, life))
    }

    fn swap(&mut self, swap: &Swap<'_>) -> Result<Swapped, RemoteError> {
        let (reference, expected, new) = (swap.reference.to_owned(), swap.expected, swap.new);
        self.worker.run(move |own, life| own.swap(&Swap { reference: &reference, expected, new }, life))
    }

    fn probe(&mut self, _: &str) -> Result<Probe, RemoteError> {
        self.worker.run(move |own, life| own.probe(life))
    }
}

impl Own {
    fn failed(&self, error: git2::Error) -> RemoteError {
        match RemoteError::from_git2(error, self.purse.place.host()) {
            RemoteError::HostKey { .. } => RemoteError::HostKey { host: self.purse.place.host().to_owned() },
            other => other,
        }
    }

    fn list(&self, refs: &[String], bring: bool, life: &Arc<Pulse>) -> Result<Vec<Option<Oid>>, RemoteError> {
        let heads = || {
            let mut remote = self.repo.remote_anonymous(&self.purse.url)?;
            let callbacks = callbacks(&self.purse, life);
            let mut connection = remote.connect_auth(Direction::Fetch, Some(callbacks), Some(proxy()))?;
            life.beat();
            let heads = connection.list()?;
            let find = |name: &String| heads.iter().find(|h| h.name() == *name).map(git2::RemoteHead::oid);
            let values: Vec<Option<Oid>> = refs.iter().map(find).collect();
            if let (true, Some(first), Some(Some(tip))) = (bring, refs.first(), values.first())
                && self.repo.find_commit(*tip).is_err()
            {
                // A handshake is most of what a fetch costs. If it fails, the fetch that follows tells.
                let _ = connection.remote().download(&[first.as_str()], Some(&mut self.fetching(life)));
            }
            Ok(values)
        };
        heads().map_err(|e| self.failed(e))
    }

    /// The first answer to whoever wants to push says already whether it may.
    fn probe(&self, life: &Arc<Pulse>) -> Result<Probe, RemoteError> {
        let default = || {
            let mut remote = self.repo.remote_anonymous(&self.purse.url)?;
            let connection =
                remote.connect_auth(Direction::Fetch, Some(callbacks(&self.purse, life)), Some(proxy()))?;
            let name = connection.default_branch();
            let name = name.ok().map(|name| String::from_utf8_lossy(&name).into_owned());
            Ok(name.and_then(|name| name.strip_prefix("refs/heads/").map(str::to_owned)))
        };
        let default_branch = default().map_err(|e| self.failed(e))?;
        let push = || {
            let mut remote = self.repo.remote_anonymous(&self.purse.url)?;
            remote.connect_auth(Direction::Push, Some(callbacks(&self.purse, life)), Some(proxy())).map(drop)
        };
        // What could just be read cannot be unreachable: it is the push that is refused.
        Ok(Probe { default_branch, push: push().map_err(|e| self.failed(e).to_string()) })
    }

    fn fetching(&self, life: &Arc<Pulse>) -> FetchOptions<'_> {
        let mut options = FetchOptions::new();
        options.remote_callbacks(callbacks(&self.purse, life));
        options.download_tags(git2::AutotagOption::None).update_fetchhead(false);
        options.proxy_options(proxy());
        options
    }

    fn fetch(&self, reference: &str, tip: Oid, life: &Arc<Pulse>) -> Result<(), RemoteError> {
        let download = || {
            let mut remote = self.repo.remote_anonymous(&self.purse.url)?;
            let downloaded = remote.download(&[reference], Some(&mut self.fetching(life)));
            let _ = remote.disconnect();
            downloaded
        };
        download().map_err(|e| self.failed(e))?;
        // What the branch has moved on to contains it; a branch that was moved back does not.
        match self.repo.find_commit(tip) {
            Ok(_) => Ok(()),
            Err(_) => Err(RemoteError::Gone(tip.to_string())),
        }
    }

    fn swap(&self, swap: &Swap<'_>, life: &Arc<Pulse>) -> Result<Swapped, RemoteError> {
        let advertised: RefCell<Option<Option<Oid>>> = RefCell::new(None);
        let answer: RefCell<Option<Option<String>>> = RefCell::new(None);
        let push = || {
            let mut remote = self.repo.remote_anonymous(&self.purse.url)?;
            let mut callbacks = callbacks(&self.purse, life);
            callbacks.push_negotiation(|updates| {
                let now = updates.first().map(git2::PushUpdate::src).filter(|id| !id.is_zero());
                if now != swap.expected {
                    *advertised.borrow_mut() = Some(now);
                    return Err(git2::Error::from_str("the ref has another value"));
                }
                Ok(())
            });
            callbacks.push_update_reference(|_, status| {
                *answer.borrow_mut() = Some(status.map(str::to_owned));
                Ok(())
            });
            let mut options = PushOptions::new();
            options.remote_callbacks(callbacks);
            options.proxy_options(proxy());
            let refspec = format!("{}{}:{}", self.force(swap), swap.new, swap.reference);
            let pushed = remote.push(&[refspec.as_str()], Some(&mut options));
            let _ = remote.disconnect();
            pushed
        };
        let pushed = push();
        if let Some(now) = advertised.into_inner() {
            return Ok(Swapped::Lost { now });
        }
        match (pushed, answer.into_inner()) {
            (_, Some(Some(status))) if status.contains("unpacker") => Err(RemoteError::Full(status)),
            (_, Some(Some(status))) => Ok(match verdict_of(&status) {
                Verdict::Lost => Swapped::Lost { now: None },
                Verdict::Refused => Swapped::Refused(Refusal::Server(status)),
            }),
            (Ok(()), Some(None)) => Ok(Swapped::Swapped),
            (Ok(()), None) => Err(RemoteError::Unreachable("it gave no answer to the push".to_owned())),
            (Err(e), _) => Err(self.failed(e)),
        }
    }

    /// libgit2 itself looks whether a push is a fast-forward, and needs the old commit for it. A
    /// lease's value can be one this clone never had; the comparison is exact either way.
    fn force(&self, swap: &Swap<'_>) -> &'static str {
        let forward = |old| self.repo.graph_descendant_of(swap.new, old).unwrap_or(false);
        if swap.expected.is_none_or(forward) { "" } else { "+" }
    }
}

fn proxy() -> ProxyOptions<'static> {
    let mut proxy = ProxyOptions::new();
    proxy.auto();
    proxy
}

fn callbacks<'a>(purse: &'a Purse, life: &Arc<Pulse>) -> RemoteCallbacks<'a> {
    let mut callbacks = RemoteCallbacks::new();
    let mut attempts = purse.attempts();
    // libgit2 follows a redirection to another host and does not tell whom a login is for.
    let reached = Rc::new(RefCell::new(None::<String>));
    let (beat, at) = (Arc::clone(life), Rc::clone(&reached));
    callbacks.credentials(move |_, user, allowed| {
        beat.beat();
        match &*at.borrow() {
            Some(other) if purse.place.is_secure_http() && other != purse.place.host() => {
                Err(redirected(other))
            }
            _ => attempts.next(user, allowed),
        }
    });
    let beat = Arc::clone(life);
    callbacks.certificate_check(move |certificate, host| {
        beat.beat();
        *reached.borrow_mut() = Some(host.to_owned());
        let key = certificate.as_hostkey().and_then(|k| k.hostkey());
        let known = key.is_some_and(|key| knows(purse, host, key));
        Ok(if known {
            CertificateCheckStatus::CertificateOk
        } else {
            CertificateCheckStatus::CertificatePassthrough
        })
    });
    let beat = Arc::clone(life);
    callbacks.transfer_progress(move |_| beat.beat());
    let beat = Arc::clone(life);
    callbacks.sideband_progress(move |_| beat.beat());
    let beat = Arc::clone(life);
    callbacks.pack_progress(move |_, _, _| {
        beat.beat();
    });
    let beat = Arc::clone(life);
    callbacks.push_transfer_progress(move |_, _, _| {
        beat.beat();
    });
    callbacks
}

fn redirected(to: &str) -> git2::Error {
    let why = format!("redirected to {to}, which gets no login meant for another host");
    git2::Error::new(git2::ErrorCode::Auth, git2::ErrorClass::Http, why)
}

/// Plain lines of the user's and the machine's known hosts; what is not found there libgit2 judges.
fn knows(purse: &Purse, host: &str, key: &[u8]) -> bool {
    let Place::Ssh { port, .. } = &purse.place else { return false };
    let own = purse.surroundings.expand("~/.ssh/known_hosts");
    let lines =
        [own, PathBuf::from(SYSTEM_KNOWN_HOSTS)].map(|f| std::fs::read_to_string(f).unwrap_or_default());
    vouched(&lines.concat(), host, *port, key)
}

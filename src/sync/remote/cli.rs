//! The git program: for what libgit2 cannot do as git does (ssh's own configuration, hooks of a
//! local remote, repository formats it refuses).

use std::path::PathBuf;

use git2::{Oid, Repository};

use super::cli_words::{Verdict, complaint, listed, pushed, verdict_of};
use super::command::Git;
use super::contract::{Probe, Refusal, Remote, Swap, Swapped};
use super::error::RemoteError;

pub(super) struct Program {
    pub git: Git,
    pub git_dir: PathBuf,
    /// As it stands in the configuration; git itself applies `insteadOf`.
    pub url: String,
    pub host: String,
}

impl Program {
    fn failed(&self, stderr: &str) -> RemoteError {
        match RemoteError::of_words(complaint(stderr)) {
            RemoteError::HostKey { .. } => RemoteError::HostKey { host: self.host.clone() },
            other => other,
        }
    }
}

impl Remote for Program {
    fn list(&mut self, refs: &[&str]) -> Result<Vec<Option<Oid>>, RemoteError> {
        let mut args = vec!["ls-remote", "--refs", "--", self.url.as_str()];
        args.extend(refs);
        let ran = self.git.run(&self.git_dir, &args)?;
        if !ran.status.success() {
            return Err(self.failed(&ran.err));
        }
        listed(&ran.out, refs).map_err(|id| RemoteError::Unsupported {
            what: "the remote's object format".to_owned(),
            why: format!("{id} is no commit id of this clone's kind"),
        })
    }

    fn fetch(&mut self, reference: &str, tip: Oid) -> Result<(), RemoteError> {
        let args = [
            "fetch",
            "--progress",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-auto-maintenance",
            "--no-recurse-submodules",
            "--",
            self.url.as_str(),
            reference,
        ];
        let ran = self.git.run(&self.git_dir, &args)?;
        if !ran.status.success() {
            return Err(self.failed(&ran.err));
        }
        let repo = Repository::open(&self.git_dir).map_err(RemoteError::here)?;
        match repo.find_commit(tip) {
            Ok(_) => Ok(()),
            Err(_) => Err(RemoteError::Gone(tip.to_string())),
        }
    }

    fn swap(&mut self, swap: &Swap<'_>) -> Result<Swapped, RemoteError> {
        let old = swap.expected.map(|id| id.to_string()).unwrap_or_default();
        let lease = format!("--force-with-lease={}:{old}", swap.reference);
        let refspec = format!("{}:{}", swap.new, swap.reference);
        let args = [
            "push",
            "--porcelain",
            "--progress",
            "--no-verify",
            lease.as_str(),
            "--",
            self.url.as_str(),
            refspec.as_str(),
        ];
        let ran = self.git.run(&self.git_dir, &args)?;
        match pushed(&ran.out, swap.reference) {
            Some(Ok(())) => Ok(Swapped::Swapped),
            Some(Err(reason)) => match verdict_of(&reason) {
                Verdict::Lost => Ok(Swapped::Lost { now: None }),
                Verdict::Refused if reason.contains("unpacker") => {
                    Err(RemoteError::Full(complaint(&ran.err)))
                }
                Verdict::Refused => Ok(Swapped::Refused(Refusal::Server(told(&reason, &ran.err)))),
            },
            None => Err(self.failed(&ran.err)),
        }
    }

    fn probe(&mut self, reference: &str) -> Result<Probe, RemoteError> {
        let ran = self.git.run(&self.git_dir, &["ls-remote", "--symref", "--", self.url.as_str(), "HEAD"])?;
        if !ran.status.success() {
            return Err(self.failed(&ran.err));
        }
        let symref = ran.out.lines().find_map(|l| l.strip_prefix("ref: refs/heads/")?.split('\t').next());
        let default_branch = symref.map(str::to_owned);
        let repo = Repository::open(&self.git_dir).map_err(RemoteError::here)?;
        let Some(head) = repo.head().ok().and_then(|head| head.target()) else {
            return Ok(Probe { default_branch, push: Ok(()) });
        };
        // Forced and dry: whether it would be a fast-forward is not the question.
        let refspec = format!("+{head}:{reference}");
        let args =
            ["push", "--dry-run", "--porcelain", "--no-verify", "--", self.url.as_str(), refspec.as_str()];
        let ran = self.git.run(&self.git_dir, &args)?;
        let push = match pushed(&ran.out, reference) {
            Some(Ok(())) => Ok(()),
            Some(Err(reason)) => Err(told(&reason, &ran.err)),
            None => Err(self.failed(&ran.err).to_string()),
        };
        Ok(Probe { default_branch, push })
    }
}

/// The reason, and what the server's hook said.
fn told(reason: &str, stderr: &str) -> String {
    let said: Vec<&str> = stderr.lines().filter_map(|l| l.strip_prefix("remote: ")).map(str::trim).collect();
    if said.is_empty() { reason.to_owned() } else { format!("{reason}: {}", said.join("; ")) }
}

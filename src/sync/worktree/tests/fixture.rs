//! A repository in a temporary folder, and the `git` program to cross-check with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use git2::Oid;
use tempfile::TempDir;

use crate::clock::ManualClock;
use crate::sync::worktree::Repo;

pub const STATE: &str = "sync/state.json";

pub struct Fixture {
    pub repo: Repo,
    home: TempDir,
}

impl Fixture {
    /// A repository on `main` with one commit that holds `README.md` and the state file.
    pub fn new() -> Self {
        let fixture = Self::unborn();
        fixture.write("README.md", "hello\n");
        fixture.write(STATE, "{}\n");
        fixture.git(&["add", "-A"]);
        fixture.git(&["commit", "-qm", "Begin"]);
        fixture
    }

    /// A repository on `main` without a commit.
    pub fn unborn() -> Self {
        let home = tempfile::tempdir().unwrap();
        let top = home.path().join("work");
        fs::create_dir(&top).unwrap();
        run(home.path(), &top, &["init", "-q", "-b", "main"]);
        for (key, value) in
            [("user.name", "Ann"), ("user.email", "ann@example.org"), ("core.fsmonitor", "false")]
        {
            run(home.path(), &top, &["config", key, value]);
        }
        let repo = open(&top);
        Self { repo, home }
    }

    pub fn top(&self) -> &Path {
        self.repo.top()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.top().join(name)
    }

    /// A folder beside the repository.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Runs git in the repository and gives its output; it has to succeed.
    pub fn git(&self, args: &[&str]) -> String {
        run(self.home.path(), self.top(), args)
    }

    pub fn git_in(&self, folder: &Path, args: &[&str]) -> String {
        run(self.home.path(), folder, args)
    }

    /// Runs git in the repository and says whether it succeeded.
    pub fn git_ok(&self, args: &[&str]) -> bool {
        command(self.home.path(), self.top(), args).output().unwrap().status.success()
    }

    pub fn head(&self) -> Oid {
        self.repo.head().unwrap().commit.unwrap()
    }

    /// Commits everything in the tree, as an agent would.
    pub fn commit_all(&self, message: &str) -> Oid {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-qm", message]);
        self.head()
    }

    /// Claims: commits, advances and mirrors `bytes` as the state, and writes the working file.
    pub fn put_state(&self, bytes: &str, message: &str) -> Oid {
        let head = self.repo.head().unwrap();
        let commit =
            self.repo.commit_state(head.commit, Path::new(STATE), bytes.as_bytes(), message).unwrap();
        self.repo.advance(&head.branch.unwrap(), head.commit, commit, "claim").unwrap();
        self.write(STATE, bytes);
        self.repo.mirror_state(Path::new(STATE), bytes.as_bytes()).unwrap();
        commit
    }

    pub fn status(&self) -> String {
        self.git(&["status", "--porcelain"])
    }

    /// git finds nothing wrong with the repository.
    pub fn assert_sound(&self) {
        let said = self.git(&["fsck", "--strict", "--no-dangling"]);
        assert_eq!(said, "");
    }
}

pub fn open(path: &Path) -> Repo {
    let clock = ManualClock::at("2026-01-20T03:29:29Z".parse().unwrap());
    Repo::open(path, Arc::new(clock)).unwrap().with_lock_wait(Duration::from_millis(60))
}

fn command(home: &Path, folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.args(args).current_dir(folder).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap());
    command.env("HOME", home).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_EDITOR", "true").env("LC_ALL", "C");
    command
}

fn run(home: &Path, folder: &Path, args: &[&str]) -> String {
    let out = command(home, folder, args).output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success(), "git {args:?}: {said}{}", String::from_utf8_lossy(&out.stderr));
    said
}

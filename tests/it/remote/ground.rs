//! A remote, the ways to it, and clones of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use git2::{Oid, Repository, Signature, Time};
use orchestrator::config::Transport;
use orchestrator::ids::SystemIds;
use orchestrator::sync::remote::{Connector, Limits, Remote, Surroundings, Way};
use tempfile::TempDir;

use super::http::Server;
use super::inetd::Listener;

pub const MAIN: &str = "refs/heads/main";
pub const LEASE: &str = "refs/orchestrator/lease/main";

/// How a remote is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Path,
    File,
    Daemon,
    Http,
    Ssh,
    GitOnPath,
    GitOnHttp,
    GitOnSsh,
}

impl Kind {
    pub const ALL: [Self; 8] = [
        Self::Path,
        Self::File,
        Self::Daemon,
        Self::Http,
        Self::Ssh,
        Self::GitOnPath,
        Self::GitOnHttp,
        Self::GitOnSsh,
    ];

    fn program(self) -> bool {
        matches!(self, Self::GitOnPath | Self::GitOnHttp | Self::GitOnSsh)
    }

    pub fn way(self) -> Way {
        match self {
            Self::Path | Self::File => Way::Local,
            Self::Daemon | Self::Http | Self::Ssh => Way::Smart,
            Self::GitOnPath | Self::GitOnHttp | Self::GitOnSsh => Way::Program,
        }
    }
}

pub struct Ground {
    pub kind: Kind,
    pub dir: TempDir,
    pub http: Option<Server>,
    listener: Option<Listener>,
    pub silence: Duration,
}

impl Ground {
    /// A bare remote reached in this way; `None`, said aloud, if this machine has no server for it.
    pub fn new(kind: Kind) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let ground = Self { kind, dir, http: None, listener: None, silence: Duration::from_secs(30) };
        git(&ground.home(), ground.dir.path(), &["init", "-q", "--bare", "-b", "main", "remote.git"]);
        git(&ground.home(), &ground.bare(), &["config", "http.receivepack", "true"]);
        ground.serve()
    }

    fn serve(mut self) -> Option<Self> {
        let root = self.dir.path().to_owned();
        match self.kind {
            Kind::Path | Kind::File | Kind::GitOnPath => {}
            Kind::Daemon => {
                let base = format!("--base-path={}", root.display());
                let args = ["daemon", "--inetd", "--export-all", "--enable=receive-pack", &base];
                let args = args.map(str::to_owned).to_vec();
                self.listener = Some(Listener::of_program("git".into(), args));
            }
            Kind::Http | Kind::GitOnHttp => self.http = Some(Server::start(&root)),
            Kind::Ssh | Kind::GitOnSsh => self.listener = Some(self.sshd()?),
        }
        Some(self)
    }

    /// `sshd` for this user alone, with keys of its own.
    fn sshd(&self) -> Option<Listener> {
        let found = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"]
            .iter()
            .find(|p| Path::new(p).exists());
        let Some(sshd) = found else {
            skipped("no sshd on this machine, ssh is not tested");
            return None;
        };
        let at = |name: &str| self.dir.path().join(name);
        fs::create_dir_all(at("home/.ssh")).unwrap();
        for key in [at("host_key"), at("home/.ssh/id_ed25519")] {
            let made =
                Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
            assert!(made.unwrap().success());
        }
        fs::copy(at("home/.ssh/id_ed25519.pub"), at("authorized_keys")).unwrap();
        let config = format!(
            "HostKey {}\nAuthorizedKeysFile {}\nPidFile none\nStrictModes no\nUsePAM no\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\nLogLevel QUIET\n",
            at("host_key").display(),
            at("authorized_keys").display(),
        );
        fs::write(at("sshd_config"), config).unwrap();
        if rustix::process::getuid().is_root() {
            // sshd gives up its rights into this folder.
            let _ = fs::create_dir_all("/run/sshd");
        }
        let args = vec!["-i".into(), "-f".into(), at("sshd_config").display().to_string()];
        let listener = Listener::of_program((*sshd).to_owned(), args);
        self.trust(listener.port);
        Some(listener)
    }

    /// Makes the server's key known.
    fn trust(&self, port: u16) {
        let key = fs::read_to_string(self.dir.path().join("host_key.pub")).unwrap();
        fs::write(self.home().join(".ssh/known_hosts"), format!("[127.0.0.1]:{port} {key}")).unwrap();
    }

    pub fn home(&self) -> PathBuf {
        let home = self.dir.path().join("home");
        fs::create_dir_all(&home).unwrap();
        home
    }

    pub fn bare(&self) -> PathBuf {
        self.dir.path().join("remote.git")
    }

    pub fn url(&self) -> String {
        let port = self.listener.as_ref().or(self.http.as_ref().map(|h| &h.listener)).map_or(0, |l| l.port);
        let bare = self.bare().display().to_string();
        match self.kind {
            Kind::Path | Kind::GitOnPath => bare,
            Kind::File => format!("file://{bare}"),
            Kind::Daemon => format!("git://127.0.0.1:{port}/remote.git"),
            Kind::Http | Kind::GitOnHttp => format!("http://127.0.0.1:{port}/remote.git"),
            Kind::Ssh | Kind::GitOnSsh => format!("ssh://{}@127.0.0.1:{port}{bare}", user()),
        }
    }

    pub fn clone(&self, name: &str) -> Clone {
        let path = self.dir.path().join(name);
        let repo = Repository::init(&path).unwrap();
        Clone { repo }
    }

    /// The environment a transport is told about.
    pub fn surroundings(&self) -> Surroundings {
        let home = self.home();
        let mut vars = vec![("HOME".to_owned(), home.display().to_string())];
        if self.kind == Kind::GitOnSsh {
            let ssh = home.join(".ssh");
            let command = format!(
                "ssh -F /dev/null -o BatchMode=yes -o IdentitiesOnly=yes -i {} -o UserKnownHostsFile={}",
                ssh.join("id_ed25519").display(),
                ssh.join("known_hosts").display(),
            );
            vars.push(("GIT_SSH_COMMAND".to_owned(), command));
        }
        Surroundings::from_vars(vars)
    }

    pub fn limits(&self) -> Limits {
        Limits { silence: self.silence, lock: Duration::from_millis(500), ..Limits::default() }
    }

    pub fn connector(&self, clone: &Clone) -> Connector {
        let wish = if self.kind.program() { Transport::Git } else { Transport::Git2 };
        self.connector_with(clone, wish, self.surroundings())
    }

    pub fn connector_with(&self, clone: &Clone, wish: Transport, surroundings: Surroundings) -> Connector {
        self.connector_to(clone, &self.url(), wish, surroundings)
    }

    pub fn connector_to(
        &self,
        clone: &Clone,
        url: &str,
        wish: Transport,
        surroundings: Surroundings,
    ) -> Connector {
        let ids = Arc::new(SystemIds);
        Connector::new(&clone.repo, url, wish, surroundings, self.limits(), ids).unwrap()
    }

    pub fn open(&self, clone: &Clone) -> Box<dyn Remote> {
        let connector = self.connector(clone);
        assert_eq!(connector.choice().way, self.kind.way());
        connector.open()
    }

    /// What the remote really has.
    pub fn value(&self, reference: &str) -> Option<Oid> {
        Repository::open(self.bare()).unwrap().refname_to_id(reference).ok()
    }

    pub fn assert_sound(&self) {
        git(&self.home(), &self.bare(), &["fsck", "--strict", "--no-dangling", "--connectivity-only"]);
    }

    /// A hook of the remote.
    pub fn hook(&self, name: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.bare().join("hooks").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

pub struct Clone {
    pub repo: Repository,
}

impl Clone {
    /// A commit that adds one file of this name.
    pub fn commit(&self, parent: Option<Oid>, name: &str) -> Oid {
        let repo = &self.repo;
        let parent = parent.map(|id| repo.find_commit(id).unwrap());
        let base = parent.as_ref().map(|p| p.tree().unwrap());
        let mut builder = repo.treebuilder(base.as_ref()).unwrap();
        builder.insert(name, repo.blob(name.as_bytes()).unwrap(), 0o100_644).unwrap();
        let tree = repo.find_tree(builder.write().unwrap()).unwrap();
        let who = Signature::new("Ann", "ann@example.org", &Time::new(1_700_000_000, 0)).unwrap();
        repo.commit(None, &who, &who, name, &tree, &parent.iter().collect::<Vec<_>>()).unwrap()
    }

    pub fn has(&self, id: Oid) -> bool {
        self.repo.find_commit(id).is_ok()
    }
}

#[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
pub fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}

pub fn user() -> String {
    let out = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

/// Runs git apart from the user's configuration; it has to succeed.
pub fn git(home: &Path, folder: &Path, args: &[&str]) -> String {
    let mut command = Command::new("git");
    command.args(args).current_dir(folder).env("HOME", home).env("GIT_CONFIG_NOSYSTEM", "1");
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
    for (key, value) in [("NAME", "Ann"), ("EMAIL", "ann@example.org")] {
        command.env(format!("GIT_AUTHOR_{key}"), value).env(format!("GIT_COMMITTER_{key}"), value);
    }
    let out = command.output().unwrap();
    assert!(out.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).trim().to_owned()
}

//! Finds out what decides between libgit2 and the git program (G18).

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use git2::{Config, Repository};

use super::choose::{Findings, Why};
use super::place::Place;
use super::ssh_config::SshConfig;
use super::surroundings::Surroundings;

/// Hooks of a server that see or refuse a push.
const SERVER_HOOKS: &[&str] = &[
    "pre-receive",
    "update",
    "post-receive",
    "post-update",
    "proc-receive",
    "reference-transaction",
    "push-to-checkout",
];

/// What was found, and what ssh knows about the host.
pub(super) struct Survey {
    pub findings: Findings,
    pub ssh: SshConfig,
    /// `core.sshCommand` of user or system.
    pub ssh_command: Option<String>,
    /// `credential.*` of user and system, in order.
    pub helpers: Vec<(String, String)>,
    pub notices: Vec<String>,
}

pub(super) fn survey(repo: &Repository, place: &Place, surroundings: &Surroundings) -> Survey {
    let user = user_config();
    let ssh_command = user.as_ref().and_then(|c| c.get_string("core.sshcommand").ok());
    let helpers = user.as_ref().map(credential_keys).unwrap_or_default();
    let mut findings = Findings::default();
    let mut ssh = SshConfig::default();
    let mut notices = Vec::new();
    if repo.is_shallow() {
        findings.whys.push(Why::HereShallow);
    }
    if repo.config().is_ok_and(|c| c.get_string("extensions.partialclone").is_ok()) {
        findings.whys.push(Why::HerePartial);
    }
    match place {
        Place::Path(path) => findings.whys.extend(local_whys(path)),
        Place::Ssh { host, .. } => {
            let own = surroundings.var("GIT_SSH_COMMAND").or(surroundings.var("GIT_SSH"));
            if own.is_some() || ssh_command.is_some() {
                findings.whys.push(Why::SshCommand);
            } else if let Some(answer) = ask_ssh(host) {
                ssh = SshConfig::parse(&answer, host);
                findings.whys.extend(ssh.whys.clone());
            }
            if let Some(ignored) = repository_ssh_command(repo) {
                notices.push(format!("core.sshCommand of this repository (`{ignored}`) is not used"));
            }
        }
        Place::Daemon { .. } | Place::Http { .. } => {}
    }
    Survey { findings, ssh, ssh_command, helpers, notices }
}

/// The configuration of user and system alone: what a repository configures is not run (G22).
fn user_config() -> Option<Config> {
    Config::open_default().and_then(|mut c| c.snapshot()).ok()
}

fn credential_keys(config: &Config) -> Vec<(String, String)> {
    let mut keys = Vec::new();
    if let Ok(entries) = config.entries(Some("^credential\\.")) {
        let _ = entries.for_each(|entry| {
            if let (Ok(name), Ok(value)) = (entry.name(), entry.value()) {
                keys.push((name.to_owned(), value.to_owned()));
            }
        });
    }
    keys
}

fn repository_ssh_command(repo: &Repository) -> Option<String> {
    let local = repo.config().and_then(|c| c.open_level(git2::ConfigLevel::Local)).ok()?;
    local.snapshot_string("core.sshcommand")
}

trait SnapshotString {
    fn snapshot_string(self, key: &str) -> Option<String>;
}

impl SnapshotString for Config {
    fn snapshot_string(mut self, key: &str) -> Option<String> {
        self.snapshot().and_then(|c| c.get_string(key)).ok()
    }
}

/// `ssh -G` reads its configuration and connects to nothing.
fn ask_ssh(host: &str) -> Option<String> {
    let mut command = Command::new("ssh");
    command.args(["-G", "--", host]).stdin(Stdio::null()).stderr(Stdio::null());
    let answer = command.output().ok().filter(|o| o.status.success())?;
    Some(String::from_utf8_lossy(&answer.stdout).into_owned())
}

/// The other repository's reasons, read without opening it: libgit2 refuses some.
fn local_whys(path: &Path) -> Vec<Why> {
    let dot_git = path.join(".git");
    let (git_dir, bare) = if dot_git.is_dir() { (dot_git, false) } else { (path.to_owned(), true) };
    let mut whys = Vec::new();
    let Ok(mut config) = Config::open(&git_dir.join("config")) else { return whys };
    let Ok(config) = config.snapshot() else { return whys };
    let text = |key: &str| config.get_string(key).ok();
    if fs::metadata(git_dir.join("shallow")).is_ok_and(|m| m.len() > 0) {
        whys.push(Why::ThereShallow);
    }
    match text("extensions.refstorage").as_deref() {
        None | Some("files") => {}
        Some("reftable") => whys.push(Why::ThereReftable),
        Some(_) => whys.push(Why::ThereUnknownFormat),
    }
    if text("extensions.objectformat").is_some_and(|f| f != "sha1") {
        whys.push(Why::ThereSha256);
    }
    if unknown_extension(&config) {
        whys.push(Why::ThereUnknownFormat);
    }
    let hooks = text("core.hookspath").map_or_else(|| git_dir.join("hooks"), |p| git_dir.join(p));
    if SERVER_HOOKS.iter().any(|hook| is_executable(&hooks.join(hook))) {
        whys.push(Why::Hooks);
    }
    if !bare && text("receive.denycurrentbranch").is_some_and(|v| v.eq_ignore_ascii_case("updateInstead")) {
        whys.push(Why::UpdateInstead);
    }
    if text("core.sharedrepository").is_some_and(|v| !["0", "umask", "false", "no"].contains(&v.as_str())) {
        whys.push(Why::SharedRepository);
    }
    let checks = |key: &str| config.get_bool(key).unwrap_or(false);
    if checks("receive.fsckobjects") || checks("transfer.fsckobjects") {
        whys.push(Why::ChecksObjects);
    }
    whys
}

fn unknown_extension(config: &Config) -> bool {
    const KNOWN: &[&str] = &[
        "extensions.noop",
        "extensions.objectformat",
        "extensions.refstorage",
        "extensions.worktreeconfig",
        "extensions.preciousobjects",
    ];
    let mut unknown = false;
    if let Ok(entries) = config.entries(Some("^extensions\\.")) {
        let _ = entries.for_each(|entry| {
            unknown |= entry.name().is_ok_and(|name| !KNOWN.contains(&name.to_ascii_lowercase().as_str()));
        });
    }
    unknown
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

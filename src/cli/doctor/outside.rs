//! Looks beyond the project: the remote, the agents' programs, the disks.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::super::error::Failure;
use super::super::setup::{Machine, environment, runtime};
use super::facts::{Agent, Disk, Facts, Reached, Remote, Trouble};
use crate::agents::{self, AgentError, login_missing, older, refuses_root};
use crate::clock::{Clock, SystemClock};
use crate::ids::{Ids, SystemIds};
use crate::sync::driver::lease_ref_of;
use crate::sync::protocol::RefName;
use crate::sync::remote::{Connector, Limits, RemoteError, Surroundings};
use crate::sync::worktree::{Oid, Repo};
use crate::turns::settings::Settings;

/// Whoever asks the doctor wants an answer soon.
const PATIENCE: Duration = Duration::from_secs(15);
/// State commits whose protocol and time are looked at.
const DEPTH: usize = 200;

/// Asks the remote, and looks at what it has. Changes nothing there.
pub(super) fn remote(repo: &Repo, settings: &Settings, facts: &mut Facts) -> Option<Connector> {
    let branch = repo.head().ok().and_then(|h| h.branch);
    let upstream = branch.as_ref().and_then(|branch| {
        let name = repo.raw().branch_upstream_remote(&format!("refs/heads/{branch}")).ok()?;
        name.as_str().ok().map(str::to_owned)
    });
    let name = upstream.unwrap_or_else(|| "origin".to_owned());
    if repo.raw().find_remote(&name).is_err() {
        facts.remote = Remote::None;
        return None;
    }
    let sync = &settings.config.sync;
    let limits = Limits { silence: sync.network_timeout_secs.0.min(PATIENCE), ..Limits::default() };
    let surroundings = Surroundings::from_vars(environment());
    let connector =
        match Connector::new(repo.raw(), &name, sync.transport, surroundings, limits, Arc::new(SystemIds)) {
            Ok(connector) => connector,
            Err(e) => {
                facts.remote = Remote::Unreadable { url: name, way: None, trouble: trouble(&e) };
                return None;
            }
        };
    let branch = branch.unwrap_or_default();
    facts.server_ahead_secs = connector.server_time().map(|there| there - SystemClock.now().as_second());
    facts.remote = match reach(&connector, &name, &branch, settings) {
        Err(e) => Remote::Unreadable {
            url: connector.shown_url(),
            way: Some(connector.choice().way.to_string()),
            trouble: trouble(&e),
        },
        Ok((reached, tip)) => {
            if let Some(tip) = tip {
                peers(repo, tip, facts);
            }
            Remote::Readable(Box::new(reached))
        }
    };
    // What is here counts too: a clone that cannot reach its remote has a history all the same.
    if let Some(head) = repo.head().ok().and_then(|h| h.commit) {
        peers(repo, head, facts);
    }
    Some(connector)
}

fn trouble(e: &RemoteError) -> Trouble {
    Trouble { what: e.to_string(), remedy: e.hint() }
}

fn reach(
    connector: &Connector,
    name: &str,
    branch: &str,
    settings: &Settings,
) -> Result<(Reached, Option<Oid>), RemoteError> {
    let mut remote = connector.open();
    let reference = format!("refs/heads/{branch}");
    let tip = remote.look(&[&reference])?.into_iter().next().flatten();
    if let Some(tip) = tip {
        remote.fetch(&reference, tip)?;
    }
    let probe = remote.probe(&reference)?;
    let lease = settings.config.sync.lease_ref.as_deref().map_or_else(|| lease_ref_of(branch), RefName::new);
    let choice = connector.choice();
    let why = choice.why.map_or_else(String::new, |why| format!(": {why}"));
    let reached = Reached {
        name: name.to_owned(),
        url: connector.shown_url(),
        way: format!("{}{why}", choice.way),
        notices: connector
            .notices()
            .iter()
            .filter(|n| Some(*n) != choice.notice().as_ref())
            .cloned()
            .collect(),
        default_branch: probe.default_branch,
        has_branch: tip.is_some(),
        push_refused: probe.push.err(),
        locks: connector.ref_locks(&[&reference, lease.as_str()]),
    };
    Ok((reached, tip))
}

/// Protocol versions and times of the commits of a branch.
fn peers(repo: &Repo, tip: Oid, facts: &mut Facts) {
    let now = SystemClock.now().as_second();
    if let Ok(commit) = repo.raw().find_commit(tip) {
        facts.ahead_secs = facts.ahead_secs.max(commit.time().seconds() - now);
    }
    // For display: a history that cannot be read is somebody else's finding.
    let _ = repo.state_commits(tip, DEPTH, |_, _, message| {
        facts.peer_protocol = facts.peer_protocol.max(message.trailers.orchestrator);
        true
    });
}

/// Free bytes where the project, its logs and a remote on this machine lie.
pub(super) fn disks(settings: &Settings, connector: Option<&Connector>) -> Vec<Disk> {
    let there =
        connector.and_then(Connector::local_path).map(|path| ("the remote".to_owned(), path.to_owned()));
    let own = |name: &str, path: PathBuf| path.exists().then(|| (name.to_owned(), path));
    let places = [
        Some(("the project's disk".to_owned(), settings.root.clone())),
        own("the disk of the logs", settings.root.join(&settings.config.logs_dir)),
        there.map(|(name, path)| (format!("the disk of {name}"), path)),
        Some(("the disk of temporary files".to_owned(), std::env::temp_dir())),
    ];
    let mut seen = Vec::new();
    let mut disks = Vec::new();
    for (place, path) in places.into_iter().flatten() {
        let (Ok(at), Ok(stat)) = (rustix::fs::statvfs(&path), rustix::fs::stat(&path)) else { continue };
        if !seen.contains(&stat.st_dev) {
            seen.push(stat.st_dev);
            disks.push(Disk { place, free_bytes: at.f_bavail.saturating_mul(at.f_frsize) });
        }
    }
    disks
}

/// The agents of the roles, as they are on this machine.
pub(super) fn agents(settings: &Settings, home: Option<&Path>) -> Result<Vec<Agent>, Failure> {
    let mut all: Vec<Agent> = Vec::new();
    for step in settings.workflow.steps() {
        let name = settings.dispatch.choose(step.role.as_str(), &step.prompt).agent;
        match all.iter_mut().find(|a| a.name == name) {
            Some(agent) => agent.roles.push(step.role.to_string()),
            None => all.push(Agent { roles: vec![step.role.to_string()], name, ..Agent::default() }),
        }
    }
    let runtime = runtime()?;
    runtime.block_on(async {
        let machine = Machine::listening()?;
        for agent in &mut all {
            one(settings, &machine, home, agent).await;
        }
        Ok(all)
    })
}

async fn one(settings: &Settings, machine: &Machine, home: Option<&Path>, agent: &mut Agent) {
    let order = &settings.config.agent.order;
    let ready = match agents::ready(&settings.table, &agent.name, order, &settings.path, &settings.root) {
        Ok(ready) => ready,
        Err(e) => {
            agent.missing = Some(missing(&e, &settings.path));
            return;
        }
    };
    let set = |name: &str| {
        ready.agent.env.contains_key(name) || std::env::var_os(name).is_some_and(|value| !value.is_empty())
    };
    let there = |file: &str| home.is_some_and(|home| home.join(file).exists());
    agent.consent = ready.consented(settings.config.agent.unattended).err().map(|e| e.hint());
    if let Some(http) = &ready.agent.http {
        agent.keys = http.key_env.iter().filter(|key| !set(key)).cloned().collect();
        return;
    }
    let Some(program) = &ready.program else { return };
    let attempt = format!("version-{}", machine.ids.uuid());
    agent.version = agents::version(program, &settings.root, attempt, &machine.stop, &*machine.clock).await;
    agent.path = Some(program.display().to_string());
    agent.checked = ready.agent.verified.map(str::to_owned);
    agent.too_old =
        agent.version.as_deref().zip(ready.agent.verified).is_some_and(|(own, checked)| older(own, checked));
    agent.login = login_missing(&ready.agent.name, &set, &there).map(str::to_owned);
    let root = rustix::process::geteuid().is_root();
    agent.root = refuses_root(&ready.agent.command, &set).filter(|_| root).map(str::to_owned);
    if agent.name == "auto" {
        agent.name = format!("auto, which is {}", ready.agent.name);
    }
}

fn missing(e: &AgentError, path: &OsStr) -> Trouble {
    let path = path.to_string_lossy();
    Trouble { what: format!("{e} (PATH={path})"), remedy: Some(e.hint()) }
}

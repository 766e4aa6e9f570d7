//! `orchestrator setup cron|systemd`: a complete entry for a timer, printed and never installed.

mod cron;
mod systemd;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::args::{Format, Global};
use super::error::{Failure, INTERNAL, OK, USAGE};
use super::record::bad_value;
use super::role_args::{SetupArgs, SetupKind, TimerArgs};
use super::setup::{Setup, environment, setup_beside};
use crate::config::{env_names, parse_duration};
use crate::sync::worktree::Repo;

/// What a timer starts, in full: it has nothing of a person's shell.
#[derive(Debug, Clone)]
struct Entry {
    role: String,
    /// Absolute.
    program: String,
    args: Vec<String>,
    /// Where it runs.
    folder: String,
    /// PATH, and what of the environment decides settings.
    vars: Vec<(String, String)>,
    log: String,
    every: Duration,
}

pub(super) fn timer(global: &Global, args: &SetupArgs) -> Result<u8, Failure> {
    let setup = setup_beside(global)?;
    let (kind, args) = match &args.kind {
        SetupKind::Cron(args) => ("cron", args),
        SetupKind::Systemd(args) => ("systemd", args),
    };
    let entry = entry(global, &setup, args)?;
    let secrets = secrets(&setup);
    let wrong = |what: String| Failure::new(USAGE, "usage", format!("write an entry for {kind}")).cause(what);
    let missing = missing_remote(&setup);
    let (text, files) = if kind == "cron" {
        (cron::text(&entry, &secrets).map_err(wrong)?, Vec::new())
    } else {
        let units = systemd::units(&entry).map_err(wrong)?;
        (systemd::text(&units, &secrets), units.files().to_vec())
    };
    if args.format == Format::Text {
        super::print(&format!("{}{text}", if missing { NO_REMOTE } else { "" }))?;
        return Ok(OK);
    }
    let files: Vec<_> = files.iter().map(|(path, text)| json!({"path": path, "text": text})).collect();
    let command = [vec![entry.program.clone()], entry.args.clone()].concat();
    let value = json!({
        "version": 1,
        "kind": kind,
        "role": entry.role,
        "every_secs": entry.every.as_secs(),
        "command": command,
        "folder": entry.folder,
        "log": entry.log,
        "environment": entry.vars.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        "missing_secrets": secrets,
        "entry": (kind == "cron").then(|| cron::line(&entry).unwrap_or_default()),
        "files": files,
    });
    super::print(&format!("{value:#}\n"))?;
    Ok(OK)
}

fn entry(global: &Global, setup: &Setup, args: &TimerArgs) -> Result<Entry, Failure> {
    let settings = &setup.settings;
    let roles = settings.roles();
    if !roles.iter().any(|r| r.as_str() == args.role) {
        return Err(Failure::no_role(&args.role, &roles));
    }
    let io = |what: &str, e: &std::io::Error| Failure::new(INTERNAL, "io", what).cause(e.to_string());
    let program = std::env::current_exe().map_err(|e| io("find the program's own file", &e))?;
    let text = |path: &Path| -> Result<String, Failure> {
        let text = path.to_str().filter(|t| !t.contains(['\n', '\r'])).ok_or_else(|| {
            Failure::new(USAGE, "usage", format!("write {} into an entry", path.display()))
                .cause("the path is not plain text of one line")
        })?;
        Ok(text.to_owned())
    };
    let mut command: Vec<String> =
        ["--mode", "role", "--role", &args.role, "--if-turn", "--quiet"].map(str::to_owned).to_vec();
    // The branch of today: another one checked out by hand is not looped on.
    let repo = Repo::open(&settings.root, std::sync::Arc::new(crate::clock::SystemClock));
    if let Some(branch) = repo.ok().and_then(|r| r.head().ok()).and_then(|h| h.branch) {
        command.extend(["--branch".to_owned(), branch]);
    }
    if let Some(config) = &global.config {
        let config = config.canonicalize().map_err(|e| io("find the configuration", &e))?;
        command.extend(["--config".to_owned(), text(&config)?]);
    }
    let logs = settings.root.join(&settings.config.logs_dir);
    let log = match &args.log {
        Some(log) => super::setup::start_folder()?.join(log),
        None => logs.join(format!("timer-{}.log", args.role)),
    };
    let every = parse_duration(&args.every).map_err(|e| bad_value("--every", &e))?;
    if every.is_zero() {
        return Err(bad_value("--every", &"it has to be longer than nothing"));
    }
    Ok(Entry {
        role: args.role.clone(),
        program: text(&program)?,
        args: command,
        folder: text(&settings.root)?,
        vars: kept(&environment()),
        log: text(&log)?,
        every,
    })
}

/// Of this shell's environment: what finds programs, and what decides settings (T34).
fn kept(vars: &[(String, String)]) -> Vec<(String, String)> {
    let mut names: Vec<&str> = vec!["PATH", "LANG"];
    let mut settings: Vec<&str> = env_names()
        .map(|(name, _)| name)
        .filter(|n| !["ORCHESTRATOR_MODE", "ORCHESTRATOR_ROLE"].contains(n))
        .collect();
    settings.dedup();
    names.extend(settings);
    let value = |name: &str| {
        let found = vars.iter().find(|(n, v)| n == name && !v.is_empty() && !v.contains(['\n', '\r']));
        found.map(|(n, v)| (n.clone(), v.clone()))
    };
    names.into_iter().filter_map(value).collect()
}

const NO_REMOTE: &str = "# there is no remote yet, and without one each start ends with 4: git remote add origin URL && git push -u origin HEAD\n";

/// Role mode through git needs one.
fn missing_remote(setup: &Setup) -> bool {
    let clock = std::sync::Arc::new(crate::clock::SystemClock);
    let repo = Repo::open(&setup.settings.root, clock);
    repo.is_ok_and(|repo| repo.raw().remotes().is_ok_and(|names| names.is_empty()))
}

/// Keys of models that the configuration names and this environment has: never printed, so they are missing there.
fn secrets(setup: &Setup) -> Vec<String> {
    let agents = setup.settings.config.agents.values();
    let named = agents.filter_map(|a| a.http.as_ref()?.key_env.clone());
    let mut names: Vec<String> = named.filter(|name| std::env::var_os(name).is_some()).collect();
    names.sort();
    names.dedup();
    names
}

/// The folder of a file, to be made before anything is written into it.
fn folder_of(file: &str) -> PathBuf {
    Path::new(file).parent().map(Path::to_path_buf).unwrap_or_default()
}

#[cfg(test)]
fn example() -> Entry {
    Entry {
        role: "ralph".into(),
        program: "/opt/my tools/orchestrator".into(),
        args: ["--role", "ralph", "--if-turn"].map(str::to_owned).to_vec(),
        folder: "/srv/it's 100% $HOME".into(),
        vars: vec![("PATH".into(), "/usr/bin:/bin".into())],
        log: "/srv/logs/timer-ralph.log".into(),
        every: Duration::from_secs(300),
    }
}

//! `orchestrator demo`: a complete run in a scratch repository, with the embedded agent.

mod several;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args::Global;
use super::error::{Failure, INTERNAL, OK};
use super::run::{console, drive, end};
use crate::clock::{Clock, SystemClock};
use crate::config::load;
use crate::ids::RoleId;
use crate::state::{State, file};
use crate::supervise::Redactor;
use crate::sync::worktree::Repo;
use crate::turns::settings::{Options, Settings};
use crate::ui::console::Form;

const FILES: &[(&str, &str)] = &[
    ("orchestration.yaml", include_str!("demo/orchestration.yaml")),
    ("prompts/supervisor.md", include_str!("demo/supervisor.md")),
    ("prompts/main.md", include_str!("demo/main.md")),
    ("docs/goal.md", include_str!("demo/goal.md")),
    (".gitignore", "/logs/\n/tmp/\n"),
];

pub(super) fn demo(global: &Global) -> Result<u8, Failure> {
    let folder = scratch()?;
    let project = folder.join("project");
    prepare(&project).map_err(|e| Failure::new(INTERNAL, "io", "prepare the scratch project").cause(e))?;
    super::print(&format!(
        "scratch project: {}\n\none machine: galph plans, ralph works\n",
        project.display()
    ))?;
    // The demo is the same everywhere: no variable of the caller's changes it.
    let loaded = load(&project, None, &[], &[])?;
    let options = Options { loops: 2, ..Options::default() };
    let path = std::env::var_os("PATH").unwrap_or_else(|| OsString::from("/usr/bin:/bin"));
    let redactor = Redactor::from_env(std::env::vars_os());
    let settings = Settings::new(loaded.root, loaded.config, options, redactor, path)?;
    let report = drive(&settings, &mut console(global, Form::Text))?;
    let code = end(report, global, "orchestrator")?;
    if code != OK {
        return Ok(code);
    }
    super::print("\ntwo machines: each role in a process and a clone of its own, a remote between them\n")?;
    several::run(&folder, &project, &settings.roles())?;
    super::print(&timeline(&folder, &settings.roles())?)?;
    Ok(code)
}

fn scratch() -> Result<PathBuf, Failure> {
    let made = tempfile::Builder::new().prefix("orchestrator-demo-").tempdir();
    let dir = made.map_err(|e| Failure::new(INTERNAL, "io", "make a scratch folder").cause(e.to_string()))?;
    Ok(dir.keep())
}

/// A repository with a first commit of everything, on a branch of its own.
fn prepare(project: &Path) -> Result<(), String> {
    let words = |e: &dyn std::fmt::Display| e.to_string();
    fs::create_dir_all(project).map_err(|e| words(&e))?;
    let project = &project.canonicalize().map_err(|e| words(&e))?;
    let mut options = git2::RepositoryInitOptions::new();
    options.initial_head("work").no_reinit(true).external_template(false);
    let made = git2::Repository::init_opts(project, &options).map_err(|e| words(&e))?;
    name(&made).map_err(|e| words(&e))?;
    let roles: Vec<RoleId> = ["galph", "ralph"].into_iter().filter_map(|r| RoleId::parse(r).ok()).collect();
    let now = SystemClock.now();
    let mut paths = Vec::new();
    for (path, text) in FILES {
        let target = project.join(path);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(|e| words(&e))?;
        }
        fs::write(target, text).map_err(|e| words(&e))?;
        paths.push((*path).to_owned());
    }
    let state = State::initial(roles[0].clone(), now).render(&roles);
    file::write_durably(&project.join("sync/state.json"), state.as_bytes()).map_err(|e| words(&e))?;
    paths.push("sync/state.json".into());
    let repo = Repo::open(project, Arc::new(SystemClock)).map_err(|e| words(&e))?;
    super::init::commit_written(&repo, project, &paths).map_err(|e| words(&e))?;
    Ok(())
}

/// Who commits here, so that nothing has to be said about it.
fn name(repo: &git2::Repository) -> Result<(), git2::Error> {
    let mut config = repo.config()?;
    config.set_str("user.name", "demo")?;
    config.set_str("user.email", "demo@localhost")
}

fn timeline(folder: &Path, roles: &[RoleId]) -> Result<String, Failure> {
    let words =
        |e: &dyn std::fmt::Display| Failure::new(INTERNAL, "io", "read the history").cause(e.to_string());
    // The last role has seen every turn.
    let last = folder.join(roles.last().map_or("", RoleId::as_str));
    let repo = Repo::open(&last, Arc::new(SystemClock)).map_err(|e| words(&e))?;
    let head = repo.head().map_err(|e| words(&e))?.commit;
    let commits = head.map(|h| repo.commits_between(None, h)).transpose().map_err(|e| words(&e))?;
    let list = commits.unwrap_or_default();
    let list = list.iter().map(|c| format!("{} {}", c.short, c.subject)).collect::<Vec<_>>().join("\n  ");
    Ok(format!(
        "\nthe history, oldest first:\n  {list}\n\nlook around: cd {} (one machine), {} (of two)\ndone with it: rm -r {}\nin your own repository:\n  orchestrator init --goal \"what is to be built\"\n  orchestrator check\n  orchestrator --once\n",
        folder.join("project").display(),
        last.display(),
        folder.display()
    ))
}

//! `orchestrator init`: writes what a project needs; never overwrites.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::args::{Global, InitArgs};
use super::error::{Failure, INTERNAL, OK, USAGE};
use super::setup::start_folder;
use crate::clock::{Clock, SystemClock};
use crate::config::{EXAMPLE_YAML, FILE_NAME, find_root};
use crate::ids::RoleId;
use crate::state::{State, file};
use crate::sync::worktree::{Dirty, GitError, Oid, Repo};
use crate::turns::shipped;

/// Lines the ignore file needs: what a run leaves and nobody commits.
const IGNORED: &[&str] = &["/logs/", "/tmp/", "/.orchestrator/"];

pub(super) fn init(global: &Global, args: &InitArgs) -> Result<u8, Failure> {
    let folder = start_folder(global)?;
    let (found, existing) = find_root(&folder);
    let root = if existing.is_some() || found.join(".git").exists() { found } else { folder };
    let checks = test_commands(&root);
    let mut written = write_files(&root, args.goal.as_deref(), &checks)?;
    let state = root.join("sync/state.json");
    if !state.exists() {
        let roles = ["galph", "ralph"].map(RoleId::parse);
        let roles: Vec<RoleId> = roles.into_iter().flatten().collect();
        let text = State::initial(roles[0].clone(), SystemClock.now()).render(&roles);
        file::write_durably(&state, text.as_bytes()).map_err(|e| io("write the state", &e))?;
        written.push("sync/state.json".into());
    }
    if ignore_rules(&root)? {
        written.push(".gitignore".into());
    }
    let mut out = String::new();
    for path in &written {
        out.push_str("wrote ");
        out.push_str(path);
        out.push('\n');
    }
    if written.is_empty() {
        out.push_str("everything is there already; nothing was changed\n");
    }
    if args.commit {
        out.push_str(&commit(&root, &written)?);
    }
    if checks.is_empty() {
        out.push_str("note: no test command was found; write one into docs/goal.md\n");
    }
    out.push_str(&next_steps(args));
    super::print(&out)?;
    Ok(OK)
}

fn next_steps(args: &InitArgs) -> String {
    let mut steps = Vec::new();
    if args.goal.is_none() {
        steps.push("edit docs/goal.md             what is to be built, and when it is done");
    }
    steps.push("orchestrator check            is everything in place?");
    steps.push("orchestrator prompts show galph");
    steps.push("orchestrator --once           one iteration");
    format!("next:\n  {}\n", steps[..3.min(steps.len())].join("\n  "))
}

fn io(what: &str, e: &dyn std::fmt::Display) -> Failure {
    Failure::new(INTERNAL, "io", what).cause(e.to_string())
}

fn write_files(root: &Path, goal: Option<&str>, checks: &[String]) -> Result<Vec<String>, Failure> {
    let mut files: Vec<(String, String)> = vec![(FILE_NAME.into(), EXAMPLE_YAML.into())];
    files.extend(shipped::PROMPTS.iter().map(|(name, text)| (format!("prompts/{name}"), (*text).to_owned())));
    for (path, text) in shipped::PROJECT {
        let text = if path == "docs/goal.md" { shipped::goal_with(goal, checks) } else { text.to_owned() };
        files.push((path.to_owned(), text));
    }
    let mut written = Vec::new();
    for (path, text) in files {
        let target = root.join(&path);
        if target.symlink_metadata().is_ok() {
            continue;
        }
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(|e| io(&format!("write {path}"), &e))?;
        }
        fs::write(&target, text).map_err(|e| io(&format!("write {path}"), &e))?;
        written.push(path);
    }
    Ok(written)
}

/// Adds the missing ignore rules; says whether there were any.
fn ignore_rules(root: &Path) -> Result<bool, Failure> {
    let path = root.join(".gitignore");
    let mut text = fs::read_to_string(&path).unwrap_or_default();
    let missing: Vec<&&str> =
        IGNORED.iter().filter(|rule| !text.lines().any(|l| l.trim() == **rule)).collect();
    if missing.is_empty() {
        return Ok(false);
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    for rule in missing {
        text.push_str(rule);
        text.push('\n');
    }
    fs::write(&path, text).map_err(|e| io("write .gitignore", &e))?;
    Ok(true)
}

fn commit(root: &Path, written: &[String]) -> Result<String, Failure> {
    let repo = Repo::open(root, Arc::new(SystemClock))
        .map_err(|e| Failure::new(USAGE, "no_repository", "commit").cause(e.to_string()).hint("git init"))?;
    let made = commit_written(&repo, root, written).map_err(|e| io("commit", &e))?;
    let short = made.map(|id| repo.short_id(id)).transpose().map_err(|e| io("commit", &e))?;
    Ok(short.map_or_else(|| "nothing to commit\n".into(), |id| format!("committed {id}\n")))
}

/// Commits exactly what was written.
pub(super) fn commit_written(repo: &Repo, root: &Path, written: &[String]) -> Result<Option<Oid>, GitError> {
    let paths: Result<Vec<_>, GitError> = written.iter().map(|p| repo.relative(&root.join(p))).collect();
    let paths = paths?;
    let dirty = repo.dirty()?;
    let files: Vec<&Dirty> = dirty.iter().filter(|d| paths.contains(&d.path)).collect();
    repo.commit_files(&repo.head()?, &files, "Prepare the project for the orchestrator")
}

/// How this project tests itself, as far as its files show it.
fn test_commands(root: &Path) -> Vec<String> {
    let has = |name: &str| root.join(name).exists();
    let text = |name: &str| fs::read_to_string(root.join(name)).unwrap_or_default();
    let mut found = Vec::new();
    if has("Makefile") && text("Makefile").lines().any(|l| l.starts_with("test:")) {
        found.push("make test");
    }
    if has("Cargo.toml") {
        found.push("cargo test");
    }
    if has("go.mod") {
        found.push("go test ./...");
    }
    if text("package.json").contains("\"test\"") {
        found.push("npm test");
    }
    if has("pyproject.toml") || has("pytest.ini") || has("setup.py") {
        found.push("python -m pytest");
    }
    if has("mix.exs") {
        found.push("mix test");
    }
    found.into_iter().map(str::to_owned).collect()
}

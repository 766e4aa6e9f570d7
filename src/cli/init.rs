//! `orchestrator init`: writes what a project needs; never overwrites.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args::{Global, InitArgs};
use super::error::{Failure, INTERNAL, OK, USAGE};
use super::setup::{Machine, confined, setup_beside, start_folder};
use super::test_commands::test_commands;
use crate::agents::{self, AgentError, Table};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, EXAMPLE_YAML, FILE_NAME, document, find_root, load};
use crate::ids::RoleId;
use crate::state::{State, file, import};
use crate::sync::protocol::{Control, Reason};
use crate::sync::worktree::{Dirty, GitError, Oid, Repo};
use crate::turns::engine::{self, AtTip};
use crate::turns::lock::{LoopLock, private_folder};
use crate::turns::shipped;
use crate::turns::words::on_default_branch;
use crate::ui::console::Form;

pub(super) fn init(global: &Global, args: &InitArgs) -> Result<u8, Failure> {
    let folder = start_folder()?;
    let (found, existing) = find_root(&folder);
    let root = if existing.is_some() || found.join(".git").exists() { found } else { folder };
    // A configuration that is there already says where everything belongs.
    let config = if existing.is_some() { load(&root, None, &[], &[])?.config } else { Config::default() };
    confined(&root, &config)?;
    let roles: Vec<RoleId> = config.steps().into_iter().filter_map(|s| s.role).collect();
    if args.import_state {
        let code = import_state(&root, &config, &roles)?;
        return if args.publish {
            publish(global, &root, std::slice::from_ref(&config.state_file))
        } else {
            Ok(code)
        };
    }
    if !root.join(&config.state_file).exists()
        && let Ok(repo) = Repo::open(&root, Arc::new(SystemClock))
        && let (Ok(head), Ok(path)) = (repo.head(), repo.relative(&root.join(&config.state_file)))
    {
        // A fresh one would begin the project anew at iteration 1.
        engine::state_may_begin(&repo, head.commit, &path)?;
    }
    let checks = test_commands(&root);
    let mut written = write_files(&root, &config, args.goal.as_deref(), &checks)?;
    let state = root.join(&config.state_file);
    if let Some(first) = roles.first().filter(|_| !state.exists()) {
        let text = State::initial(first.clone(), SystemClock.now()).render(&roles);
        make_folder_of(&state)?;
        file::write_durably(&state, text.as_bytes()).map_err(|e| io("write the state", &e))?;
        written.push(config.state_file.clone());
    }
    let mut out = String::new();
    // Writing to a String cannot fail.
    for path in &written {
        let _ = writeln!(out, "wrote {path}");
    }
    if let Some(Ignored { rules, new }) = ignore_rules(&root, &config)? {
        let _ = if new {
            writeln!(out, "wrote .gitignore")
        } else {
            writeln!(out, "appended to .gitignore: {}", rules.join(" "))
        };
        written.push(".gitignore".into());
    }
    if written.is_empty() {
        out.push_str("everything is there already; nothing was changed\n");
    }
    if args.commit || args.publish {
        // A state that an earlier init wrote is as much to be published as one written now.
        let state = args.publish.then(|| config.state_file.clone()).filter(|s| !written.contains(s));
        written.extend(state);
        out.push_str(&commit(&root, &written)?);
    }
    let wrote_goal = written.contains(&config.goal_file);
    if args.goal.is_some() && !wrote_goal {
        let _ = writeln!(out, "note: {} was there already; the goal was not changed", config.goal_file);
    }
    if checks.is_empty() && wrote_goal {
        let _ = writeln!(out, "note: no test command was found; write one into {}", config.goal_file);
    }
    if !checks.is_empty() && wrote_goal {
        let _ = writeln!(out, "found: {} (it stands in {} now)", checks.join(", "), config.goal_file);
    }
    out.push_str(&agent_words(&root, &config));
    let repo = Repo::open(&root, Arc::new(SystemClock)).ok();
    if let Some(text) = repo.as_ref().and_then(default_branch) {
        let _ = writeln!(out, "note: {text}");
    }
    if args.publish {
        super::print(&out)?;
        return publish(global, &root, &[]);
    }
    out.push_str(&next_steps(&root, &config, repo.is_some()));
    super::print(&out)?;
    Ok(OK)
}

/// Which agent would run, and what it still lacks.
fn agent_words(root: &Path, config: &Config) -> String {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let name = &config.agent.default;
    match agents::ready(&Table::new(&config.agents), name, &config.agent.order, &path, root) {
        Ok(found) if found.consented(config.agent.unattended).is_err() => format!(
            "agent: {} found; in a container, or on a machine you can lose, let it work: agent.unattended: true in {FILE_NAME}\n",
            found.agent.name
        ),
        Ok(found) => format!("agent: {}\n", found.agent.name),
        Err(AgentError::NoneFound(_)) => {
            "agent: none found on PATH; a look without one: orchestrator demo\n".to_owned()
        }
        Err(e) => format!("agent: {e}; {}\n", e.hint()),
    }
}

fn default_branch(repo: &Repo) -> Option<String> {
    let branch = repo.head().ok()?.branch?;
    on_default_branch(&branch, repo.branch_tip("work").is_ok_and(|tip| tip.is_some()))
}

/// The next three commands.
fn next_steps(root: &Path, config: &Config, in_git: bool) -> String {
    let goal = document(&root.join(&config.goal_file)).unwrap_or_default();
    let mut steps = Vec::new();
    if shipped::goal_is_template(&goal) {
        steps.push(format!("$EDITOR {:<22}what is to be built, and when it is done", config.goal_file));
    }
    if !in_git {
        steps.push("git init -b work && git add -A && git commit -m begin".into());
    }
    steps.push("orchestrator check            is everything in place?".into());
    let first = config.steps().into_iter().find_map(|s| s.role).map_or_else(String::new, |r| r.to_string());
    steps.push(format!("orchestrator prompts show {first}"));
    steps.push("orchestrator --once           one iteration".into());
    steps.truncate(3);
    format!("next:\n  {}\n", steps.join("\n  "))
}

fn io(what: &str, e: &dyn std::fmt::Display) -> Failure {
    Failure::new(INTERNAL, "io", what).cause(e.to_string())
}

fn make_folder_of(path: &Path) -> Result<(), Failure> {
    let Some(parent) = path.parent() else { return Ok(()) };
    fs::create_dir_all(parent).map_err(|e| io(&format!("make {}", parent.display()), &e))
}

/// Prompts and documents, where the configuration has them.
fn files(config: &Config, goal: Option<&str>, checks: &[String]) -> Vec<(String, String)> {
    let prompts = config.prompts_dir.trim_end_matches('/');
    let mut files: Vec<(String, String)> = vec![(FILE_NAME.into(), EXAMPLE_YAML.into())];
    files.extend(shipped::PROMPTS.iter().map(|(name, text)| (format!("{prompts}/{name}"), (*text).into())));
    let documents = [
        (&config.goal_file, shipped::goal_with(goal, checks)),
        (&config.plan_file, shipped::FIX_PLAN.to_owned()),
        (&config.findings_file, shipped::FINDINGS.to_owned()),
        (&config.input_file, shipped::INPUT.to_owned()),
        (&config.memory_file, shipped::MEMORY.to_owned()),
    ];
    files.extend(documents.map(|(place, text)| (place.clone(), text)));
    files
}

fn write_files(
    root: &Path,
    config: &Config,
    goal: Option<&str>,
    checks: &[String],
) -> Result<Vec<String>, Failure> {
    let mut written = Vec::new();
    for (path, text) in files(config, goal, checks) {
        let target = root.join(&path);
        if target.symlink_metadata().is_ok() {
            continue;
        }
        make_folder_of(&target)?;
        fs::write(&target, text).map_err(|e| io(&format!("write {path}"), &e))?;
        written.push(path);
    }
    Ok(written)
}

/// Ignore rules that were added.
struct Ignored {
    rules: Vec<String>,
    /// There was no file with others.
    new: bool,
}

/// Adds the missing ignore rules, for what a run leaves and nobody commits; says which.
fn ignore_rules(root: &Path, config: &Config) -> Result<Option<Ignored>, Failure> {
    let path = root.join(".gitignore");
    let mut text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(e) => return Err(io("read .gitignore", &e)),
    };
    let rule = |folder: &str| format!("/{}/", folder.trim_matches('/'));
    let wanted = [rule(&config.logs_dir), rule(&config.tmp_dir), rule(".orchestrator")];
    let new = text.is_empty();
    let missing: Vec<String> =
        wanted.into_iter().filter(|rule| !text.lines().any(|l| l.trim() == rule.as_str())).collect();
    if missing.is_empty() {
        return Ok(None);
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    for rule in &missing {
        text.push_str(rule);
        text.push('\n');
    }
    fs::write(&path, text).map_err(|e| io("write .gitignore", &e))?;
    Ok(Some(Ignored { rules: missing, new }))
}

/// Converts a state file of the later dialect; the old one is kept beside the program's own files.
fn import_state(root: &Path, config: &Config, roles: &[RoleId]) -> Result<u8, Failure> {
    let path: PathBuf = root.join(&config.state_file);
    let failure = || Failure::new(USAGE, "state", format!("import {}", config.state_file));
    if !LoopLock::live(root).is_empty() {
        let cause = "a loop is live in this working tree";
        return Err(Failure { code: super::error::REFUSED, reason: "busy", ..failure() }.cause(cause));
    }
    let bytes = file::read_bytes(&path).map_err(|e| failure().cause(e.to_string()))?;
    let text = String::from_utf8_lossy(&bytes);
    let state = import(&text, roles, SystemClock.now()).map_err(|e| failure().cause(e.to_string()))?;
    let kept = private_folder(root).map_err(|e| io("make .orchestrator", &e))?.join("imported-state.json");
    fs::write(&kept, &bytes).map_err(|e| io("keep the old state", &e))?;
    file::write_durably(&path, state.render(roles).as_bytes()).map_err(|e| io("write the state", &e))?;
    super::print(&format!(
        "converted {}: iteration {}, {}'s turn, {}; the old file is kept as .orchestrator/imported-state.json\n",
        config.state_file, state.iteration, state.expected_actor, state.status
    ))?;
    Ok(OK)
}

/// Puts the branch with its state on the remote, if that has none (T18).
fn publish(global: &Global, root: &Path, more: &[String]) -> Result<u8, Failure> {
    let setup = setup_beside(global)?;
    if !more.is_empty() {
        super::print(&commit(root, more)?)?;
    }
    let machine = Machine::new();
    let world = super::role::world(&machine);
    let before = engine::look(&setup.settings, &world)?;
    let place = format!("branch {} of {}", before.branch, before.url);
    if !matches!(before.state, AtTip::Missing) {
        super::print(&format!("{place} has a state already; nothing was published\n"))?;
        return Ok(OK);
    }
    let mut console = super::run::console(global, Form::Text);
    let finish = engine::control_remote(&setup.settings, &world, &mut console, (Control::Create, None))?;
    if finish.reason != Reason::Done {
        return super::sync_end::words(finish);
    }
    // For the person's own `git pull` and `git push`; the loop needs none.
    let tracked = Repo::open(root, Arc::new(SystemClock)).and_then(|repo| repo.track(&before.branch));
    if let Err(e) = tracked {
        super::print(&format!("{e}; git push -u origin {} does it\n", before.branch))?;
    }
    let roles = setup.settings.roles();
    let starts: Vec<String> =
        roles.iter().map(|r| format!("  orchestrator --mode role --role {r}\n")).collect();
    let starts = starts.concat();
    super::print(&format!("published: {place}\nnext, each on its machine, in a clone of it:\n{starts}"))?;
    Ok(OK)
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

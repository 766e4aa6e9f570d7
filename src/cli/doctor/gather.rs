//! Looks at the project: files, the repository, what an earlier run left.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::super::args::Global;
use super::super::error::{Failure, USAGE};
use super::super::setup::{Setup, home, redactor, setup_beside};
use super::facts::{BadPrompt, Facts, Git, Goal, Remote, StateFile, Trouble};
use super::outside;
use crate::agents;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Mode, document, find_root, glob_set};
use crate::control;
use crate::ids::RoleId;
use crate::state::{State, StateError, Status};
use crate::sync::journal::{self, Journal};
use crate::sync::memory::Memory;
use crate::sync::message::PROTOCOL;
use crate::sync::remote::Connector;
use crate::sync::seen::{self, Seen};
use crate::sync::worktree::{GitError, PreflightError, Repo, merge_command};
use crate::turns::context::Previous;
use crate::turns::engine::{LoopError, read_state, rescues};
use crate::turns::lock::{Live, LoopLock, PRIVATE};
use crate::turns::prompt_name::{PromptError, resolve};
use crate::turns::settings::{Options, Settings};
use crate::turns::shipped::{PROMPTS, goal_is_template};
use crate::turns::state_lock::lock_of;

/// An editor holds the index's lock for a moment.
const LOCK_WAIT: Duration = Duration::from_millis(300);

/// What was seen, and what mending it needs.
pub(super) struct Looked {
    pub facts: Facts,
    pub root: PathBuf,
    pub config_file: Option<PathBuf>,
    pub settings: Settings,
    pub connector: Option<Connector>,
}

pub(super) fn gather(global: &Global, folder: &Path, offline: bool) -> Result<Looked, Failure> {
    let mut facts = Facts { own_protocol: PROTOCOL, ..Facts::default() };
    let (settings, notices) = match setup_beside(global) {
        Ok(Setup { settings, loaded }) => (settings, loaded.notices),
        // What is wrong with the configuration is a finding; the rest is looked at with the defaults.
        Err(failure) if failure.code == USAGE && failure.reason == "config" => {
            facts.config_problems.clone_from(&failure.causes);
            (defaults(global, folder)?, Vec::new())
        }
        Err(failure) => return Err(failure),
    };
    facts.notices = notices;
    let repo = match Repo::open(&settings.root, Arc::new(SystemClock)) {
        Ok(repo) => Some(repo.with_lock_wait(LOCK_WAIT)),
        Err(GitError::NoRepository { .. }) => None,
        Err(e) => {
            facts.git_problem = Some(Trouble { what: e.to_string(), remedy: e.hint() });
            None
        }
    };
    own_files(&settings, &mut facts);
    if facts.config_problems.is_empty() {
        prompts(&settings, &mut facts);
    }
    facts.goal = goal(&settings);
    let memory = Memory::load(&settings.private()).unwrap_or_default();
    facts.refusal = refusal(&memory);
    facts.git = repo.as_ref().map(|repo| git(repo, &settings, &memory, !facts.live_loops.is_empty()));
    facts.rescues = repo.as_ref().map(rescues).unwrap_or_default().into_iter().map(with_command).collect();
    let connector = match &repo {
        Some(repo) if !offline => outside::remote(repo, &settings, &mut facts),
        _ => None,
    };
    if repo.is_none() {
        facts.remote = Remote::NotAsked;
    }
    facts.disks = outside::disks(&settings, connector.as_ref());
    facts.agents = outside::agents(&settings, home().as_deref())?;
    let config_file = global.config.as_ref().map(|file| folder.join(file));
    Ok(Looked { facts, root: settings.root.clone(), config_file, settings, connector })
}

fn with_command(reference: String) -> (String, String) {
    let command = merge_command(&reference);
    (reference, command)
}

/// The project with the settings that it would have without a file.
fn defaults(global: &Global, folder: &Path) -> Result<Settings, Failure> {
    let root = match &global.config {
        Some(file) => folder.join(file).parent().unwrap_or(folder).to_owned(),
        None => find_root(folder).0,
    };
    let config = Config::default();
    let redactor = redactor(&config);
    let path = std::env::var_os("PATH").unwrap_or_default();
    Ok(Settings::new(root, config, Options::default(), redactor, path)?)
}

/// State, journal, memory, lock and sockets.
fn own_files(settings: &Settings, facts: &mut Facts) {
    let private = settings.private();
    let journal = match Journal::load(&journal::path_in(&private)) {
        Ok(journal) => journal,
        Err(e) => {
            facts.private_problems.push(Trouble { what: e.to_string(), remedy: e.hint() });
            None
        }
    };
    if let Err(e) = Seen::load(&seen::path_in(&private)) {
        facts.private_problems.push(Trouble { what: e.to_string(), remedy: e.hint() });
    }
    let by_journal = journal.as_ref().is_some_and(|j| j.mode == journal::Mode::Role);
    facts.role_mode = settings.config.run.mode == Mode::Role || by_journal;
    facts.role = settings.config.run.role.as_ref().map(RoleId::to_string);
    facts.unpublished = journal
        .as_ref()
        .filter(|j| by_journal && j.stamp.is_some() && !j.confirmed)
        .map(|j| j.role.to_string());
    let live = LoopLock::live(&settings.root);
    facts.live_loops = live
        .iter()
        .map(|live| match live {
            Live::Nameless => "live".into(),
            Live::By(owner) => format!("live, {owner}"),
        })
        .collect();
    let state = read_state(settings, SystemClock.now());
    if let Ok(state) = &state {
        facts.cut_turn = cut_turn(state, journal.as_ref(), &live);
    }
    facts.state = state_file(state);
    facts.dead_sockets = dead_sockets(&private);
}

/// The role of a turn that this clone began and did not end.
fn cut_turn(state: &State, journal: Option<&Journal>, live: &[Live]) -> Option<String> {
    let Status::Running(role) = &state.status else { return None };
    if live.iter().any(|live| live.covers(role.as_str())) {
        return None;
    }
    let turn = state.turn.as_ref()?;
    let ours = journal.is_some_and(|j| j.turn_id == turn.id && j.stamp.is_none());
    (ours || turn.lease_ref.is_none()).then(|| role.to_string())
}

fn state_file(read: Result<State, LoopError>) -> StateFile {
    match read {
        Ok(s) => {
            let exit = if s.exits() { ", exit is set" } else { "" };
            StateFile::Good {
                summary: format!(
                    "iteration {}, {}'s turn, {}{exit}",
                    s.iteration, s.expected_actor, s.status
                ),
            }
        }
        Err(LoopError::State(StateError::Missing { .. })) => StateFile::Missing,
        Err(e) => {
            let failure = Failure::from(e);
            StateFile::Damaged(Trouble { what: failure.causes.join("; "), remedy: failure.hint })
        }
    }
}

fn dead_sockets(private: &Path) -> usize {
    let folder = control::folder(private);
    let all = std::fs::read_dir(&folder).into_iter().flatten().flatten();
    let sockets = all.filter(|e| e.path().extension().is_some_and(|ending| ending == "sock")).count();
    sockets.saturating_sub(control::live(&folder).len())
}

fn prompts(settings: &Settings, facts: &mut Facts) {
    let folder = settings.prompts_folder();
    let mut wanted: Vec<(String, String)> = Vec::new();
    for step in settings.workflow.steps() {
        wanted.extend(
            std::iter::once(&step.prompt).chain(&step.prompts).map(|p| (step.role.to_string(), p.clone())),
        );
    }
    if settings.router.enabled {
        if settings.router.review_every_n > 0 {
            wanted.push(("review".into(), settings.workflow.reviewer.clone()));
        }
        wanted.extend(settings.router.prompt.iter().map(|p| ("router".to_owned(), p.clone())));
    }
    for (role, prompt) in wanted {
        if let Err(e) = resolve(&folder, &prompt) {
            let ships = PROMPTS.iter().any(|(name, _)| *name == prompt);
            let missing = matches!(e, PromptError::Missing(_));
            let shipped = (ships && missing).then_some(prompt);
            facts.prompts.push(BadPrompt { role, what: e.to_string(), shipped });
        }
    }
}

fn goal(settings: &Settings) -> Goal {
    let file = settings.config.goal_file.clone();
    match document(&settings.root.join(&file)) {
        Err(_) => Goal::Missing(file),
        Ok(text) if goal_is_template(&text) => Goal::Template(file),
        Ok(_) => Goal::Written,
    }
}

/// Whose turn failed last, if the words of its failure are a known refusal.
fn refusal(memory: &Memory) -> Option<(String, String)> {
    let previous: Previous = serde_json::from_value(memory.previous.clone()?).ok()?;
    let failure = previous.failure.filter(|_| previous.outcome != "ok")?;
    let remedy = agents::remedy([failure.as_str()])?;
    Some((previous.role, remedy.to_owned()))
}

fn git(repo: &Repo, settings: &Settings, memory: &Memory, live: bool) -> Git {
    let head = repo.head().ok();
    let branch = head.as_ref().and_then(|h| h.branch.clone());
    let state = repo.relative(&settings.state_path()).unwrap_or_default();
    let own_lock = !live && branch.as_deref().is_some_and(|b| !repo.own_locks(b).is_empty());
    // The branch has findings of its own.
    let unfit = match repo.preflight(None, &state) {
        Err(PreflightError::IndexLocked { .. }) if own_lock => None,
        Ok(_) | Err(PreflightError::Detached { .. } | PreflightError::WrongBranch { .. }) => None,
        Err(e) => Some(Trouble { what: e.to_string(), remedy: e.hint() }),
    };
    let who = repo.identity().ok().filter(|who| who.assumed);
    let private = repo.prefix(&settings.root).unwrap_or_default().join(PRIVATE);
    Git {
        branch,
        wanted_branch: settings.config.run.branch.clone(),
        unfit,
        own_lock,
        dirty: if live { Vec::new() } else { dirty(repo, settings, memory) },
        nameless: who.map(|who| format!("{} <{}>", who.name, who.email)),
        private_visible: settings.private().exists()
            && !repo.ignored(&private.join("turn.json")).unwrap_or(true),
    }
}

/// Changed files that a claim would neither commit nor pass over (turns.md T23a).
fn dirty(repo: &Repo, settings: &Settings, memory: &Memory) -> Vec<String> {
    let config = &settings.config;
    let prefix = repo.prefix(&settings.root).unwrap_or_default();
    let own = [&config.state_file, &config.logs_dir, &config.tmp_dir].map(|name| prefix.join(name));
    let own = own.into_iter().chain([lock_of(&prefix.join(&config.state_file))]).collect::<Vec<_>>();
    let private = prefix.join(PRIVATE);
    let docs = &config.auto_commit.docs;
    let steering = glob_set(if docs.enabled { docs.globs.as_slice() } else { &[] }).ok();
    let known: Vec<&String> = memory.left.iter().chain(&memory.named).collect();
    let all = repo.dirty_at_a_glance().unwrap_or_default();
    all.iter()
        .filter(|d| !d.submodule && !d.filtered)
        .filter(|d| !own.iter().chain([&private]).any(|ours| d.path.starts_with(ours)))
        .filter(|d| !steering.as_ref().is_some_and(|set| set.is_match(&d.path)))
        .map(crate::sync::worktree::Dirty::text)
        .filter(|text| !known.contains(&text))
        .collect()
}

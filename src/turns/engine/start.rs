//! What happens before the first turn: lock, survivors, repository, state.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::folder::Folder;
use super::record::step_for;
use super::{Engine, Git, LoopError, World};
use crate::agents;
use crate::clock::{Clock, iso_seconds};
use crate::config::{Group, document};
use crate::control::Board;
use crate::event::{Event as Fact, Place};
use crate::ids::RoleId;
use crate::state::{Event, State, StateError, file};
use crate::supervise::sweep_survivors;
use crate::sync::journal::{self, Journal};
use crate::sync::memory::Memory;
use crate::sync::message::{Step, Trailers};
use crate::sync::seen::{self, Seen};
use crate::sync::worktree::{GitError, Oid, Repo};
use crate::turns::autocommit::{BadGlob, GroupRule, Rules};
use crate::turns::budget::Spent;
use crate::turns::lock::{LoopLock, Owner, private_folder};
use crate::turns::prompt_name::resolve;
use crate::turns::settings::Settings;
use crate::turns::shipped::goal_is_template;
use crate::turns::state_lock::lock_of;
use crate::turns::waiting::Waiting;
use crate::turns::words::on_default_branch;

/// How much of the folder a program needs for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold<'r> {
    Whole,
    /// The turns of one role.
    Role(&'r RoleId),
    /// Nothing but the state, for a moment.
    Beside,
}

/// Opens the repository for a loop; `None` with `--no-git`.
pub(super) fn open_git(settings: &Settings, clock: &Arc<dyn Clock>) -> Result<Option<Git>, LoopError> {
    if !settings.options.git {
        return Ok(None);
    }
    let repo = Repo::open(&settings.root, Arc::clone(clock)).map_err(|e| match e {
        GitError::NoRepository { .. } => LoopError::NoRepository,
        other => LoopError::Git(other),
    })?;
    let branch = repo.head()?.branch.unwrap_or_default();
    let state_path = repo.relative(&settings.state_path())?;
    let rules = rules(settings, &repo.prefix(&settings.root)?, &state_path)?;
    let commits_state = settings.config.auto_commit.state.enabled && repo.tracked(&state_path)?;
    Ok(Some(Git { repo, branch, rules, state_path, commits_state }))
}

/// The auto-commit rules of the configuration, and what never counts as dirty.
fn rules(settings: &Settings, prefix: &Path, state_path: &Path) -> Result<Rules, BadGlob> {
    let config = &settings.config.auto_commit;
    let bytes = |mib: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked to be positive; saturates"
        )]
        let n = (mib * 1024.0 * 1024.0) as u64;
        n
    };
    let group = |g: &Group| {
        GroupRule::new(g.enabled, &g.globs, &g.extensions, bytes(g.max_file_mib), bytes(g.max_total_mib))
    };
    let tracked = group(&config.tracked)?;
    let mut work = group(&config.work)?;
    // Work has the cap of tracked outputs unless it was given its own (T22).
    work.max_file = if work.max_file == u64::MAX { tracked.max_file } else { work.max_file };
    Ok(Rules {
        reports: group(&config.reports)?,
        docs: group(&config.docs)?,
        tracked,
        work,
        force_add_reports: config.force_add_reports,
        protected: vec![
            state_path.to_owned(),
            file::temporary_name(state_path),
            lock_of(state_path),
            prefix.join(&settings.config.logs_dir),
            prefix.join(&settings.config.tmp_dir),
            prefix.join(super::super::lock::PRIVATE),
        ],
    })
}

/// Reads the state, or says why there is none (T3). Creates nothing.
pub fn read_state(settings: &Settings, now: jiff::Timestamp) -> Result<State, LoopError> {
    Ok(file::read(&settings.state_path(), &settings.roles(), now)?)
}

/// A state file that once was and is gone is an error, not a beginning (T3).
///
/// # Errors
/// The branch has one, or had one.
pub fn state_may_begin(repo: &Repo, tip: Option<Oid>, path: &Path) -> Result<(), LoopError> {
    let Some(tip) = tip else { return Ok(()) };
    if repo.blob_at(tip, path)?.is_some() {
        return Err(LoopError::StateLost { path: path.to_owned() });
    }
    match repo.removed_by(tip, path)? {
        Some(line) => {
            let (commit, subject) = (line.short, line.subject);
            Err(LoopError::StateRemoved { path: path.to_owned(), commit, subject })
        }
        None => Ok(()),
    }
}

impl<'a> Engine<'a> {
    /// Takes the lock and brings everything into a state from which turns can be taken.
    pub(super) fn start(settings: &'a Settings, world: World<'a>) -> Result<(Self, LoopLock), LoopError> {
        let (mut engine, lock) = Self::open(settings, world)?;
        engine.open_control();
        Waiting::clear(&settings.root);
        engine.identity_notice()?;
        engine.warn_of_default_branch()?;
        engine.warn_of_a_useless_guard();
        engine.warn_of_unchecked_scope();
        engine.agents_may_run()?;
        engine.load_or_create()?;
        engine.settle()?;
        engine.warn_of_missing_prompts();
        if let Some(role) = settings.options.start_actor.clone()
            && engine.state.expected_actor != role
        {
            let event = Event::StartActor { role: role.clone() };
            engine.apply(event, Step::StartActor, role, Trailers::default())?;
        }
        Ok((engine, lock))
    }

    /// Survivors of a killed run, lock, repository, journal and memory; the state is not read yet.
    pub(super) fn open(settings: &'a Settings, world: World<'a>) -> Result<(Self, LoopLock), LoopError> {
        let hold = match &settings.options.role {
            Some(role) if !settings.options.git => Hold::Role(role),
            _ => Hold::Whole,
        };
        Self::open_as(settings, world, hold)
    }

    /// The same with as much of the folder as is said. Beside others nothing of git is touched: they do not ask it.
    pub(super) fn open_as(
        settings: &'a Settings,
        world: World<'a>,
        hold: Hold<'_>,
    ) -> Result<(Self, LoopLock), LoopError> {
        let now = world.clock.now();
        let (pid, started, mode) = (std::process::id(), iso_seconds(now), settings.options.mode.clone());
        let owner = Owner { pid, started, mode, ..Owner::default() };
        let mut git = if hold == Hold::Beside { None } else { open_git(settings, &world.clock)? };
        private_folder(&settings.root)
            .map_err(|source| LoopError::Io { path: settings.private(), source })?;
        let lock = match hold {
            Hold::Whole => LoopLock::take(&settings.root, &owner)?,
            Hold::Role(role) => {
                let host = Some(rustix::system::uname().nodename().to_string_lossy().into_owned());
                let owner = Owner { role: Some(role.to_string()), host, ..owner };
                LoopLock::take_role(&settings.root, role, &owner)?
            }
            Hold::Beside => LoopLock::beside(&settings.root)?,
        };
        // A survivor may hold a lock of the repository, and leave it when it is ended.
        let survivors = sweep_survivors(&settings.root, &*world.clock);
        let mut cleared = Vec::new();
        if let Some(git) = &mut git {
            cleared = git.repo.clear_own_locks(&git.branch)?;
            let journal = Journal::load(&journal::path_in(&settings.private()))?;
            if journal.is_some_and(|j| j.outcome.is_none() && !j.confirmed) {
                cleared.extend(git.repo.clear_dead_locks(&git.branch)?);
            }
            git.repo.finish_move(&git.state_path)?;
            let head = git.repo.preflight(settings.options.branch.as_deref(), &git.state_path)?;
            git.branch = head.branch.unwrap_or_default();
            git.repo.exclude_private()?;
        }
        let began = world.clock.mono();
        let run_id = world.ids.uuid();
        let board = super::control::board(settings, &run_id, &world.clock, world.stop);
        let mut engine = Self::attach(settings, world, git, (run_id, board, began))?;
        for killed in survivors {
            let program = killed.argv.first().map_or("?", String::as_str);
            let text = format!("ended a process of an earlier run: pid {} ({program})", killed.pid);
            engine.say(Fact::Notice { text });
        }
        for path in cleared {
            let text = format!("removed a lock that a killed run of this loop left: {}", path.display());
            engine.say(Fact::Notice { text });
        }
        Ok((engine, lock))
    }

    /// After an agent has ended with all it started: a git of its that was killed leaves locks.
    pub(super) fn clear_locks_of_agent(&mut self) -> Result<(), LoopError> {
        let Some(git) = &self.git else { return Ok(()) };
        for path in git.repo.clear_dead_locks(&git.branch)? {
            let text = format!("removed a lock that the agent left: {}", path.display());
            self.say(Fact::Notice { text });
        }
        Ok(())
    }

    /// An engine of a run that is under way; whoever calls holds the lock.
    pub(super) fn attach(
        settings: &'a Settings,
        world: World<'a>,
        git: Option<Git>,
        (run_id, board, began): (String, Board, std::time::Duration),
    ) -> Result<Self, LoopError> {
        let private = settings.private();
        let seen = Seen::load(&seen::path_in(&private))?;
        let memory = Memory::load(&private)?;
        let journal = Journal::load(&journal::path_in(&private))?;
        let placeholder = State::initial(settings.workflow.first().clone(), world.clock.now());
        Ok(Self {
            settings,
            world,
            git,
            state: placeholder,
            seen,
            memory,
            journal,
            place: Place::run(&*run_id),
            run_id,
            board,
            server: None,
            turns: 0,
            watched: settings.watched.clone(),
            began,
            idle: std::time::Duration::ZERO,
            folder: Folder::of(settings),
            spent: Spent::default(),
            warned_blind: false,
            resting: BTreeMap::new(),
            cut: None,
            shared: None,
            desk: None,
            astray: None,
            hand: None,
        })
    }

    pub(super) fn say(&mut self, fact: Fact) {
        self.world.sink.emit_at(&self.place, fact);
    }

    pub(super) fn identity_notice(&mut self) -> Result<(), LoopError> {
        let Some(git) = &self.git else { return Ok(()) };
        let who = git.repo.identity()?;
        if who.assumed {
            let text = format!(
                "git has no user.name and user.email here: commits are made as {} <{}>",
                who.name, who.email
            );
            self.say(Fact::Notice { text });
        }
        Ok(())
    }

    pub(super) fn load_or_create(&mut self) -> Result<(), LoopError> {
        let now = self.world.clock.now();
        let path = self.settings.state_path();
        match file::read(&path, &self.settings.roles(), now) {
            Ok(state) => {
                self.state = state;
                Ok(())
            }
            Err(StateError::Missing { .. }) => self.create(),
            Err(e) => Err(e.into()),
        }
    }

    /// A state file that once was and is gone is an error, not a beginning (T3).
    fn create(&mut self) -> Result<(), LoopError> {
        let first = self.settings.workflow.first().clone();
        if let Some(git) = &mut self.git {
            state_may_begin(&git.repo, git.repo.branch_tip(&git.branch)?, &git.state_path)?;
            git.commits_state =
                self.settings.config.auto_commit.state.enabled && !git.repo.ignored(&git.state_path)?;
        }
        let state = State::initial(first.clone(), self.world.clock.now());
        let message = self.message(Step::Init, first, 1, Trailers::default());
        self.journal = None;
        self.record(state, &message)
    }

    /// The file is the truth: if HEAD does not have its state, it is committed first (T14).
    pub(super) fn settle(&mut self) -> Result<(), LoopError> {
        let Some(git) = self.git.as_ref().filter(|g| g.commits_state) else { return Ok(()) };
        let bytes = file::read_bytes(&self.settings.state_path())?;
        let tip = git.repo.branch_tip(&git.branch)?;
        let at_head = tip.map(|t| git.repo.blob_at(t, &git.state_path)).transpose()?.flatten();
        if at_head.as_deref() == Some(bytes.as_slice()) {
            // A kill between the commit and the index leaves the index behind.
            return Ok(git.repo.mirror_state(&git.state_path, &bytes)?);
        }
        let announced = self.journal.as_ref().and_then(|j| j.announced.clone());
        let message = if let Some(announced) = announced.filter(|a| a.state.as_bytes() == bytes) {
            announced.message
        } else {
            let (step, actor) = (step_for(&self.state, self.settings), self.state.expected_actor.clone());
            self.message(step, actor, self.state.iteration, Trailers::default())
        };
        git.commit_state(&bytes, &message)
    }

    /// Agents, consent and goal, for every role's own prompt: better said before a turn than in it, and before the
    /// turn of another role has been paid for.
    pub(super) fn agents_may_run(&self) -> Result<(), LoopError> {
        let s = self.settings;
        let mut models = false;
        let next = self.first_in_turn();
        let (mut lacking, mut next_fails) = (None, false);
        for step in s.workflow.steps() {
            let name = s.dispatch.choose(step.role.as_str(), &step.prompt).agent;
            let later = next.as_ref().is_some_and(|next| *next != step.role);
            match self.roster(&name) {
                Ok(roster) => models |= roster.models(),
                Err(e) if agents::is_missing(&e) && later => {
                    lacking =
                        lacking.or(Some(LoopError::LaterAgent { role: step.role.to_string(), source: e }));
                }
                // The very next turn fails, which says so with its place (T16).
                Err(e) if agents::is_missing(&e) => next_fails = true,
                Err(e) => return Err(e.into()),
            }
        }
        if let Some(error) = lacking.filter(|_| !next_fails) {
            return Err(error);
        }
        let goal = document(&s.root.join(&s.config.goal_file)).unwrap_or_default();
        if models && goal_is_template(&goal) {
            return Err(LoopError::GoalIsTemplate(s.config.goal_file.clone()));
        }
        Ok(())
    }

    /// Whose turn a loop of all roles takes first; none for a loop of one role: the others run elsewhere.
    fn first_in_turn(&self) -> Option<RoleId> {
        let s = self.settings;
        if s.options.role.is_some() {
            return None;
        }
        let asked = s.options.start_actor.clone();
        let expected = || read_state(s, self.world.clock.now()).ok().map(|state| state.expected_actor);
        Some(asked.or_else(expected).unwrap_or_else(|| s.workflow.first().clone()))
    }

    /// Prompts that later turns would miss: they fail in their turn (T12), which is known now.
    pub(super) fn warn_of_missing_prompts(&mut self) {
        let folder = self.settings.prompts_folder();
        let later = self.settings.workflow.steps().iter().filter(|s| s.role != self.state.expected_actor);
        let missing: Vec<String> = later
            .filter_map(|step| {
                let e = resolve(&folder, &step.prompt).err()?;
                Some(format!("{}'s turn will fail: prompt `{}`: {e}", step.role, step.prompt))
            })
            .collect();
        for text in missing {
            self.say(Fact::Warning { text });
        }
    }

    /// Whoever looks at the repository takes its usual first branch for what is finished.
    pub(super) fn warn_of_default_branch(&mut self) -> Result<(), LoopError> {
        let Some(git) = &self.git else { return Ok(()) };
        if let Some(text) = on_default_branch(&git.branch, git.repo.branch_tip("work")?.is_some()) {
            self.say(Fact::Warning { text });
        }
        Ok(())
    }
}

//! What happens before the first turn: lock, survivors, repository, state.

use std::path::Path;

use super::record::subject_for;
use super::{Engine, Git, LoopError, World};
use crate::agents::{self, AgentError};
use crate::clock::iso_seconds;
use crate::event::Event as Fact;
use crate::state::{Event, State, StateError, file};
use crate::supervise::sweep_survivors;
use crate::sync::journal::Journal;
use crate::sync::message::{Subject, Trailers, state_message};
use crate::sync::seen::Seen;
use crate::sync::worktree::{GitError, Repo};
use crate::turns::autocommit::Rules;
use crate::turns::lock::{LoopLock, Owner, private_folder};
use crate::turns::settings::Settings;
use crate::turns::shipped::goal_is_template;

/// Opens the repository for a loop; `None` with `--no-git`.
fn open_git(settings: &Settings) -> Result<Option<Git>, LoopError> {
    if !settings.options.git {
        return Ok(None);
    }
    let repo = Repo::open(&settings.root).map_err(|e| match e {
        GitError::NoRepository(_) => LoopError::NoRepository,
        other => LoopError::Git(other),
    })?;
    let branch = repo.head()?.branch().unwrap_or_default().to_owned();
    let config = &settings.config;
    let state_path = repo.path_of(&config.state_file);
    let temporary = file::temporary_name(Path::new(&state_path)).to_string_lossy().into_owned();
    let protected = vec![
        state_path.clone(),
        temporary,
        repo.path_of(&config.logs_dir),
        repo.path_of(&config.tmp_dir),
        repo.path_of(super::super::lock::PRIVATE),
    ];
    let rules = Rules::new(&config.auto_commit, protected)?;
    let commits_state = config.auto_commit.state.enabled && repo.tracked(&state_path);
    Ok(Some(Git { repo, branch, rules, state_path, commits_state }))
}

/// Reads the state, or says why there is none (T3). Creates nothing.
pub fn read_state(settings: &Settings, now: jiff::Timestamp) -> Result<State, LoopError> {
    Ok(file::read(&settings.state_path(), &settings.roles(), now)?)
}

impl<'a> Engine<'a> {
    /// Takes the lock and brings everything into a state from which turns can be taken.
    pub(super) fn start(settings: &'a Settings, world: World<'a>) -> Result<(Self, LoopLock), LoopError> {
        let (mut engine, lock) = Self::open(settings, world)?;
        for killed in sweep_survivors(&settings.root, engine.world.clock) {
            let program = killed.argv.first().map_or("?", String::as_str);
            let text = format!("ended a process of an earlier run: pid {} ({program})", killed.pid);
            engine.say(Fact::Notice { text });
        }
        engine.identity_notice();
        engine.agents_may_run()?;
        engine.load_or_create()?;
        engine.settle()?;
        if let Some(role) = settings.options.start_actor.clone()
            && engine.state.expected_actor != role
        {
            let event = Event::StartActor { role: role.clone() };
            let subject = |s: &State| Subject::StartActor { iteration: s.iteration, actor: role };
            engine.apply(event, subject, &Trailers::default())?;
        }
        Ok((engine, lock))
    }

    /// Repository, lock, journal and memory; the state is not read yet.
    pub(super) fn open(settings: &'a Settings, world: World<'a>) -> Result<(Self, LoopLock), LoopError> {
        let now = world.clock.now();
        let owner =
            Owner { pid: std::process::id(), started: iso_seconds(now), mode: settings.options.mode.clone() };
        let mut git = open_git(settings)?;
        let private = private_folder(&settings.root)
            .map_err(|source| LoopError::Io { path: settings.private(), source })?;
        let lock = LoopLock::take(&settings.root, &owner)?;
        let mut cleared = Vec::new();
        if let Some(git) = &mut git {
            cleared = git.repo.clear_own_locks(&git.branch)?;
            git.branch = git.repo.preflight(settings.options.branch.as_deref())?;
            git.repo.exclude("/.orchestrator/")?;
        }
        let began = world.clock.mono();
        let run_id = world.ids.uuid();
        let seen = Seen::read(&private)?;
        let journal = Journal::read(&private)?;
        let placeholder = State::initial(settings.workflow.first().clone(), now);
        let cost = Some(0.0);
        let mut engine =
            Self { settings, world, git, state: placeholder, seen, journal, run_id, turns: 0, cost, began };
        for path in cleared {
            let text = format!("removed a lock that a killed run of this loop left: {}", path.display());
            engine.say(Fact::Notice { text });
        }
        Ok((engine, lock))
    }

    pub(super) fn say(&mut self, fact: Fact) {
        self.world.sink.emit(fact);
    }

    fn identity_notice(&mut self) {
        let Some(git) = &self.git else { return };
        let (name, email, made_up) = git.repo.identity();
        if made_up {
            let text =
                format!("git has no user.name and user.email here: commits are made as {name} <{email}>");
            self.say(Fact::Notice { text });
        }
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
            if let Some((oid, subject)) = git.repo.removed_by(&git.state_path)? {
                let commit = git.repo.short_id(oid);
                return Err(LoopError::StateRemoved { path: self.settings.state_path(), commit, subject });
            }
            if git.commits_state
                || git.repo.tip(&git.branch).is_some_and(|t| git.repo.blob_at(t, &git.state_path).is_some())
            {
                // Tracked, but deleted from the working tree only: HEAD still knows whose turn it is.
                let commit = git.repo.tip(&git.branch).map_or_else(String::new, |t| git.repo.short_id(t));
                return Err(LoopError::StateRemoved {
                    path: self.settings.state_path(),
                    commit,
                    subject: format!("only the working file is gone: git restore {}", git.state_path),
                });
            }
            git.commits_state =
                self.settings.config.auto_commit.state.enabled && !git.repo.ignored(&git.state_path);
        }
        let state = State::initial(first.clone(), self.world.clock.now());
        let message = state_message(&Subject::Init { actor: first }, self.suffix(), &Trailers::default());
        self.journal = None;
        self.record(state, &message)
    }

    pub(super) fn suffix(&self) -> Option<&'a str> {
        self.settings.config.sync.message_suffix.as_deref()
    }

    /// The file is the truth: if HEAD does not have its state, it is committed first (T14).
    pub(super) fn settle(&mut self) -> Result<(), LoopError> {
        let Some(git) = self.git.as_ref().filter(|g| g.commits_state) else { return Ok(()) };
        let bytes = file::read_bytes(&self.settings.state_path())?;
        let at_head = git.repo.tip(&git.branch).and_then(|t| git.repo.blob_at(t, &git.state_path));
        if at_head.as_deref() == Some(bytes.as_slice()) {
            return Ok(());
        }
        let announced = self.journal.as_ref().and_then(|j| j.announced.clone());
        let message = match announced.filter(|a| a.state.as_bytes() == bytes) {
            Some(announced) => announced.message,
            None => {
                state_message(&subject_for(&self.state, self.settings), self.suffix(), &Trailers::default())
            }
        };
        git.commit_state(&bytes, &message, self.world.clock.now())
    }

    /// Consent and goal, for every role's own prompt: better said before a turn than in it.
    fn agents_may_run(&self) -> Result<(), LoopError> {
        let s = self.settings;
        let mut models = false;
        for step in s.workflow.steps() {
            let name = s.dispatch.choose(step.role.as_str(), &step.prompt).agent;
            match agents::ready(&s.table, &name, &s.config.agent.order, &s.path, &s.root) {
                Ok(ready) => {
                    ready.consented(s.config.agent.unattended)?;
                    models |= ready.agent.unattended;
                }
                // Not being there fails the turn, which says so with its place (T16).
                Err(AgentError::NotFound { .. } | AgentError::NoneFound(_) | AgentError::NoCommand(_)) => {}
                Err(e) => return Err(e.into()),
            }
        }
        let goal = std::fs::read_to_string(s.root.join(&s.config.goal_file)).unwrap_or_default();
        if models && goal_is_template(&goal) {
            return Err(LoopError::GoalIsTemplate(s.config.goal_file.clone()));
        }
        Ok(())
    }
}

//! The session in motion: what the machine asks for is done here, one action at a time.
//!
//! The record on the disk is the truth. Each transition is saved before its action starts, so that a killed program
//! leaves a record that says what was being done:
//!
//! | killed | the record says | resuming |
//! | --- | --- | --- |
//! | before the first worker | `created` | runs it |
//! | while a worker runs, or after it, before its result was saved | `worker-executing` | recovers |
//! | before or while an audit runs | `audit-pending`, `auditor-executing` | audits |
//! | between an audit and the next worker | `reiteration-pending` | runs the next worker |
//! | while it recovered | `recovery-pending` | recovers |
//!
//! A worker that was killed together with the program and left nothing has failed by the machine's rule; the person who
//! resumes wants the task done, so the same command goes on with the next worker run.

mod audit;
mod check;
mod play;
mod salvage;
mod work;

use std::path::Path;
use std::sync::Arc;

use super::error::{End, OneshotError};
use super::fact::{Fact, Observer, Role};
use super::machine::{Action, Event, Paused, Refusal, State, action, resumption};
use super::prompts::{Templates, Texts};
use super::session::{Folder, Lock, Owner, Session, VERSION, pick};
use super::settings::Settings;
use crate::agents::Ready;
use crate::clock::{Clock, iso_seconds};
use crate::ids::Ids;
use crate::supervise::{Stop, StopReason, sweep_survivors};
use crate::sync::worktree::Repo;

/// Characters of a task; its record must stay readable.
const TASK_CHARS: usize = 500_000;

/// What the world gives a session.
pub struct World<'a> {
    pub clock: Arc<dyn Clock>,
    pub ids: &'a dyn Ids,
    pub stop: &'a Stop,
    pub observer: &'a mut dyn Observer,
}

/// What a resumption changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resume {
    /// An id, or the beginning or end of one; `None`: the newest session.
    pub id: Option<String>,
    /// Worker runs in all, instead of those the session was started with.
    pub max_iterations: Option<u64>,
}

/// A session that is ours.
pub struct Engine<'a> {
    settings: &'a Settings,
    world: World<'a>,
    templates: Templates,
    folder: Folder,
    session: Session,
    worker: Ready,
    auditor: Ready,
    stopped: Option<StopReason>,
    /// The worker run that is recovered was cut short by us, and is no failure of its own.
    cut: bool,
    _lock: Lock,
}

impl<'a> Engine<'a> {
    /// A new session. Agents and templates are tried first: nothing is left behind when one cannot be used.
    pub fn create(settings: &'a Settings, world: World<'a>, task: &str) -> Result<Self, OneshotError> {
        let own = &settings.config.oneshot;
        if task.trim().is_empty() {
            return Err(OneshotError::NoTask);
        }
        let chars = task.chars().count();
        if chars > TASK_CHARS {
            return Err(OneshotError::LongTask { chars, most: TASK_CHARS });
        }
        if own.max_iterations == 0 {
            return Err(OneshotError::NoIterations);
        }
        let templates = Templates::load(&settings.root, &own.prompts)?;
        let [mut worker_seat, mut auditor_seat] = [Role::Worker, Role::Auditor].map(|r| settings.seat(r));
        let worker = settings.ready(Role::Worker, &worker_seat)?;
        let auditor = settings.ready(Role::Auditor, &auditor_seat)?;
        worker_seat.agent.clone_from(&worker.agent.name);
        auditor_seat.agent.clone_from(&auditor.agent.name);
        let now = iso_seconds(world.clock.now());
        let id = world.ids.uuid();
        let session = Session {
            version: VERSION,
            id,
            created: now.clone(),
            updated: now,
            state: State::Created,
            task: task.to_owned(),
            worker: worker_seat,
            auditor: auditor_seat,
            iteration: 0,
            max_iterations: own.max_iterations,
            checks: own.checks.clone(),
            feedback: None,
            note: None,
            verdict: None,
            run: None,
            trouble: None,
            cost_usd: Some(0.0),
            history: Vec::new(),
        };
        blocks_are_there(&session, &templates, &worker, &auditor)?;
        exclude_private(settings, &world)?;
        let folder = Folder::create(&settings.root, &session.id)?;
        let lock = folder.lock(&owner(&world))?;
        folder.save(&session)?;
        let engine = Self::of((settings, world), templates, (folder, lock), session, (worker, auditor));
        Ok(engine.begun(false))
    }

    /// Goes on with a session whose owner is gone.
    pub fn resume(settings: &'a Settings, world: World<'a>, how: &Resume) -> Result<Self, OneshotError> {
        let id = pick(&settings.root, how.id.as_deref())?;
        let folder = Folder::of(&settings.root, &id);
        let lock = folder.lock(&owner(&world))?;
        let mut session = folder.load()?;
        if let Some(max) = how.max_iterations {
            session.max_iterations = max;
        }
        let events = resumption(session.state, session.iteration, session.max_iterations)
            .map_err(|refusal| OneshotError::Refused { id, refusal })?;
        let templates = Templates::load(&settings.root, &settings.config.oneshot.prompts)?;
        let worker = settings.ready(Role::Worker, &session.worker)?;
        let auditor = settings.ready(Role::Auditor, &session.auditor)?;
        blocks_are_there(&session, &templates, &worker, &auditor)?;
        let cut = matches!(
            session.state,
            State::WorkerExecuting | State::Interrupted { from: Paused::WorkerExecuting }
        );
        let mut engine = Self::of((settings, world), templates, (folder, lock), session, (worker, auditor));
        engine.cut = cut;
        let mut engine = engine.begun(true);
        for event in events {
            engine.follow(event)?;
        }
        Ok(engine)
    }

    fn of(
        (settings, world): (&'a Settings, World<'a>),
        templates: Templates,
        (folder, lock): (Folder, Lock),
        session: Session,
        (worker, auditor): (Ready, Ready),
    ) -> Self {
        let stopped = None;
        Self {
            settings,
            world,
            templates,
            folder,
            session,
            worker,
            auditor,
            stopped,
            cut: false,
            _lock: lock,
        }
    }

    /// Ends what a killed program left, and tells who is at work.
    fn begun(mut self, resumed: bool) -> Self {
        for killed in sweep_survivors(&self.settings.root, &*self.world.clock) {
            let program = killed.argv.first().map_or("?", String::as_str);
            self.warn(&format!("ended a process of an earlier run: pid {} ({program})", killed.pid));
        }
        let fact = Fact::Began { session: &self.session, folder: self.folder.path(), resumed };
        self.world.observer.hear(&fact);
        self
    }

    pub fn session(&self) -> &Session {
        &self.session
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The result of the last worker run; empty if it left none.
    pub fn result(&self) -> String {
        self.folder.read_result(self.session.iteration).text
    }

    /// Does the next action; `Some` once the session has ended or is paused.
    pub async fn step(&mut self) -> Result<Option<End>, OneshotError> {
        if let Some(end) = self.end() {
            return Ok(Some(end));
        }
        if let Some(reason) = self.world.stop.check().await {
            self.interrupt(reason)?;
            return Ok(self.end());
        }
        match action(self.session.state, self.session.iteration, self.session.max_iterations) {
            Action::Work { again } => self.work(again).await?,
            Action::Audit => self.audit().await?,
            Action::Recover => self.recover()?,
            Action::GiveUp => {
                self.follow(Event::MaxIterations)?;
            }
            Action::Nothing => {}
        }
        Ok(self.end())
    }

    /// Steps until there is an end.
    pub async fn run(&mut self) -> Result<End, OneshotError> {
        loop {
            if let Some(end) = self.step().await? {
                let fact = Fact::Ended { session: &self.session, end: &end };
                self.world.observer.hear(&fact);
                return Ok(end);
            }
        }
    }

    fn end(&self) -> Option<End> {
        match self.session.state {
            State::Completed => Some(End::Completed),
            State::Rejected => Some(End::Rejected),
            State::Failed { why } => Some(End::Failed(why)),
            State::Interrupted { .. } => {
                let because = || StopReason::because("interrupted");
                Some(End::Interrupted(self.stopped.clone().unwrap_or_else(because)))
            }
            _ => None,
        }
    }

    fn interrupt(&mut self, reason: StopReason) -> Result<(), OneshotError> {
        self.stopped = Some(reason);
        self.follow(Event::Interrupt).map(|_| ())
    }

    /// Follows one event; the new state is on the disk when this returns, and only then is it told.
    fn follow(&mut self, event: Event) -> Result<State, OneshotError> {
        let from = self.session.state;
        let to = self.session.follow(event, iso_seconds(self.world.clock.now()))?;
        self.folder.save(&self.session)?;
        self.world.observer.hear(&Fact::Moved { session: &self.session, from, event, to });
        Ok(to)
    }

    fn warn(&mut self, text: &str) {
        self.world.observer.hear(&Fact::Warning { text });
    }
}

fn owner(world: &World<'_>) -> Owner {
    Owner { pid: std::process::id(), started: iso_seconds(world.clock.now()) }
}

/// The words that checks are shown as.
pub(super) fn shown(checks: &[Vec<String>]) -> Vec<String> {
    checks
        .iter()
        .map(|argv| shlex::try_join(argv.iter().map(String::as_str)).unwrap_or_else(|_| argv.join(" ")))
        .collect()
}

/// The embedded agent needs a block to run, and that is seen before anything is run.
fn blocks_are_there(
    session: &Session,
    templates: &Templates,
    worker: &Ready,
    auditor: &Ready,
) -> Result<(), OneshotError> {
    let checks = shown(&session.checks);
    let texts = Texts { session: &session.id, task: &session.task, checks: &checks };
    for (role, ready) in [(Role::Worker, worker), (Role::Auditor, auditor)] {
        if ready.program.is_some() {
            continue;
        }
        let text = templates.own_blocks(role, texts)?;
        crate::agents::blocks(&text).map_err(|_| OneshotError::NoBlock { role: role.name() })?;
    }
    Ok(())
}

/// Keeps `.orchestrator/` out of git's sight, where there is git.
fn exclude_private(settings: &Settings, world: &World<'_>) -> Result<(), OneshotError> {
    if settings.git
        && let Ok(repo) = Repo::open(&settings.root, Arc::clone(&world.clock))
    {
        repo.exclude_private()?;
    }
    Ok(())
}

impl OneshotError {
    /// A session that another process works on.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Busy(_))
    }

    /// Why a resumption was refused.
    pub fn refusal(&self) -> Option<Refusal> {
        if let Self::Refused { refusal, .. } = self { Some(*refusal) } else { None }
    }
}

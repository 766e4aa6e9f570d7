//! The run of a batch: who starts when, who is ended, what is recorded.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde::{Deserialize, Serialize};

use super::error::BatchError;
use super::one::{Done, Ground, Start};
use super::places::{Next, Places};
use super::result::{Report, State, TaskResult};
use super::saved::Saved;
use super::task::{Task, Work};
use crate::agents::{self, Roster, Table};
use crate::clock::{Clock, iso_seconds};
use crate::config::Supervision;
use crate::control::{self, AttemptInfo, Board, LiveAttempt, RunInfo, Server};
use crate::event::{Ended, Event, Place, Sink};
use crate::ids::Ids;
use crate::supervise::{Redactor, Stop, StopReason};
use crate::sync::worktree::Repo;

/// Why a task that had not begun never did.
const NEVER: &str = "never begun";

/// How a batch is to be run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// Tasks at once.
    pub max_concurrent: usize,
    /// Silence after which a task counts as idle; none: as configured.
    pub idle: Option<Duration>,
    /// The first failure ends everything.
    pub fail_fast: bool,
    /// A git worktree and a branch for each task.
    pub each_worktree: bool,
    /// The agent for prompts that name none.
    pub agent: String,
}

impl Default for Options {
    fn default() -> Self {
        Self { max_concurrent: 5, idle: None, fail_fast: false, each_worktree: false, agent: "auto".into() }
    }
}

/// Where it is run.
pub struct Setting {
    pub root: PathBuf,
    /// The program's own folder in it.
    pub private: PathBuf,
    /// Absolute.
    pub logs_dir: PathBuf,
    pub supervision: Supervision,
    pub table: Table,
    /// The order in which `auto` looks for an agent.
    pub order: Vec<String>,
    /// Consent to agents that ask for no permission.
    pub unattended: bool,
    pub path: OsString,
    pub redactor: Arc<Redactor>,
    /// The user's folder for sockets.
    pub runtime_dir: Option<PathBuf>,
}

/// What the world gives a batch.
pub struct World<'a> {
    pub clock: Arc<dyn Clock>,
    pub ids: &'a dyn Ids,
    pub stop: &'a Stop,
    pub sink: &'a mut dyn Sink,
}

/// Runs the tasks that are not done yet, to the end of the last. `parent`: the run that is resumed.
///
/// # Errors
/// What was refused before the first task began; a task that failed is a result.
pub async fn run(
    saved: &Saved,
    parent: Option<&str>,
    setting: &Setting,
    world: World<'_>,
) -> Result<Report, BatchError> {
    let ready = agents_of(saved, setting)?;
    let repo = repository(saved, setting, &world.clock)?;
    let run_id = world.ids.uuid();
    let logs = setting.logs_dir.join("batch").join(&run_id);
    let io = |source| BatchError::Io { path: logs.clone(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(&logs).map_err(io)?;
    saved.write(&setting.private, &run_id)?;
    // Nobody resumes it while it lives, also before its socket can be asked.
    let _held = Saved::hold(&setting.private, &run_id)?;
    let ground = Ground {
        setting,
        options: &saved.options,
        run_id: &run_id,
        clock: Arc::clone(&world.clock),
        sink: RefCell::new(world.sink),
        programs: RefCell::default(),
        logs,
        repo,
    };
    let mut batch = Batch::new(saved, &ground, &ready, world.ids, world.stop, parent);
    let server = batch.announce();
    batch.conduct().await;
    drop(server);
    Ok(batch.report())
}

/// The agent of each prompt, by the name given. All are looked for before anything runs.
fn agents_of(saved: &Saved, setting: &Setting) -> Result<BTreeMap<String, Roster>, BatchError> {
    let mut ready = BTreeMap::new();
    for task in saved.tasks.iter().filter(|t| !saved.done.contains(&t.id)) {
        if let Some(folder) = task.cwd.as_ref().map(|cwd| setting.root.join(cwd)).filter(|p| !p.is_dir()) {
            return Err(BatchError::NoFolder { task: task.id.clone(), path: folder });
        }
        let name = task.agent.as_ref().unwrap_or(&saved.options.agent);
        if matches!(task.work, Work::Run(_)) || ready.contains_key(name) {
            continue;
        }
        let failed = |source| BatchError::Agent { task: task.id.clone(), source };
        let (table, order, consent) = (&setting.table, &setting.order, setting.unattended);
        let roster = agents::roster(table, name, order, &setting.path, &setting.root, consent);
        ready.insert(name.clone(), roster.map_err(failed)?);
    }
    Ok(ready)
}

fn repository(
    saved: &Saved,
    setting: &Setting,
    clock: &Arc<dyn Clock>,
) -> Result<Option<(Repo, PathBuf)>, BatchError> {
    let repo = match Repo::open(&setting.root, Arc::clone(clock)) {
        Err(e) if saved.options.each_worktree => return Err(e.into()),
        // Tasks need no git.
        Err(_) => return Ok(None),
        Ok(repo) => repo,
    };
    repo.exclude_private()?;
    if let Ok(logs) = repo.relative(&setting.logs_dir.join("batch")) {
        repo.exclude_logs(&logs)?;
    }
    if !saved.options.each_worktree {
        return Ok(None);
    }
    let prefix = repo.prefix(&setting.root)?;
    Ok(Some((repo, prefix)))
}

/// A batch in motion.
struct Batch<'a> {
    saved: &'a Saved,
    ground: &'a Ground<'a>,
    ready: &'a BTreeMap<String, Roster>,
    ids: &'a dyn Ids,
    stop: &'a Stop,
    parent: Option<&'a str>,
    board: Board,
    places: Places,
    /// Each task's own wish to end.
    stops: Vec<Stop>,
    /// Those that have not begun.
    waiting: BTreeMap<usize, (String, LiveAttempt)>,
    running: BTreeSet<usize>,
    results: Vec<Option<TaskResult>>,
    /// Ends that are not told yet.
    ended: Vec<Done>,
    /// What was asked of the whole run: 1 to end, 2 to end at once.
    level: u8,
    interrupted: Option<StopReason>,
    began: Duration,
}

impl<'a> Batch<'a> {
    fn new(
        saved: &'a Saved,
        ground: &'a Ground<'a>,
        ready: &'a BTreeMap<String, Roster>,
        ids: &'a dyn Ids,
        stop: &'a Stop,
        parent: Option<&'a str>,
    ) -> Self {
        let info = RunInfo {
            id: ground.run_id.to_owned(),
            kind: "batch".into(),
            mode: "batch".into(),
            pid: std::process::id(),
            started_at: iso_seconds(ground.clock.now()),
        };
        let whole = stop.clone();
        let interrupt = move |why: &str| whole.ask(StopReason::because(why));
        let board = Board::new(info, Arc::clone(&ground.clock), interrupt);
        let wanted: Vec<bool> = saved.tasks.iter().map(|t| !saved.done.contains(&t.id)).collect();
        let before = |(task, wanted): (&Task, &bool)| {
            (!wanted).then(|| TaskResult::never(&task.id, State::Done, None))
        };
        let results = saved.tasks.iter().zip(&wanted).map(before).collect();
        Self {
            saved,
            ground,
            ready,
            ids,
            stop,
            parent,
            board,
            places: Places::new(wanted, saved.options.max_concurrent),
            stops: saved.tasks.iter().map(|_| Stop::new()).collect(),
            waiting: BTreeMap::new(),
            running: BTreeSet::new(),
            results,
            ended: Vec::new(),
            level: 0,
            interrupted: None,
            began: ground.clock.mono(),
        }
    }

    /// Tells of the run, shows its tasks on the board and opens the socket.
    fn announce(&mut self) -> Option<Server> {
        let left: Vec<usize> = (0..self.saved.tasks.len()).filter(|at| self.results[*at].is_none()).collect();
        self.emit(Event::RunCreated {
            run_kind: "batch".into(),
            parent_run_id: self.parent.map(str::to_owned),
        });
        self.emit(Event::RunStarted {
            mode: "batch".into(),
            branch: None,
            agents: self.ready.values().map(|r| ("prompts".into(), r.get(0).agent.name.clone())).collect(),
            limits: format!(
                "{} {}, at most {} at once",
                left.len(),
                if left.len() == 1 { "task" } else { "tasks" },
                self.saved.options.max_concurrent.max(1)
            ),
            state: String::new(),
        });
        let (setting, id) = (self.ground.setting, self.ground.run_id);
        let logs = self.ground.logs.strip_prefix(&setting.root).unwrap_or(&self.ground.logs);
        self.emit(Event::Notice { text: format!("run {id}, logs in {}", logs.display()) });
        for (from, reason) in self.ready.values().filter_map(Roster::missing) {
            let text = format!("another agent takes the tasks of {from}: {reason}");
            self.emit(Event::Notice { text });
        }
        for at in left {
            let task = &self.saved.tasks[at];
            let info = AttemptInfo {
                id: self.ids.uuid(),
                role: task.id.clone(),
                iteration: None,
                prompt: self.ground.setting.redactor.text(&task.words()).into_owned(),
                agent: match &task.work {
                    Work::Run(_) => "-".to_owned(),
                    Work::Prompt(_) => task.agent.as_ref().unwrap_or(&self.saved.options.agent).clone(),
                },
            };
            let (id, own) = (info.id.clone(), self.stops[at].clone());
            let seen = self.board.begin(info, move |why| own.ask(StopReason::because(why)));
            self.waiting.insert(at, (id, seen));
        }
        let folder = control::folder(&setting.private);
        control::sweep(&folder, self.ground.clock.now());
        match Server::open(&folder, setting.runtime_dir.as_deref(), self.board.clone()) {
            Ok(server) => Some(server),
            Err(e) => {
                self.emit(Event::Notice { text: format!("{e}; this run cannot be asked or interrupted") });
                None
            }
        }
    }

    fn emit(&self, event: Event) {
        self.ground.sink.borrow_mut().emit_at(&Place::run(self.ground.run_id), event);
    }

    async fn conduct(&mut self) {
        let ground = self.ground;
        let mut working = FuturesUnordered::new();
        let (stop, board) = (self.stop.clone(), self.board.clone());
        let mut asked = pin!(board.wait_stop());
        let mut halted = false;
        loop {
            if let Some(reason) = self.stop.check().await {
                self.end_all(&reason, if self.stop.immediate() { 2 } else { 1 });
            }
            let next = self.places.step();
            if let Next::Start(at) = next {
                if let Some(start) = self.start(at) {
                    working.push(ground.run(start));
                }
                continue;
            }
            // Ends are told only now: the next processes run already while the record is made durable.
            self.tell_ends();
            if next == Next::Over {
                break;
            }
            tokio::select! {
                biased;
                () = stop.reached(self.level + 1), if self.level < 2 => {}
                Some(done) = working.next() => self.took_end(done),
                wish = &mut asked, if !halted => {
                    halted = true;
                    let why = wish.reason.map_or_else(String::new, |r| format!(": {r}"));
                    self.emit(Event::Notice {
                        text: format!("asked to stop{why}; no further task is begun"),
                    });
                    self.halt();
                }
            }
        }
    }

    /// A task whose turn it is; none if somebody ended it before it began.
    fn start(&mut self, at: usize) -> Option<Start<'a>> {
        let task = &self.saved.tasks[at];
        let (attempt, seen) = self.waiting.remove(&at)?;
        if let Some(reason) = self.stops[at].requested() {
            self.places.ended();
            self.never(at, &format!("{NEVER}: {}", reason.text));
            return None;
        }
        self.running.insert(at);
        let ready = match task.work {
            Work::Run(_) => None,
            Work::Prompt(_) => {
                let name = task.agent.as_ref().unwrap_or(&self.saved.options.agent);
                self.ready.get(name).map(|roster| roster.get(0))
            }
        };
        Some(Start { at, task, ready, attempt, stop: self.stops[at].clone(), seen })
    }

    fn took_end(&mut self, done: Done) {
        self.places.ended();
        self.running.remove(&done.at);
        let failed = done.result.state == State::Failed;
        let place = Place::run(self.ground.run_id).attempt(&*done.attempt);
        self.ground.sink.borrow_mut().ahead(&place, &done.event);
        self.results[done.at] = Some(done.result.clone());
        self.ended.push(done);
        if failed && self.saved.options.fail_fast && self.level == 0 {
            let task = self.ended.last().map_or_else(String::new, |d| d.result.id.clone());
            self.emit(Event::Notice {
                text: format!("task {task} failed: everything else is ended (fail-fast)"),
            });
            self.level = 1;
            self.halt();
            for at in &self.running {
                self.stops[*at].ask(StopReason::because(format!("task {task} failed")));
            }
        }
    }

    fn tell_ends(&mut self) {
        for done in std::mem::take(&mut self.ended) {
            self.ground.emit(&done.attempt, done.event);
            drop(done.seen);
        }
    }

    /// The whole run is to end; `level` 2: at once.
    fn end_all(&mut self, reason: &StopReason, level: u8) {
        if self.interrupted.is_none() {
            self.emit(Event::Signal { name: reason.text.clone() });
            self.emit(Event::RunInterrupted { reason: reason.text.clone() });
            self.interrupted = Some(reason.clone());
        }
        if self.level >= level {
            return;
        }
        self.level = level;
        self.halt();
        for at in &self.running {
            self.stops[*at].trigger(reason.clone());
        }
    }

    fn halt(&mut self) {
        for at in self.places.halt() {
            self.waiting.remove(&at);
            self.never(at, NEVER);
        }
    }

    fn never(&mut self, at: usize, why: &str) {
        let id = &self.saved.tasks[at].id;
        self.results[at] = Some(TaskResult::never(id, State::Interrupted, Some(why.to_owned())));
        self.emit(Event::StepSkipped { step: id.clone(), reason: why.to_owned() });
    }

    fn report(self) -> Report {
        let never = |at: usize| TaskResult::never(&self.saved.tasks[at].id, State::Interrupted, None);
        let results = self.results.iter().enumerate().map(|(at, r)| r.clone().unwrap_or_else(|| never(at)));
        let took = self.ground.clock.mono().saturating_sub(self.began);
        let report = Report {
            run_id: self.ground.run_id.to_owned(),
            results: results.collect(),
            interrupted: self.interrupted.clone(),
            took,
        };
        let (good, failed, interrupted) = report.counts();
        let outcome = match (&report.interrupted, failed + interrupted) {
            (Some(_), _) => Ended::Canceled,
            (None, 0) => Ended::Succeeded,
            (None, _) => Ended::Failed,
        };
        let run = report.results.iter().filter(|r| r.seconds.is_some()).count();
        self.emit(Event::RunEnded {
            outcome,
            turns: u64::try_from(run).unwrap_or(u64::MAX),
            duration: took,
            cost_usd: None,
            why: format!("{good} completed, {failed} failed, {interrupted} interrupted"),
            next: format!("orchestrator batch --resume {}", self.ground.run_id),
        });
        report
    }
}

//! The loop of a run: what ended, what follows from it, what starts.

mod closing;
mod ends;
mod halts;
mod limits;
mod starts;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::DirBuilderExt;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde_json::Value;

use super::begin::{Begin, moves, run_place};
use super::book::Book;
use super::catalog::{Agents, Catalog};
use super::error::EngineError;
use super::finish::Report;
use super::limits::Limited;
use super::setting::{ProgressCell, Setting, World};
use super::step::Ground;
use super::tools::Tools;
use crate::clock::iso_seconds;
use crate::control::{self, Board, RunInfo, Server};
use crate::event::Event;
use crate::ledger::{IllegalMove, StepState};
use crate::supervise::{Stop, StopReason};
use crate::workstreams::progress::Progress;
use crate::workstreams::quarantine::{Guard, Reason};
use crate::workstreams::schedule::Schedule;
use crate::workstreams::scope::Scope;
use crate::workstreams::spec::Spec;

/// Nothing waits longer for a tool before it looks again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Runs what is not done yet to its end.
///
/// # Errors
/// What was refused before the first step began; a step that failed is a result.
pub async fn run(begin: Begin, setting: &Setting, world: World<'_>) -> Result<Report, EngineError> {
    let spec = &begin.workstream.spec;
    let mut catalog = Catalog::new(setting);
    let agents = catalog
        .find_agents(&spec.steps, setting)
        .map_err(|(step, source)| EngineError::Agent { step, source })?;
    let book = Book::new(world.writer, world.sink, Arc::clone(&world.clock), &begin.run_id);
    let scopes: Vec<Option<Scope>> = spec
        .steps
        .iter()
        .map(|step| step.files_scope.as_ref().and_then(|globs| Scope::new(globs).ok()))
        .collect();
    let ground = Ground {
        setting,
        spec,
        catalog: &catalog,
        agents: &agents,
        run_id: &begin.run_id,
        clock: Arc::clone(&world.clock),
        ids: world.ids,
        book: &book,
        logs: setting.root.join(&setting.config.logs_dir).join("workstream").join(&begin.run_id),
        scopes: &scopes,
        beside: RefCell::new(BTreeMap::new()),
        limits: Limited::new(setting.config.supervision.rate_limit),
    };
    let mut engine = Engine::new(&begin, &ground, &begin.tools, world.stop, world.progress, &agents);
    let server = engine.announce(&begin);
    let ended = engine.conduct().await;
    // An illegal move would be a mistake of the schedule's; it ends the run and is not hidden.
    if let Err(illegal) = ended {
        engine.fault = Some(illegal.to_string());
    }
    let report = engine.finish().await;
    drop(server);
    Ok(report)
}

struct Engine<'a> {
    ground: &'a Ground<'a>,
    spec: &'a Spec,
    schedule: Schedule<'a>,
    progress: Progress,
    cell: ProgressCell,
    tools: &'a Tools,
    guard: Guard,
    stop: &'a Stop,
    board: Board,
    cancel: Arc<AtomicBool>,
    known: BTreeMap<String, Value>,
    attempts: Vec<u64>,
    /// Before this run went on.
    attempts_before: Vec<u64>,
    first_began: Vec<Option<Duration>>,
    /// Attempts that a rate limit refused: they do not count as attempts of `retry`.
    refusals: Vec<u64>,
    /// The same in a row, and the tool that is asked again.
    refused: BTreeMap<usize, (u32, Option<String>)>,
    /// Tools that failed at a step.
    failed_tools: BTreeMap<usize, Vec<String>>,
    stops: BTreeMap<usize, Stop>,
    /// When a step's next attempt begins.
    timers: BTreeSet<(Duration, usize)>,
    /// Conditions that cannot be told.
    broken: BTreeMap<usize, String>,
    interrupted: Option<StopReason>,
    level: u8,
    asked_to_stop: Option<String>,
    quarantined: Option<Reason>,
    over_budget: Option<(&'static str, f64, f64)>,
    fault: Option<String>,
    only: Option<usize>,
    /// The first failure that fails the run.
    failure: Option<String>,
    exit_code: Option<i32>,
    cost_usd: Option<f64>,
    spent: f64,
    tokens: u64,
    ran: u64,
    began: Duration,
}

impl<'a> Engine<'a> {
    fn new(
        begin: &'a Begin,
        ground: &'a Ground<'a>,
        tools: &'a Tools,
        stop: &'a Stop,
        cell: ProgressCell,
        agents: &Agents,
    ) -> Self {
        let spec = &begin.workstream.spec;
        let graph = &begin.workstream.graph;
        let depth = graph.ranks(|_| 1);
        let (items, lanes) = starts::lanes(spec, ground.scopes);
        let limit = spec.limit();
        let mut progress = Progress::new(depth.clone(), limit);
        for (step, state) in begin.states.iter().enumerate().filter(|(_, state)| state.is_over()) {
            progress.moved(step, *state, None);
        }
        cell.set(progress.counts());
        let before: Vec<u64> =
            spec.steps.iter().map(|s| begin.attempts.get(&s.id).copied().unwrap_or(0)).collect();
        let cancel = Arc::new(AtomicBool::new(false));
        let info = RunInfo {
            id: begin.run_id.clone(),
            kind: "workstream".into(),
            mode: "workstream".into(),
            pid: std::process::id(),
            started_at: iso_seconds(ground.clock.now()),
        };
        let (whole, wish) = (stop.clone(), Arc::clone(&cancel));
        let board = Board::new(info, Arc::clone(&ground.clock), move |why| {
            wish.fetch_or(why == control::CANCELED, Ordering::SeqCst);
            whole.ask(StopReason::because(why));
        });
        let missing = agents.rosters().filter_map(crate::agents::Roster::missing);
        for (from, reason) in missing {
            let text = format!("another agent takes the steps of {from}: {reason}");
            ground.book.event(Event::Notice { text });
        }
        Self {
            ground,
            spec,
            schedule: Schedule::new(graph, items, lanes, depth, limit, begin.states.clone()),
            progress,
            cell,
            tools,
            guard: Guard::new(ground.setting.config.workstream.quarantine.same_error),
            stop,
            board,
            cancel,
            known: begin.known.clone(),
            attempts: vec![0; spec.steps.len()],
            attempts_before: before,
            first_began: vec![None; spec.steps.len()],
            refusals: vec![0; spec.steps.len()],
            refused: BTreeMap::new(),
            failed_tools: BTreeMap::new(),
            stops: BTreeMap::new(),
            timers: BTreeSet::new(),
            broken: BTreeMap::new(),
            interrupted: None,
            level: 0,
            asked_to_stop: None,
            quarantined: None,
            over_budget: None,
            fault: None,
            only: begin.only,
            failure: None,
            exit_code: None,
            cost_usd: Some(0.0),
            spent: 0.0,
            tokens: 0,
            ran: 0,
            began: ground.clock.mono(),
        }
    }

    fn announce(&mut self, begin: &Begin) -> Option<Server> {
        let book = self.ground.book;
        let counts = self.progress.counts();
        let left = counts.total - counts.done;
        let limits = format!(
            "{left} {}, at most {} at once",
            if left == 1 { "step" } else { "steps" },
            self.spec.limit()
        );
        let (changes, event) = moves(begin, book.now_ms(), limits);
        let last = changes.len() - 1;
        for (n, change) in changes.into_iter().enumerate() {
            let shown = (n == last).then(|| event.clone());
            book.change(change, run_place(&begin.run_id), shown);
        }
        book.settle();
        let setting = self.ground.setting;
        let logs = self.ground.logs.strip_prefix(&setting.root).unwrap_or(&self.ground.logs);
        book.event(Event::Notice { text: format!("run {}, logs in {}", begin.run_id, logs.display()) });
        if let Err(e) = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.ground.logs) {
            let text = format!("{}: {e}; there will be no logs", self.ground.logs.display());
            book.event(Event::Warning { text });
        }
        let folder = control::folder(&setting.private);
        control::sweep(&folder, self.ground.clock.now());
        match Server::open(&folder, setting.runtime_dir.as_deref(), self.board.clone()) {
            Ok(server) => Some(server),
            Err(e) => {
                book.event(Event::Notice { text: format!("{e}; this run cannot be asked or interrupted") });
                None
            }
        }
    }

    async fn conduct(&mut self) -> Result<(), IllegalMove> {
        let ground = self.ground;
        let mut working = FuturesUnordered::new();
        let (stop, board) = (self.stop.clone(), self.board.clone());
        let mut asked = pin!(board.wait_stop());
        let wall = self.spec.budget.wall_secs.map(|limit| self.began + limit.0);
        let first = self.schedule.begin()?;
        self.take(first)?;
        loop {
            if let Some(reason) = self.stop.check().await {
                self.end_all(&reason, if self.stop.immediate() { 2 } else { 1 })?;
            }
            let starts = self.starts()?;
            // Ends, what follows from them, and the starts that follow from that are one group for the disk.
            ground.book.settle();
            for start in starts {
                working.push(ground.attempt(start));
            }
            if working.is_empty() && self.schedule.is_over() {
                return Ok(());
            }
            let now = ground.clock.mono();
            let timer = self.timers.first().map(|(at, _)| at.saturating_sub(now));
            let held = self.schedule.is_held().then_some(LOOK_AGAIN);
            let budget = wall.filter(|_| self.over_budget.is_none()).map(|at| at.saturating_sub(now));
            let wait = [timer, held, budget].into_iter().flatten().min();
            tokio::select! {
                biased;
                () = stop.reached(self.level + 1), if self.level < 2 => {}
                Some(done) = working.next() => {
                    self.ended(done)?;
                    // What ended at the same moment belongs to the same group.
                    while let Some(Some(done)) = futures_util::FutureExt::now_or_never(working.next()) {
                        self.ended(done)?;
                    }
                }
                wish = &mut asked, if self.asked_to_stop.is_none() => {
                    let why = wish.reason.map_or_else(String::new, |r| format!(": {r}"));
                    let text = format!("asked to stop{why}; no further step is begun");
                    ground.book.event(Event::Notice { text: text.clone() });
                    self.asked_to_stop = Some(text);
                    let shifts = self.schedule.halt()?;
                    self.take(shifts)?;
                    self.end_waiting("the run was asked to stop")?;
                }
                () = tokio::time::sleep(wait.unwrap_or_default()), if wait.is_some() => {
                    self.time_passed(wall)?;
                }
            }
        }
    }

    fn time_passed(&mut self, wall: Option<Duration>) -> Result<(), IllegalMove> {
        let now = self.ground.clock.mono();
        while let Some((_, step)) = self.timers.first().copied().filter(|(at, _)| *at <= now) {
            self.timers.pop_first();
            self.schedule.resume(step);
        }
        self.schedule.look_again();
        if wall.is_some_and(|at| now >= at) && self.over_budget.is_none() {
            let limit = self.spec.budget.wall_secs.map_or(0.0, |s| s.0.as_secs_f64());
            let used = now.saturating_sub(self.began).as_secs_f64();
            self.reached("wall_secs", limit, used)?;
        }
        Ok(())
    }

    fn moved(&mut self, step: usize, to: StepState, took: Option<Duration>) {
        self.progress.moved(step, to, took);
        self.cell.set(self.progress.counts());
    }
}

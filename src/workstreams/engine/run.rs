//! The loop of a run: what ended, what follows from it, what starts.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde_json::{Value, json};

use super::begin::{Begin, CONDITION, moves, run_place, tolerated};
use super::book::Book;
use super::error::EngineError;
use super::finish::{Outcome, Report};
use super::gate::{self, Found};
use super::process::Bench;
use super::request::{Request, Work};
use super::saved::keep_result;
use super::setting::{ProgressCell, Setting, World};
use super::step::{Done, Ground, Start, fact, line};
use super::tools::{Agents, Catalog, Tools};
use crate::clock::iso_seconds;
use crate::control::{self, AttemptInfo, Board, RunInfo, Server};
use crate::event::{Ended, Event};
use crate::ledger::{
    AttemptEnd, AttemptState, Change, IllegalMove, NewAttempt, StepEnd, StepMove, StepStart, StepState,
};
use crate::supervise::{Stop, StopReason};
use crate::workstreams::progress::Progress;
use crate::workstreams::quarantine::{Guard, Reason};
use crate::workstreams::retry::{Next, Retry};
use crate::workstreams::routing::{Choice, Decision, Need};
use crate::workstreams::schedule::{End, Item, Schedule, Shift, Why};
use crate::workstreams::scope::Scope;
use crate::workstreams::spec::{Spec, names_a_file, when};

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

/// What was decided for a step that is about to start.
#[derive(Default)]
struct Plan {
    decision: Option<Decision>,
    refused: Option<String>,
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
        let (items, lanes) = lanes(spec, ground.scopes);
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

    /// Everything that can start now.
    fn starts(&mut self) -> Result<Vec<Start>, IllegalMove> {
        let mut starts = Vec::new();
        if self.level > 0 || self.quarantined.is_some() || self.over_budget.is_some() {
            return Ok(starts);
        }
        loop {
            let mut plans: BTreeMap<usize, Plan> = BTreeMap::new();
            let (ground, spec, tools) = (self.ground, self.spec, self.tools);
            let (failed, broken) = (&self.failed_tools, &self.broken);
            let now = ground.book.now_ms();
            let only = self.only;
            let mut admits = |step: usize| {
                if only.is_some_and(|only| only != step) {
                    return false;
                }
                let plan = plan(step, spec, ground.catalog, tools, failed, broken, now);
                let waits = matches!(&plan.decision, Some(Decision { choice: Choice::Wait(_), .. }));
                plans.insert(step, plan);
                !waits
            };
            let Some((step, shift)) = self.schedule.next(&mut admits)? else { return Ok(starts) };
            let plan = plans.remove(&step).unwrap_or_default();
            starts.push(self.start(step, plan, shift));
        }
    }

    fn start(&mut self, step: usize, plan: Plan, shift: Option<Shift>) -> Start {
        let ground = self.ground;
        let own = &self.spec.steps[step];
        self.attempts[step] += 1;
        let number = self.attempts_before[step] + self.attempts[step];
        let now = ground.clock.mono();
        self.first_began[step].get_or_insert(now);
        let attempt = ground.ids.uuid();
        let mut refused = plan.refused;
        let tool = plan
            .decision
            .as_ref()
            .and_then(|d| d.chosen().map(str::to_owned))
            .or_else(|| own.oneshot.as_ref().and(own.tool.clone()));
        let work = match work_of(own, ground.setting) {
            Ok(work) => work,
            Err(why) => {
                refused.get_or_insert(why);
                Work::Prompt(String::new())
            }
        };
        let limit = tool.as_ref().and_then(|t| ground.catalog.get(t)).and_then(|(_, limit)| limit);
        let request = Request {
            run: ground.run_id.to_owned(),
            step: own.id.clone(),
            attempt: attempt.clone(),
            number,
            kind: own.kind.clone(),
            tool: tool.clone(),
            work,
            scope: own.files_scope.clone(),
            timeout_secs: own.timeout_secs.or(limit).map(|s| s.0.as_secs_f64()),
            env: own.env.clone(),
            origin: plan.decision.as_ref().map_or_else(
                || "step".into(),
                |d| {
                    d.rule
                        .clone()
                        .unwrap_or_else(|| if own.tool.is_some() { "step" } else { "default" }.into())
                },
            ),
        };
        let log = ground.logs.join(format!("{}.{number}.log", own.id));
        let at = ground.book.now_ms();
        let place = ground.place(&attempt);
        let mut validate_with = Vec::new();
        if let Some(decision) = &plan.decision {
            if let Some((rule, position)) = &decision.position {
                self.tools.set_position(rule, *position);
                let change = Change::Position { rule: rule.clone(), position: *position };
                ground.book.change(change, place.clone(), None);
            }
            ground.book.event_at(
                &place,
                Event::ToolRouted {
                    step: own.id.clone(),
                    rule: decision.rule.clone(),
                    strategy: decision.strategy.to_owned(),
                    candidates: decision.candidates.clone(),
                    choice: tool.clone(),
                },
            );
            if let Choice::Nobody { error, open } = &decision.choice {
                refused.get_or_insert_with(|| error.clone());
                if *open && self.quarantined.is_none() {
                    self.quarantined = Some(Reason {
                        reason: format!("step {}: {error}", own.id),
                        evidence: decision.candidates.iter().map(|(name, _)| name.clone()).collect(),
                    });
                }
            }
            validate_with.clone_from(&decision.validate_with);
        }
        let trial = tool.as_ref().filter(|_| plan.decision.is_some()).is_some_and(|name| {
            let trial = self.tools.begin(name, at);
            if trial {
                let health = self.tools.row(name, at);
                let event = Some(Event::BreakerHalfOpen { tool: name.clone() });
                ground.book.change(
                    Change::Health { health, place: place.clone(), event },
                    place.clone(),
                    None,
                );
            }
            trial
        });
        let words = ground.setting.redactor.text(&own.words()).into_owned();
        let agent = tool.clone().unwrap_or_else(|| "-".into());
        let shown_log = log.strip_prefix(&ground.setting.root).unwrap_or(&log).to_string_lossy().into_owned();
        let event = Event::AttemptStarted {
            iteration: 0,
            role: own.id.clone(),
            prompt: words.clone(),
            agent: agent.clone(),
            log: shown_log.clone(),
            step: own.id.clone(),
            turn_id: None,
        };
        let new = NewAttempt {
            attempt_id: attempt.clone(),
            run_id: ground.run_id.to_owned(),
            step_id: own.id.clone(),
            role: own.kind.clone(),
            agent: tool.clone(),
            tool,
            prompt: Some(words.clone()),
            request: serde_json::to_value(&request).ok(),
            log_path: Some(shown_log),
            at,
            event: event.clone(),
        };
        let from = if shift.is_some() { StepState::Ready } else { StepState::Running };
        ground.book.change(Change::StartStep(StepStart { attempt: new, from }), place, Some(event));
        self.moved(step, StepState::Running, None);
        let stop = Stop::new();
        let wish = stop.clone();
        let info = AttemptInfo { id: attempt, role: own.id.clone(), iteration: None, prompt: words, agent };
        let seen = self.board.begin(info, move |why| wish.ask(StopReason::because(why)));
        self.stops.insert(step, stop.clone());
        let mut beside = ground.beside.borrow_mut();
        let mut others: Vec<usize> = self.schedule.working().filter(|other| *other != step).collect();
        for other in &others {
            beside.entry(*other).or_default().push(step);
        }
        others.push(step);
        beside.insert(step, others);
        let facts = if own.python.is_some() || own.prompt.is_some() { self.facts(step) } else { Value::Null };
        Start { step, request, log, refused, validate_with, stop, seen, trial, facts }
    }

    /// What a function is told: its step, and what the steps before it left.
    fn facts(&self, step: usize) -> Value {
        let own = &self.spec.steps[step];
        let before: serde_json::Map<String, Value> = own
            .depends_on
            .iter()
            .filter_map(|name| Some((name.clone(), self.known.get(name)?.clone())))
            .collect();
        json!({
            "run": self.ground.run_id, "step": own.id, "kind": own.kind, "prompt": own.prompt,
            "files_scope": own.files_scope, "steps": before,
        })
    }

    fn moved(&mut self, step: usize, to: StepState, took: Option<Duration>) {
        self.progress.moved(step, to, took);
        self.cell.set(self.progress.counts());
    }

    /// Records what became of steps without an attempt, and looks at the conditions of those that are ready.
    fn take(&mut self, shifts: Vec<Shift>) -> Result<(), IllegalMove> {
        let mut left: std::collections::VecDeque<Shift> = shifts.into();
        while let Some(shift) = left.pop_front() {
            let own = &self.spec.steps[shift.step];
            let id = own.id.clone();
            let (reason, event) = match (shift.to, shift.why) {
                (StepState::Ready, _) => (None, Some(Event::StepReady { step: id })),
                (StepState::Skipped, Why::Condition) => {
                    let reason = CONDITION.to_owned();
                    (Some(reason.clone()), Some(Event::StepSkipped { step: id, reason }))
                }
                (StepState::Skipped, Why::Dependency(other)) => {
                    let reason = format!("it depends on {}, which failed", self.spec.steps[other].id);
                    (Some(reason.clone()), Some(Event::StepSkipped { step: id, reason }))
                }
                (StepState::Canceled, Why::Halted) => {
                    let reason = format!("canceled: {}", self.halt_reason());
                    (Some(reason.clone()), Some(Event::StepSkipped { step: id, reason }))
                }
                // With an attempt's start or end.
                _ => continue,
            };
            let change = Change::MoveStep(StepMove {
                run_id: self.ground.run_id.to_owned(),
                step_id: own.id.clone(),
                from: shift.from,
                to: shift.to,
                at: self.ground.book.now_ms(),
                reason,
                event: event.clone(),
            });
            self.ground.book.change(change, self.ground.book.place().clone(), event);
            self.moved(shift.step, shift.to, None);
            if shift.to.is_over() {
                let fact = fact(shift.to.name(), &BTreeMap::new(), &Value::Null, None);
                self.known.insert(own.id.clone(), fact);
            } else if let (StepState::Ready, Some(condition)) = (shift.to, &own.when) {
                match when::holds(condition, &self.known) {
                    Ok(true) => {}
                    Ok(false) => left.extend(self.schedule.skip(shift.step)?),
                    Err(why) => {
                        self.broken.insert(shift.step, format!("`when` cannot be told: {why}"));
                    }
                }
            }
        }
        Ok(())
    }

    fn halt_reason(&self) -> String {
        if let Some(reason) = &self.interrupted {
            return reason.text.clone();
        }
        if let Some(reason) = &self.quarantined {
            return reason.reason.clone();
        }
        if let Some((name, ..)) = &self.over_budget {
            return format!("the budget is used up: {name}");
        }
        self.asked_to_stop.clone().or_else(|| self.failure.clone()).unwrap_or_else(|| "the run ended".into())
    }

    /// An attempt has ended: what follows.
    fn ended(&mut self, done: Done) -> Result<(), IllegalMove> {
        let ground = self.ground;
        let step = done.step;
        let own = &self.spec.steps[step];
        let now = ground.clock.mono();
        self.ran += 1;
        self.stops.remove(&step);
        ground.beside.borrow_mut().remove(&step);
        self.account(&done);
        let policy = self.spec.on_failure(step);
        let who = format!("{}/{}", own.id, done.number);
        let mut quarantine = None;
        if !done.outside.is_empty() {
            let mut evidence = done.outside.clone();
            evidence.truncate(100);
            quarantine =
                Some(Reason { reason: format!("step {} wrote outside its files_scope", own.id), evidence });
        }
        if let Some(reason) = done.hash.and_then(|hash| self.guard.output(step, hash)) {
            let reason = Reason { reason: format!("step {}: {}", own.id, reason.reason), ..reason };
            quarantine = quarantine.or(Some(reason));
        }
        if done.ended == Ended::Failed
            && let Some(reason) = self.guard.failed(&done.signature, &who)
        {
            quarantine = quarantine.or(Some(reason));
        }
        let over = self.schedule.is_halted() || self.level > 0 || quarantine.is_some();
        let next = match done.ended {
            Ended::Failed if !over => {
                let retry = own.retry.clone().unwrap_or_default();
                self.next(&retry, &done, now)
            }
            _ => None,
        };
        let to = match (done.ended, next) {
            (_, Some(_)) => None,
            (Ended::Succeeded, None) => Some(StepState::Succeeded),
            (Ended::Failed, None) => Some(StepState::Failed),
            (Ended::Canceled, None) => Some(StepState::Canceled),
        };
        if let Some(to) = to {
            self.moved(step, to, Some(done.took));
            let fact = fact(to.name(), &done.outputs, &done.answer, done.result.exit_code);
            self.known.insert(own.id.clone(), fact);
        }
        self.record(&done, to);
        if !done.answer.is_null() && to == Some(StepState::Succeeded) {
            // A condition after a restart may want it; the work itself does not.
            if let Err(e) = keep_result(&ground.setting.private, ground.run_id, &own.id, &done.answer) {
                ground
                    .book
                    .event(Event::Warning { text: format!("the answer of {} is not kept: {e}", own.id) });
            }
        }
        if let Some(delay) = next {
            if let Some(tool) = &done.tool {
                self.failed_tools.entry(step).or_default().push(tool.clone());
            }
            let event = Event::RetryScheduled {
                step: own.id.clone(),
                attempt: u32::try_from(done.number + 1).unwrap_or(u32::MAX),
                delay_ms: u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
                reason: done.result.error.clone().unwrap_or_default(),
            };
            ground.book.event(event);
            self.schedule.pause(step);
            if delay.is_zero() {
                self.schedule.resume(step);
            } else {
                self.timers.insert((now + delay, step));
            }
        } else {
            let end = match done.ended {
                Ended::Succeeded => End::Succeeded,
                Ended::Failed => End::Failed,
                Ended::Canceled => End::Canceled,
            };
            if end != End::Succeeded && !(end == End::Failed && tolerated(policy)) {
                let why = done.result.error.as_deref().unwrap_or("it failed");
                let why = why.lines().next().unwrap_or_default();
                self.failure.get_or_insert_with(|| format!("step {}: {why}", own.id));
                self.exit_code = self.exit_code.or(done.result.exit_code.filter(|code| *code != 0));
            }
            let halted = self.schedule.is_halted();
            let shifts = self.schedule.ended(step, end)?;
            self.take(shifts)?;
            if self.only == Some(step) && !self.schedule.is_halted() && !self.schedule.is_over() {
                self.asked_to_stop = Some(format!("step {} alone was asked for", own.id));
                let shifts = self.schedule.halt()?;
                self.take(shifts)?;
            }
            if self.schedule.is_halted() && !halted {
                self.end_rest(&format!("step {} failed", own.id))?;
            }
        }
        if let Some(reason) = quarantine.filter(|_| self.level == 0) {
            self.quarantined.get_or_insert(reason);
        }
        if self.quarantined.is_some() && !self.schedule.is_halted() {
            let shifts = self.schedule.halt()?;
            self.take(shifts)?;
            self.end_rest("the run is quarantined")?;
        }
        drop(done.seen);
        self.budget()
    }

    fn next(&self, retry: &Retry, done: &Done, now: Duration) -> Option<Duration> {
        let since = self.first_began[done.step].map_or(Duration::ZERO, |began| now.saturating_sub(began));
        let unit = self.ground.ids.unit();
        match retry.next(self.attempts[done.step], done.trouble, since, unit) {
            Next::After(delay) => Some(delay),
            Next::Over(_) => None,
        }
    }

    fn account(&mut self, done: &Done) {
        let model = done.tool.is_some();
        match done.result.cost_usd {
            Some(cost) => {
                self.spent += cost;
                self.cost_usd = self.cost_usd.map(|sum| sum + cost);
            }
            None if model => self.cost_usd = None,
            None => {}
        }
        let tokens = [done.result.input_tokens, done.result.output_tokens];
        self.tokens = tokens.into_iter().flatten().fold(self.tokens, u64::saturating_add);
    }

    fn record(&mut self, done: &Done, to: Option<StepState>) {
        let ground = self.ground;
        let own = &self.spec.steps[done.step];
        let place = ground.place(&done.attempt);
        let at = ground.book.now_ms();
        let event = Event::AttemptEnded {
            role: own.id.clone(),
            line: line(&own.id, done, &self.progress.counts()),
            outcome: done.ended,
            result: done.result.clone(),
        };
        let mut health = None;
        let mut told = None;
        if let Some(name) = done.tool.as_ref().filter(|_| own.is_routed()) {
            let success = match done.ended {
                Ended::Succeeded => Some(true),
                Ended::Failed => Some(false),
                Ended::Canceled => None,
            };
            let latency = done.took.as_secs_f64() * 1000.0;
            let (row, event) = self.tools.end(name, success, done.trial, latency, at);
            (health, told) = (Some(row), event);
        }
        let attempt = AttemptEnd {
            place: place.clone(),
            state: match done.ended {
                Ended::Succeeded => AttemptState::Succeeded,
                Ended::Failed => AttemptState::Failed,
                Ended::Canceled => AttemptState::Canceled,
            },
            at,
            result: done.result.clone(),
            event: event.clone(),
        };
        let end = StepEnd { attempt, step_id: own.id.clone(), to, health };
        ground.book.change(Change::EndStep(end), place.clone(), Some(event));
        if let Some(event) = told {
            ground.book.event_at(&place, event);
        }
    }

    /// The whole run is to end; `level` 2: at once.
    fn end_all(&mut self, reason: &StopReason, level: u8) -> Result<(), IllegalMove> {
        if self.interrupted.is_none() {
            self.ground.book.event(Event::Signal { name: reason.text.clone() });
            self.ground.book.event(Event::RunInterrupted { reason: reason.text.clone() });
            self.interrupted = Some(reason.clone());
        }
        if self.level >= level {
            return Ok(());
        }
        self.level = level;
        let shifts = self.schedule.halt()?;
        self.take(shifts)?;
        for stop in self.stops.values() {
            stop.trigger(reason.clone());
        }
        self.end_waiting(&reason.text)
    }

    /// What runs is interrupted, what waits for another attempt has none.
    fn end_rest(&mut self, why: &str) -> Result<(), IllegalMove> {
        for stop in self.stops.values() {
            stop.ask(StopReason::because(why));
        }
        self.end_waiting(why)
    }

    fn end_waiting(&mut self, why: &str) -> Result<(), IllegalMove> {
        let waiting: Vec<usize> = self.schedule.waiting_again().collect();
        for step in waiting {
            self.timers.retain(|(_, other)| *other != step);
            let reason = format!("canceled: {why}");
            let event = Event::StepSkipped { step: self.spec.steps[step].id.clone(), reason: reason.clone() };
            let change = Change::MoveStep(StepMove {
                run_id: self.ground.run_id.to_owned(),
                step_id: self.spec.steps[step].id.clone(),
                from: StepState::Running,
                to: StepState::Canceled,
                at: self.ground.book.now_ms(),
                reason: Some(reason),
                event: Some(event.clone()),
            });
            self.ground.book.change(change, self.ground.book.place().clone(), Some(event));
            self.moved(step, StepState::Canceled, None);
            let shifts = self.schedule.ended(step, End::Canceled)?;
            self.take(shifts)?;
        }
        Ok(())
    }

    fn budget(&mut self) -> Result<(), IllegalMove> {
        if self.over_budget.is_some() || self.schedule.is_over() {
            return Ok(());
        }
        let budget = self.spec.budget;
        if let Some(limit) = budget.cost_usd.filter(|limit| self.spent >= *limit) {
            return self.reached("cost_usd", limit, self.spent);
        }
        match budget.tokens {
            Some(limit) if self.tokens >= limit => {
                #[expect(clippy::cast_precision_loss, reason = "for people")]
                let (limit, used) = (limit as f64, self.tokens as f64);
                self.reached("tokens", limit, used)
            }
            _ => Ok(()),
        }
    }

    fn reached(&mut self, name: &'static str, limit: f64, used: f64) -> Result<(), IllegalMove> {
        self.ground.book.event(Event::BudgetReached { budget: name.into(), limit, used });
        self.over_budget = Some((name, limit, used));
        let shifts = self.schedule.halt()?;
        self.take(shifts)?;
        self.end_rest(&format!("the budget is used up: {name}"))
    }

    async fn finish(mut self) -> Report {
        let outcome = self.outcome().await;
        let took = self.ground.clock.mono().saturating_sub(self.began);
        let report = Report {
            run_id: self.ground.run_id.to_owned(),
            outcome,
            counts: self.progress.counts(),
            attempts: self.ran,
            took,
            cost_usd: self.cost_usd,
        };
        if !report.record(self.ground.book, self.exit_code) {
            let text = "the ledger did not take the end of this run".to_owned();
            self.ground.book.show(self.ground.book.place(), Event::Warning { text });
        }
        report
    }

    async fn outcome(&mut self) -> Outcome {
        if let Some(fault) = self.fault.take() {
            return Outcome::Failed(format!("a mistake of the program: {fault}"));
        }
        if let Some(reason) = self.interrupted.clone() {
            let canceled = self.cancel.load(Ordering::SeqCst);
            return if canceled { Outcome::Canceled(reason) } else { Outcome::Interrupted(reason) };
        }
        if let Some(reason) = self.quarantined.take() {
            return Outcome::Quarantined(reason);
        }
        if let Some((name, limit, used)) = self.over_budget {
            return Outcome::Budget { name, limit, used };
        }
        if let Some(failure) = self.failure.clone().or_else(|| self.asked_to_stop.clone()) {
            return Outcome::Failed(failure);
        }
        self.acceptance().await
    }

    /// What must hold at the end.
    async fn acceptance(&mut self) -> Outcome {
        let ground = self.ground;
        if self.spec.acceptance.is_empty() {
            return Outcome::Succeeded;
        }
        let path = ground.logs.join("acceptance.log");
        let opened = std::fs::create_dir_all(&ground.logs)
            .and_then(|()| std::fs::File::options().create(true).write(true).truncate(true).open(&path));
        let log = match opened {
            Ok(log) => log,
            Err(e) => return Outcome::Failed(format!("{}: {e}", path.display())),
        };
        let attempt = ground.ids.uuid();
        let info = AttemptInfo {
            id: attempt.clone(),
            role: "acceptance".into(),
            iteration: None,
            prompt: String::new(),
            agent: "-".into(),
        };
        let wish = self.stop.clone();
        let seen = self.board.begin(info, move |why| wish.ask(StopReason::because(why)));
        let hear = |event: Event| match event {
            Event::AttemptQuiet { .. } | Event::AttemptOutput { .. } => {
                ground.book.show(ground.book.place(), event);
            }
            other => ground.book.event(other),
        };
        let bench = Bench {
            setting: ground.setting,
            clock: &*ground.clock,
            run_id: ground.run_id,
            step: "acceptance",
            attempt: &attempt,
            stop: self.stop,
            seen: &seen,
            log: &log,
            env: vec![("ORCHESTRATOR_RUN_ID".into(), ground.run_id.to_owned())],
            hear: &hear,
        };
        for (number, own) in self.spec.acceptance.iter().enumerate() {
            let words = ground.setting.redactor.text(&own.words()).into_owned();
            let step = "acceptance".to_owned();
            match gate::look(own, number + 1, ground.catalog, &bench, &ground.clock).await {
                Found::Passed => hear(Event::GatePassed { step, gate: words }),
                Found::Failed(why) => {
                    hear(Event::GateFailed { step, gate: words.clone(), status: why.clone() });
                    return Outcome::Failed(format!("acceptance: {words}: {why}"));
                }
                Found::Interrupted(_) => {
                    let reason = self.stop.requested().unwrap_or_else(|| StopReason::because("interrupted"));
                    self.interrupted = Some(reason.clone());
                    let canceled = self.cancel.load(Ordering::SeqCst);
                    return if canceled { Outcome::Canceled(reason) } else { Outcome::Interrupted(reason) };
                }
            }
        }
        Outcome::Succeeded
    }
}

/// Steps that nothing tells apart when they wait share a lane.
fn lanes(spec: &Spec, scopes: &[Option<Scope>]) -> (Vec<Item>, Vec<Option<Scope>>) {
    let mut of = BTreeMap::new();
    let mut lanes = Vec::new();
    let mut items = Vec::with_capacity(spec.steps.len());
    for (at, step) in spec.steps.iter().enumerate() {
        let routed =
            step.is_routed().then(|| (&step.kind, &step.domain, step.risk, step.complexity, &step.tool));
        let lane = *of.entry((routed, &step.files_scope)).or_insert_with(|| {
            lanes.push(scopes[at].clone());
            lanes.len() - 1
        });
        items.push(Item { lane, on_failure: spec.on_failure(at) });
    }
    (items, lanes)
}

fn plan(
    step: usize,
    spec: &Spec,
    catalog: &Catalog,
    tools: &Tools,
    failed: &BTreeMap<usize, Vec<String>>,
    broken: &BTreeMap<usize, String>,
    now: i64,
) -> Plan {
    if let Some(why) = broken.get(&step) {
        return Plan { decision: None, refused: Some(why.clone()) };
    }
    let own = &spec.steps[step];
    if !own.is_routed() {
        return Plan::default();
    }
    let need = Need {
        kind: own.kind.as_deref(),
        domain: own.domain.as_deref(),
        risk: own.risk,
        complexity: own.complexity,
        fixed: own.tool.as_deref(),
        failed: failed.get(&step).map_or(&[], Vec::as_slice),
    };
    Plan { decision: Some(tools.route(need, catalog, now)), refused: None }
}

fn work_of(step: &crate::workstreams::spec::Step, setting: &Setting) -> Result<Work, String> {
    let text = |text: &String| {
        let path = setting.root.join(text);
        if names_a_file(text) || (!text.contains(char::is_whitespace) && path.is_file()) {
            return std::fs::read_to_string(&path).map_err(|e| format!("{text}: {e}"));
        }
        Ok(text.clone())
    };
    if let Some(argv) = &step.run {
        return Ok(Work::Argv(argv.clone()));
    }
    if let Some(line) = &step.shell {
        return Ok(Work::Shell(line.clone()));
    }
    if let Some(function) = &step.python {
        return Ok(Work::Python(function.clone()));
    }
    if let Some(task) = &step.oneshot {
        return text(task).map(Work::Oneshot);
    }
    step.prompt
        .as_ref()
        .map_or_else(|| Err("it does nothing".into()), |prompt| text(prompt).map(Work::Prompt))
}

//! The turn between claim and stamp, run by the engine in the driver's threads.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use super::notes::{Channel, Note};
use super::{LoopError, RoleWorld, Settings};
use crate::config::{Budget, Watched};
use crate::control::Board;
use crate::event::{Event as Fact, Place, Sink};
use crate::ids::RoleId;
use crate::state::{State, file};
use crate::supervise::{Killed, Stop, StopReason, end_session, start_of};
use crate::sync::driver::{Claimed, Desk, Exit, Runner, Work};
use crate::sync::hand_offs::HandOffs;
use crate::sync::protocol::AgentMark;
use crate::sync::worktree::{Oid, Repo};
use crate::turns::budget::{Reached, Spent, reached};
use crate::turns::engine::start::open_git;
use crate::turns::engine::{End, Engine, Hand, TurnFailure, World};
use crate::turns::router;
use crate::turns::stop_request::StopRequest;

/// Between two looks at how urgent a stop has become.
const LOOK: Duration = Duration::from_millis(200);

/// What one turn leaves for the next of this run.
#[derive(Default)]
struct Carried {
    spent: Spent,
    turns: u64,
    resting: BTreeMap<String, i64>,
    warned_blind: bool,
    /// The configuration as it was last seen, once a turn was taken.
    watched: Option<Watched>,
}

/// What the run came to.
#[derive(Default)]
pub(super) struct Came {
    pub failure: Option<TurnFailure>,
    pub limit: Option<Reached>,
    pub turns: u64,
    pub cost: Option<f64>,
    /// Why the last claim was not made.
    pub blocked: Option<LoopError>,
}

pub(super) struct Hands {
    pub role: RoleId,
    settings: Arc<Settings>,
    world: RoleWorld,
    run: (String, Board, Duration),
    notes: UnboundedSender<Note>,
    carried: Carried,
    /// What all machines used.
    shared: HandOffs,
    /// Of this boot, by which the mark of an agent is told from one of an earlier boot.
    boot: String,
    /// Dirty before the turn, and not its own.
    dirty: BTreeSet<PathBuf>,
    came: Came,
}

impl Hands {
    pub(super) fn new(
        settings: Arc<Settings>,
        world: RoleWorld,
        run: (String, Board, Duration),
        (notes, boot): (UnboundedSender<Note>, String),
    ) -> Self {
        let role = settings.role().clone();
        let (carried, dirty, came) = (Carried::default(), BTreeSet::new(), Came::default());
        let shared = HandOffs::default();
        Self { role, settings, world, run, notes, carried, shared, boot, dirty, came }
    }

    pub(super) fn ended(self) -> Came {
        Came { turns: self.carried.turns, cost: self.carried.spent.cost(), ..self.came }
    }

    fn engine<'e>(
        &mut self,
        settings: &'e Settings,
        world: &'e RoleWorld,
        stop: &'e Stop,
        sink: &'e mut Channel,
    ) -> Result<Engine<'e>, LoopError> {
        let mut git = open_git(settings, &world.clock)?;
        if let Some(git) = &mut git {
            git.commits_state = false;
        }
        let given = World { clock: Arc::clone(&world.clock), ids: &*world.ids, stop, sink };
        let mut engine = Engine::attach(settings, given, git, self.run.clone())?;
        let carried = std::mem::take(&mut self.carried);
        engine.spent = carried.spent;
        engine.turns = carried.turns;
        engine.resting = carried.resting;
        engine.warned_blind = carried.warned_blind;
        engine.watched = carried.watched.or(engine.watched);
        engine.hand = Some(Hand::Empty);
        if let Ok(state) = file::read(&settings.state_path(), &settings.roles(), world.clock.now()) {
            engine.state = state;
        }
        Ok(engine)
    }

    fn keep(&mut self, engine: Engine<'_>) {
        let Engine { spent, turns, resting, warned_blind, watched, .. } = engine;
        self.carried = Carried { spent, turns, resting, warned_blind, watched };
    }

    fn say(&self, fact: Fact) {
        Channel(self.notes.clone()).emit_at(&Place::run(&*self.run.0), fact);
    }

    fn prepare(&mut self) -> Result<(), LoopError> {
        let (settings, world) = (Arc::clone(&self.settings), self.world.clone());
        let mut sink = Channel(self.notes.clone());
        let mut engine = self.engine(&settings, &world, &world.stop, &mut sink)?;
        let dirty = engine.before_turn(&self.role);
        let saved = engine.save_memory();
        self.keep(engine);
        self.dirty = dirty?;
        saved
    }

    fn take_turn(&mut self, claimed: &Claimed, desk: &Desk) -> Result<Work, LoopError> {
        let (settings, world) = (Arc::clone(&self.settings), self.world.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|source| LoopError::Io { path: settings.root.clone(), source })?;
        let stop = Stop::new();
        let mut sink = Channel(self.notes.clone());
        let mut engine = self.engine(&settings, &world, &stop, &mut sink)?;
        let attempt = world.ids.uuid();
        engine.place = engine.place.attempt(&*attempt);
        engine.state = claimed.state.clone();
        // It may have come with the branch, while this loop waited (T41).
        engine.tell_of_changed_configuration();
        let (role, id) = (self.role.clone(), claimed.turn.id.to_string());
        engine.say(Fact::StateClaimed {
            iteration: engine.state.iteration,
            role: role.to_string(),
            turn_id: id.clone(),
            epoch: claimed.turn.epoch,
            reclaimed: claimed.turn.kind != crate::sync::protocol::ClaimKind::Fresh,
        });
        let heads = (Some(claimed.on), Some(claimed.on));
        let began = world.clock.mono();
        engine.shared = Some((Spent::of_all(self.shared.list()), began));
        engine.desk = Some(desk.clone());
        engine.board.on_birth(Some(births(desk.clone(), self.boot.clone())));
        let open = engine.opened(&role, id, attempt, heads, self.dirty.clone(), began)?;
        let end = runtime.block_on(async {
            let mut asked = desk.stop();
            let (mut told, mut urgent) = (false, false);
            let mut turn = pin!(engine.run_claimed(open));
            loop {
                tokio::select! {
                    biased;
                    end = &mut turn => break end,
                    _ = asked.wait_for(|stop| *stop), if !told => {
                        told = true;
                        let lost = || StopReason::because("the turn was lost");
                        stop.ask(world.stop.requested().unwrap_or_else(lost));
                    }
                    () = tokio::time::sleep(LOOK), if told && !urgent => {
                        if world.stop.immediate() && let Some(reason) = world.stop.requested() {
                            urgent = true;
                            stop.trigger(reason);
                        }
                    }
                }
            }
        });
        engine.board.on_birth(None);
        engine.turns += 1;
        engine.warn_of_blind_spots();
        let hand = engine.hand.take();
        self.keep(engine);
        match end? {
            Some(End::Failed(failure)) => self.came.failure = Some(failure),
            // The next look at the remote ends the loop.
            Some(End::Limited(limit)) => self.came.limit = Some(limit),
            _ => {}
        }
        Ok(match hand {
            Some(Hand::Full(work)) => *work,
            _ => Work::failed("the turn ended without an outcome".into()),
        })
    }
}

/// Tells the driver of each process of the turn: a crash leaves it to the next start. A process has begun by then, so
/// one that wipes its environment within the same moment as the program is killed is known by nothing.
fn births(desk: Desk, boot: String) -> Arc<dyn Fn(u32) + Send + Sync> {
    Arc::new(move |pid| {
        // Without a process table nothing tells a process from a later one of its number.
        if let Some(start) = start_of(pid) {
            desk.started(AgentMark { group: pid, started: format!("{start}@{boot}") });
        }
    })
}

impl Runner for Hands {
    fn before_claim(&mut self, _: &Repo) -> Result<(), Vec<String>> {
        self.prepare().map_err(|e| {
            let names = match &e {
                LoopError::Dirty(names) => names.clone(),
                other => vec![other.to_string()],
            };
            self.came.blocked = Some(e);
            names
        })
    }

    fn run(&mut self, turn: &Claimed, desk: &Desk) -> Work {
        self.take_turn(turn, desk)
            .unwrap_or_else(|e| Work::failed(self.settings.redactor.text(&e.to_string()).into_owned()))
    }

    fn routed(&self, state: &State) -> Option<String> {
        let settings = &self.settings;
        if !settings.router.enabled {
            return None;
        }
        let choice =
            router::deterministic(&settings.workflow, &settings.router, &self.role, state.iteration).ok()?;
        Some(choice.prompt)
    }

    fn limit(&mut self, repo: &Repo, tip: Oid) -> Option<String> {
        if let Some(limit) = &self.came.limit {
            return Some(limit.words());
        }
        let budget = &self.settings.config.budget;
        if *budget == Budget::default() {
            return None;
        }
        if let Err(e) = self.shared.advance(repo, tip) {
            self.say(Fact::Warning { text: format!("the budget is not counted: {e}") });
            return None;
        }
        let limit = reached(&self.settings.config.budget, &Spent::of_all(self.shared.list()))?;
        let (budget, most, used) = limit.numbers();
        self.say(Fact::BudgetReached { budget: budget.into(), limit: most, used });
        self.came.limit = Some(limit);
        Some(limit.words())
    }

    fn asked_to_stop(&mut self) -> Option<Exit> {
        asked(&self.settings)
    }

    /// Its marks are gone if it wiped its environment; then its session is what is left to know it by.
    fn end_old(&mut self, mark: &AgentMark) {
        let Some((start, boot)) = mark.started.split_once('@') else { return };
        let Some(start) = start.parse().ok().filter(|_| boot == self.boot) else { return };
        for killed in end_session(mark.group, start, &*self.world.clock) {
            self.say(ended_notice(&killed));
        }
    }
}

/// A person's request that waits on disk; one of a turn's own agent waits for the turn's end.
pub(super) fn asked(settings: &Settings) -> Option<Exit> {
    let request = StopRequest::find(&settings.root).filter(|r| r.turn_id.is_none())?;
    Some(Exit { reason: request.reason.map(|text| settings.redactor.text(&text).into_owned()) })
}

/// What is said of a process that a dead run left.
pub(super) fn ended_notice(killed: &Killed) -> Fact {
    let program = killed.argv.first().map_or("?", String::as_str);
    Fact::Notice { text: format!("ended a process of an earlier run: pid {} ({program})", killed.pid) }
}

/// For a change of the state alone: takes no turn.
pub(super) struct Nobody;

impl Runner for Nobody {
    fn before_claim(&mut self, _: &Repo) -> Result<(), Vec<String>> {
        Err(vec!["no turn is taken by this command".to_owned()])
    }

    fn run(&mut self, _: &Claimed, _: &Desk) -> Work {
        Work::failed("no turn is taken by this command".to_owned())
    }

    fn end_old(&mut self, _: &AgentMark) {}
}

//! The turn between claim and stamp, run by the engine in the driver's threads.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use super::notes::{Channel, Note};
use super::{LoopError, RoleWorld, Settings};
use crate::control::Board;
use crate::event::Event as Fact;
use crate::ids::RoleId;
use crate::state::file;
use crate::supervise::{Stop, StopReason};
use crate::sync::driver::{Claimed, Desk, Details, Handle, Runner, Work};
use crate::sync::protocol::{AgentMark, How, Signal};
use crate::sync::worktree::Repo;
use crate::turns::budget::{Reached, Spent};
use crate::turns::engine::start::open_git;
use crate::turns::engine::{End, Engine, Hand, TurnFailure, World};

/// Between two looks at how urgent a stop has become.
const LOOK: Duration = Duration::from_millis(200);

/// What one turn leaves for the next of this run.
#[derive(Default)]
struct Carried {
    spent: Spent,
    turns: u64,
    resting: BTreeMap<String, i64>,
    warned_blind: bool,
}

/// What the run came to.
#[derive(Default)]
pub(super) struct Came {
    pub failure: Option<TurnFailure>,
    pub limit: Option<Reached>,
    pub turns: u64,
    pub cost: Option<f64>,
}

pub(super) struct Hands {
    pub role: RoleId,
    settings: Arc<Settings>,
    world: RoleWorld,
    run: (String, Board, Duration),
    notes: UnboundedSender<Note>,
    driver: Handle,
    carried: Carried,
    /// Dirty before the turn, and not its own.
    dirty: BTreeSet<PathBuf>,
    came: Came,
}

impl Hands {
    pub(super) fn new(
        settings: Arc<Settings>,
        world: RoleWorld,
        run: (String, Board, Duration),
        (notes, driver): (UnboundedSender<Note>, Handle),
    ) -> Self {
        let role = settings.options.role.clone().unwrap_or_else(|| settings.workflow.first().clone());
        let (carried, dirty, came) = (Carried::default(), BTreeSet::new(), Came::default());
        Self { role, settings, world, run, notes, driver, carried, dirty, came }
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
        engine.hand = Some(Hand::Empty);
        if let Ok(state) = file::read(&settings.state_path(), &settings.roles(), world.clock.now()) {
            engine.state = state;
        }
        Ok(engine)
    }

    fn keep(&mut self, engine: Engine<'_>) {
        let Engine { spent, turns, resting, warned_blind, .. } = engine;
        self.carried = Carried { spent, turns, resting, warned_blind };
    }

    fn prepare(&mut self) -> Result<(), LoopError> {
        let (settings, world) = (Arc::clone(&self.settings), self.world.clone());
        let mut sink = Channel(self.notes.clone());
        let mut engine = self.engine(&settings, &world, &world.stop, &mut sink)?;
        let limit = engine.at_limit();
        let dirty = engine.before_turn(&self.role);
        let saved = engine.save_memory();
        self.keep(engine);
        if let Some(End::Limited(limit)) = limit {
            let words = limit.words();
            self.came.limit = Some(limit);
            return Err(LoopError::Dirty(vec![words]));
        }
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
        let (role, id) = (self.role.clone(), claimed.turn.id.to_string());
        engine.say(Fact::StateClaimed {
            iteration: engine.state.iteration,
            role: role.to_string(),
            turn_id: id.clone(),
            epoch: claimed.turn.epoch,
            reclaimed: claimed.turn.kind != crate::sync::protocol::ClaimKind::Fresh,
        });
        let heads = (Some(claimed.on), Some(claimed.on));
        let open = engine.opened(&role, id, attempt, heads, self.dirty.clone(), world.clock.mono())?;
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
        engine.turns += 1;
        engine.warn_of_blind_spots();
        let hand = engine.hand.take();
        self.keep(engine);
        match end? {
            Some(End::Failed(failure)) => self.came.failure = Some(failure),
            Some(End::Limited(limit)) => {
                self.came.limit = Some(limit);
                // The driver takes its own stop for granted where a turn was stopped.
                self.driver.interrupt(Signal::Terminate);
            }
            _ => {}
        }
        Ok(match hand {
            Some(Hand::Full(work)) => *work,
            _ => failed("the turn ended without an outcome".into()),
        })
    }
}

fn failed(reason: String) -> Work {
    Work { how: How::Failed, exit: None, details: Details { reason: Some(reason), ..Details::default() } }
}

impl Runner for Hands {
    fn before_claim(&mut self, _: &Repo) -> Result<(), Vec<String>> {
        self.prepare().map_err(|e| match e {
            LoopError::Dirty(names) => names,
            other => vec![other.to_string()],
        })
    }

    fn run(&mut self, turn: &Claimed, desk: &Desk) -> Work {
        self.take_turn(turn, desk)
            .unwrap_or_else(|e| failed(self.settings.redactor.text(&e.to_string()).into_owned()))
    }

    /// The start has ended all that an earlier run of this clone left.
    fn end_old(&mut self, _: &AgentMark) {}
}

/// For a change of the state alone: takes no turn.
pub(super) struct Nobody;

impl Runner for Nobody {
    fn before_claim(&mut self, _: &Repo) -> Result<(), Vec<String>> {
        Err(vec!["no turn is taken by this command".to_owned()])
    }

    fn run(&mut self, _: &Claimed, _: &Desk) -> Work {
        failed("no turn is taken by this command".to_owned())
    }

    fn end_old(&mut self, _: &AgentMark) {}
}

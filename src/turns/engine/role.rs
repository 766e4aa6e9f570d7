//! Role mode (turns.md §4): one role here, the others on other machines.
//!
//! The driver of `sync` claims and stamps; between the two the turn is run by the same engine as in combined mode.
//! The driver blocks, so it has a thread of its own, and what happens there comes back as notes.

mod by_hand;
mod exit_set;
mod hands;
mod look;
mod notes;
mod setup;
mod shared;
mod words;

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;

use super::{Engine, LoopError, TurnFailure, World};
use crate::clock::Clock;
use crate::event::{Ended, Event as Fact, Place, Sink};
use crate::ids::Ids;
use crate::state::Status;
use crate::supervise::Stop;
use crate::sync::driver::{DriverError, Exit, Finish};
use crate::sync::journal::Mode;
use crate::sync::protocol::{Control, Goal, Reason, Signal};
use crate::sync::remote::Surroundings;
use crate::sync::worktree::Repo;
use crate::turns::budget::Reached;
use crate::turns::settings::Settings;
use crate::turns::waiting::Waiting;
pub use by_hand::{ByHand, hand_off, hand_off_here};
pub use exit_set::ExitSet;
use hands::{Hands, Nobody, asked};
pub use look::{AtTip, Beat, Glimpse, look};
use notes::{Channel, Ears, FencedOff};
pub use shared::through_remote;

/// A request to stop is looked for this often.
const LOOK: Duration = Duration::from_millis(500);

/// What the world gives a role's loop, to be shared between its threads.
#[derive(Clone)]
pub struct RoleWorld {
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
    pub stop: Stop,
    pub surroundings: Surroundings,
}

/// How a role's loop ended.
#[derive(Debug)]
pub struct RoleReport {
    pub finish: Finish,
    /// The turn of this run that failed.
    pub failure: Option<TurnFailure>,
    /// The budget that is used up.
    pub limit: Option<Reached>,
    /// Who set `exit`, where that ended it.
    pub exit: Option<ExitSet>,
    /// The newest saved work that the branch does not have, by its ref, where the end left some.
    pub rescued: Option<String>,
    /// Who has the turn that this run lost.
    pub lost_to: Option<String>,
    /// Why nothing was claimed, where that is known as more than words.
    pub blocked: Option<LoopError>,
}

/// Takes the turns of one role until there is a reason to end.
///
/// # Errors
/// What was refused before anything was asked of the remote, or a deed that failed: the next start goes on.
pub async fn run_role(
    settings: Arc<Settings>,
    world: RoleWorld,
    sink: &mut dyn Sink,
) -> Result<RoleReport, LoopError> {
    let begun = World { clock: Arc::clone(&world.clock), ids: &*world.ids, stop: &world.stop, sink };
    let (mut engine, lock) = Engine::open(&settings, begun)?;
    let unfinished = engine.journal.as_ref().is_some_and(|j| j.mode == Mode::Combined && j.outcome.is_none());
    if unfinished && super::read_state(&settings, world.clock.now()).is_ok_and(|s| running(&s.status)) {
        return Err(LoopError::Unfinished);
    }
    engine.open_control();
    Waiting::clear(&settings.root);
    engine.warn_of_default_branch()?;
    engine.agents_may_run()?;
    let holder = engine.holder();
    let boot = holder.boot.clone();
    let Engine { world: World { sink, .. }, git, run_id, board, server, place, began, .. } = engine;
    let git = git.ok_or(LoopError::NoRepository)?;
    let made = setup::driver(&settings, &world, &git, holder, (Goal::Loop, None))?;
    let (notes, mut heard) = unbounded_channel();
    announce(&settings, &git.branch, &place, sink);
    let handle = made.driver.handle();
    let mut hands = Hands::new(
        Arc::clone(&settings),
        world.clone(),
        (run_id, board.clone(), began),
        (notes.clone(), boot),
    );
    let (done, result) = mpsc::channel();
    let ears_place = place.clone();
    let (ears_settings, ears_clock) = (Arc::clone(&settings), Arc::clone(&world.clock));
    let site = made.driver.site();
    std::thread::Builder::new()
        .name("driver".to_owned())
        .spawn(move || {
            let mut channel = Channel(notes);
            let mut ears = Ears::new(&mut channel, ears_place, (&ears_settings, ears_clock, site));
            let finish = made.driver.run(made.repo, &mut hands, &mut ears);
            // The receiver waits until the notes have ended.
            let _ = done.send((finish, hands.ended(), ears.fenced()));
        })
        .map_err(|source| LoopError::Io { path: settings.root.clone(), source })?;
    let mut interrupted = false;
    // Not a sleep: notes that come faster than it would put every look off.
    let mut look = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            note = heard.recv() => match note {
                Some(note) => note.play(sink),
                None => break,
            },
            reason = world.stop.wait(), if !interrupted => {
                interrupted = true;
                sink.emit_at(&place, Fact::Signal { name: reason.text.clone() });
                handle.interrupt(if reason.exit_code() == 130 { Signal::Interrupt } else { Signal::Terminate });
            }
            _ = look.tick() => {
                if world.stop.immediate() {
                    handle.cancel();
                }
                // The driver looks before each of its own steps; this is for when it waits or runs a turn.
                if let Some(Exit { reason }) = asked(&settings) {
                    handle.stop_requested(reason);
                }
            }
        }
    }
    let broken = |_| LoopError::Io {
        path: settings.root.clone(),
        source: std::io::Error::other("the driver's thread broke down"),
    };
    let (finish, ended, fenced) = result.recv().map_err(broken)?;
    let why = match &finish {
        Ok(finish) => finish.reason.to_string(),
        Err(e) => e.to_string(),
    };
    sink.emit_at(
        &place,
        Fact::RunEnded {
            outcome: outcome(&finish),
            turns: ended.turns,
            duration: world.clock.mono().saturating_sub(began),
            cost_usd: ended.cost,
            why: settings.redactor.text(&why).into_owned(),
            next: if matches!(&finish, Ok(Finish { reason: Reason::ExitSet, .. })) {
                "orchestrator resume".to_owned()
            } else {
                settings.options.again.clone()
            },
        },
    );
    drop((server, lock));
    let finish = finish?;
    let exit = match finish.reason {
        Reason::ExitSet => exit_set::exit_set(&settings, &git.repo, world.clock.now()),
        _ => None,
    };
    let rescued = rescued(&git.repo, &finish.reason, fenced.as_ref());
    let lost_to = fenced.map(|f| f.why);
    let hands::Came { failure, limit, blocked, .. } = ended;
    Ok(RoleReport { finish, failure, limit, exit, rescued, lost_to, blocked })
}

fn outcome(finish: &Result<Finish, DriverError>) -> Ended {
    match finish {
        Ok(f) if f.reason.code() == 0 => Ended::Succeeded,
        Ok(Finish { reason: Reason::Interrupted(_), .. }) => Ended::Canceled,
        _ => Ended::Failed,
    }
}

/// The newest saved work that the end left; of the lost turn, where that is known.
fn rescued(repo: &Repo, reason: &Reason, fenced: Option<&FencedOff>) -> Option<String> {
    match (reason, fenced) {
        (Reason::Fenced, Some(lost)) => {
            super::rescues(repo).into_iter().rfind(|name| name.contains(&lost.turn))
        }
        (Reason::Fenced | Reason::LeaseEnded | Reason::Conflict | Reason::TurnFailed, _) => {
            super::rescues(repo).pop()
        }
        _ => None,
    }
}

fn running(status: &Status) -> bool {
    matches!(status, Status::Running(_))
}

fn announce(settings: &Settings, branch: &str, place: &Place, sink: &mut dyn Sink) {
    let role = settings.role().to_string();
    let steps = settings.workflow.steps().iter().filter(|s| s.role.as_str() == role);
    let agents = steps.map(|s| (role.clone(), settings.dispatch.choose(&role, &s.prompt).agent)).collect();
    let limits = match settings.options.loops {
        0 => "until stopped".to_owned(),
        1 => "1 turn".to_owned(),
        n => format!("{n} turns"),
    };
    sink.emit_at(place, Fact::RunCreated { run_kind: "turns".into(), parent_run_id: None });
    sink.emit_at(
        place,
        Fact::RunStarted {
            mode: settings.options.mode.clone(),
            branch: Some(branch.to_owned()),
            agents,
            limits,
            state: "asking the remote whose turn it is".into(),
        },
    );
}

/// Publishes one change of the state by compare-and-swap (T6). No loop is live here.
///
/// # Errors
/// As [`run_role`].
pub fn control_remote(
    settings: &Settings,
    world: &RoleWorld,
    sink: &mut dyn Sink,
    (what, reason): (Control, Option<String>),
) -> Result<Finish, LoopError> {
    let begun = World { clock: Arc::clone(&world.clock), ids: &*world.ids, stop: &world.stop, sink };
    let (engine, _lock) = Engine::open(settings, begun)?;
    let holder = engine.holder();
    let Engine { world: World { sink, .. }, git, place, .. } = engine;
    let git = git.ok_or(LoopError::NoRepository)?;
    let made = setup::driver(settings, world, &git, holder, (Goal::Once(what), reason))?;
    let before = git.repo.head()?.commit;
    let clock = Arc::clone(&world.clock);
    let mut ears = Ears::new(sink, place.clone(), (settings, clock, made.driver.site()));
    let finish = made.driver.run(made.repo, &mut Nobody, &mut ears)?;
    if finish.reason == Reason::Done {
        by_hand::follow(&git, before, &place, sink)?;
    }
    Ok(finish)
}

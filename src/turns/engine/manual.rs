//! `stop` and `resume` while no loop is live (turns.md T6), or beside loops of roles that share the folder.

use super::folder::Folder;
use super::start::Hold;
use super::{Engine, LoopError, World};
use crate::state::{Event, State};
use crate::sync::message::{Step, Trailers};
use crate::turns::lock::{Live, LoopLock};
use crate::turns::settings::Settings;

/// Sets `exit` in the state. The caller made sure that no loop is live; the lock is held meanwhile.
pub fn stop<'a>(
    settings: &'a Settings,
    world: World<'a>,
    reason: Option<String>,
) -> Result<State, LoopError> {
    let trailers = Trailers { reason: reason.clone(), ..Trailers::default() };
    change(settings, world, Event::Stop { reason }, Step::Exit, trailers)
}

/// Clears `exit` and `failed`.
pub fn resume<'a>(
    settings: &'a Settings,
    world: World<'a>,
    note: Option<String>,
) -> Result<State, LoopError> {
    let trailers = Trailers { reason: note, ..Trailers::default() };
    change(settings, world, Event::Resume, Step::Resume, trailers)
}

/// Whether loops of single roles are live here: they leave the folder to others, too.
pub fn beside_roles(settings: &Settings) -> bool {
    LoopLock::live(&settings.root).iter().any(Live::of_a_role)
}

fn change<'a>(
    settings: &'a Settings,
    world: World<'a>,
    event: Event,
    step: Step,
    trailers: Trailers,
) -> Result<State, LoopError> {
    let beside = beside_roles(settings);
    let hold = if beside { Hold::Beside } else { Hold::Whole };
    let (mut engine, _lock) = Engine::open_as(settings, world, hold)?;
    engine.folder = beside.then(Folder::default);
    engine.enter()?;
    engine.load_or_create()?;
    engine.settle()?;
    let actor = engine.state.expected_actor.clone();
    engine.apply(event, step, actor, trailers)?;
    if !beside {
        engine.save_memory()?;
    }
    engine.save_seen()?;
    Ok(engine.state)
}

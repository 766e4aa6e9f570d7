//! `stop` and `resume` while no loop is live (turns.md T6).

use super::{Engine, LoopError, World};
use crate::state::{Event, State};
use crate::sync::message::{Subject, Trailers};
use crate::turns::settings::Settings;

/// Sets `exit` in the state. The caller made sure that no loop is live; the lock is held meanwhile.
pub fn stop<'a>(
    settings: &'a Settings,
    world: World<'a>,
    reason: Option<String>,
) -> Result<State, LoopError> {
    let trailers = Trailers { reason: reason.clone(), ..Trailers::default() };
    let subject = |s: &State| Subject::Exit { iteration: s.iteration, actor: s.expected_actor.clone() };
    change(settings, world, Event::Stop { reason }, subject, &trailers)
}

/// Clears `exit` and `failed`.
pub fn resume<'a>(
    settings: &'a Settings,
    world: World<'a>,
    note: Option<String>,
) -> Result<State, LoopError> {
    let trailers = Trailers { reason: note, ..Trailers::default() };
    let subject = |s: &State| Subject::Resume { iteration: s.iteration, actor: s.expected_actor.clone() };
    change(settings, world, Event::Resume, subject, &trailers)
}

fn change<'a>(
    settings: &'a Settings,
    world: World<'a>,
    event: Event,
    subject: impl FnOnce(&State) -> Subject,
    trailers: &Trailers,
) -> Result<State, LoopError> {
    let (mut engine, _lock) = Engine::open(settings, world)?;
    engine.load_or_create()?;
    engine.settle()?;
    engine.apply(event, subject, trailers)?;
    engine.save_seen()?;
    Ok(engine.state)
}

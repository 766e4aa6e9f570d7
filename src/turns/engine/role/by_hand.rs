//! A turn that a person took by hand (turns.md T31): handed off without an agent.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Ears, LoopError, Nobody, RoleWorld, Settings, setup};
use crate::event::{Event as Fact, Place, Sink};
use crate::ids::RoleId;
use crate::state::{Event, State, Status};
use crate::sync::driver::Finish;
use crate::sync::journal::{Mode, Outcome as Ending};
use crate::sync::message::{Step, Trailers};
use crate::sync::protocol::{Control, Goal, Outcome, Reason, TurnId};
use crate::sync::worktree::{GitError, Oid, Replayed, path_text};
use crate::turns::autocommit::scan;
use crate::turns::engine::{Engine, Git, World, read_state};

/// What is handed off.
#[derive(Debug, Clone)]
pub struct ByHand {
    pub role: RoleId,
    pub ok: bool,
    /// The running turn of a holder that is gone, which this ends.
    pub over: Option<(String, u64)>,
    /// Uncommitted changes stay where they are.
    pub allow_dirty: bool,
}

/// Publishes claim, this clone's commits and hand-off in one push.
///
/// # Errors
/// What was refused before anything was sent, or a deed that failed.
pub fn hand_off(
    settings: &Settings,
    world: &RoleWorld,
    sink: &mut dyn Sink,
    by: &ByHand,
) -> Result<Finish, LoopError> {
    let begun = World { clock: Arc::clone(&world.clock), ids: &*world.ids, stop: &world.stop, sink };
    // Ends the agent of a turn that crashed here, too: it would go on writing into what is handed off.
    let (engine, _lock) = Engine::open(settings, begun)?;
    let holder = engine.holder();
    let Engine { world: World { sink, .. }, git, place, .. } = engine;
    let git = git.ok_or(LoopError::NoRepository)?;
    tidy(&git, by)?;
    let over = by.over.as_ref().map(|(turn, epoch)| (TurnId::new(turn), *epoch));
    let outcome = if by.ok { Outcome::Succeeded } else { Outcome::Failed };
    let goal = Goal::Once(Control::HandOff { outcome, over });
    let made = setup::driver(settings, world, &git, holder, (goal, None))?;
    let before = git.repo.head()?.commit;
    let mut ears = Ears::new(sink, place.clone(), (settings, Arc::clone(&world.clock), made.driver.site()));
    let finish = made.driver.run(made.repo, &mut Nobody, &mut ears)?;
    if finish.reason == Reason::Done {
        follow(&git, before, &place, sink)?;
    }
    Ok(finish)
}

/// The same as commits of this clone alone, for a branch without a remote or a push by hand.
///
/// # Errors
/// As [`hand_off`]; [`LoopError::Unfinished`] where a turn of role mode is open here.
pub fn hand_off_here<'a>(settings: &'a Settings, world: World<'a>, by: &ByHand) -> Result<State, LoopError> {
    let (mut engine, _lock) = Engine::open(settings, world)?;
    if engine.journal.as_ref().is_some_and(|j| j.mode == Mode::Role && !j.confirmed) {
        return Err(LoopError::Unfinished);
    }
    engine.state = read_state(settings, engine.world.clock.now())?;
    engine.settle()?;
    if let Some(git) = &engine.git {
        tidy(git, by)?;
    }
    let leased = engine.state.turn.as_ref().is_some_and(|t| t.lease_ref.is_some());
    if leased && matches!(engine.state.status, Status::Running(_)) {
        return Err(LoopError::Dirty(vec!["another machine runs the turn".to_owned()]));
    }
    let mode = engine.journal.as_ref().map(|j| j.mode);
    let role = by.role.clone();
    let commit = engine.head_id()?;
    let turn = engine.claim(&role, None, &BTreeSet::new())?;
    if let Some(journal) = &mut engine.journal {
        journal.mode = mode.unwrap_or(journal.mode);
        journal.outcome = Some(if by.ok { Ending::Succeeded } else { Ending::Failed });
        journal.confirmed = true;
    }
    let trailers = Trailers {
        turn_id: Some(turn),
        epoch: Some(engine.state.epoch()),
        role: Some(role.to_string()),
        reason: Some("by hand".to_owned()),
        ..Trailers::default()
    };
    let roles = settings.roles();
    let (event, step) = if by.ok {
        let event = Event::Succeed { role: role.clone(), commit: commit.clone(), prompt: None };
        let after = crate::state::transition(&engine.state, event.clone(), &roles, engine.world.clock.now())?;
        (event, Step::Ok { next: after.expected_actor, commit: commit.unwrap_or_default() })
    } else {
        let event = Event::Fail { role: role.clone(), commit: commit.clone(), prompt: None };
        (event, Step::Fail { commit: commit.unwrap_or_default() })
    };
    engine.apply(event, step, role, trailers)?;
    engine.save_seen()?;
    Ok(engine.state)
}

fn tidy(git: &Git, by: &ByHand) -> Result<(), LoopError> {
    if by.allow_dirty {
        return Ok(());
    }
    let dirty = scan(&git.repo, &git.rules)?;
    if dirty.is_empty() {
        return Ok(());
    }
    Err(LoopError::Dirty(dirty.iter().map(|d| path_text(&d.path)).collect()))
}

/// Lets the local branch follow what was published; `before`: where it was, which is part of that.
pub(super) fn follow(
    git: &Git,
    before: Option<Oid>,
    place: &Place,
    sink: &mut dyn Sink,
) -> Result<(), LoopError> {
    let remote = git.repo.remote_of(&git.branch);
    let name = format!("refs/remotes/{remote}/{}", git.branch);
    let Ok(tip) = git.repo.raw().refname_to_id(&name) else { return Ok(()) };
    let Some(head) = git.repo.head()?.commit else { return Ok(()) };
    let known: Vec<Oid> = before.into_iter().collect();
    let moved = match git.repo.replay(head, tip, &known, &git.state_path)? {
        Replayed::At(at) => git.repo.follow_branch_to(&git.branch, at, &git.state_path),
        Replayed::Conflict(paths) => Err(GitError::InTheWay { paths }),
        Replayed::Unrelated => return Ok(()),
    };
    match moved {
        // The next claim follows, or names them again.
        Err(e @ GitError::InTheWay { .. }) => {
            let text = format!("published, but the branch stays where it was here: {e}");
            sink.emit_at(place, Fact::Warning { text });
            Ok(())
        }
        other => Ok(other?),
    }
}

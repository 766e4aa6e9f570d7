//! `orchestrator handoff`: a turn that a person took by hand (turns.md T31).

use serde_json::json;

use super::args::{Format, Global};
use super::branch::{git, open};
use super::error::{Failure, OK, REFUSED};
use super::remote::{glimpse, holder_words, own_turn, state_of};
use super::role;
use super::role_args::{Ending, HandoffArgs};
use super::setup::{Machine, Setup, setup_beside};
use super::sync_end;
use crate::clock::Clock;
use crate::ids::RoleId;
use crate::state::{State, Status};
use crate::sync::protocol::Reason;
use crate::turns::engine::{self, ByHand, Glimpse, read_state};
use crate::turns::holding::{Life, life};
use crate::ui::console::Form;

pub(super) fn handoff(global: &Global, args: &HandoffArgs) -> Result<u8, Failure> {
    let mut setup = setup_beside(global)?;
    let machine = Machine::new();
    let roles = setup.settings.roles();
    let role = roles.iter().find(|role| role.as_str() == args.role).cloned();
    let role = role.ok_or_else(|| Failure::no_role(&args.role, &roles))?;
    setup.settings.options.branch.clone_from(&args.branch);
    setup.settings.options.role = Some(role.clone());
    let mut console = super::run::console(global, Form::Text);
    let mut by = ByHand { role, ok: args.ending == Ending::Ok, over: None, allow_dirty: args.allow_dirty };
    let state = if args.no_push {
        let state = read_state(&setup.settings, machine.clock.now())?;
        if let Some(why) = refused(&by.role, &state) {
            return Err(refusal(why));
        }
        engine::hand_off_here(&setup.settings, machine.world(&mut console), &by)?
    } else {
        let seen =
            glimpse(&setup, &machine).map_err(|failure| no_remote(failure, &args.role, args.ending))?;
        by.over = over(&setup, &machine, &by.role, &seen)?;
        if args.no_pull {
            up_to_date(&setup, &seen)?;
        }
        let finish = engine::hand_off(&setup.settings, &role::world(&machine), &mut console, &by)?;
        match finish.reason {
            Reason::Done => {}
            Reason::Blocked(why) => return Err(refusal(why.join(", "))),
            _ => return sync_end::words(finish),
        }
        state_of(&glimpse(&setup, &machine)?)?.clone()
    };
    if args.format == Format::Json {
        let value = json!({
            "version": 1,
            "role": by.role.as_str(),
            "ended": if by.ok { "ok" } else { "fail" },
            "published": !args.no_push,
            "iteration": state.iteration,
            "expected_actor": state.expected_actor.as_str(),
            "status": state.status.to_string(),
        });
        super::print(&format!("{value:#}\n"))?;
        return Ok(OK);
    }
    let whose = format!("iteration {}, {}'s turn, {}", state.iteration, state.expected_actor, state.status);
    let done = if args.no_push { "committed here" } else { "published" };
    let next = if args.no_push { "next: git push\n" } else { "" };
    super::print(&format!("{done}: {whose}\n{next}"))?;
    Ok(OK)
}

/// What helps where there is nothing to publish to.
fn no_remote(failure: Failure, role: &str, ending: Ending) -> Failure {
    let ending = if ending == Ending::Ok { "ok" } else { "fail" };
    match failure.reason {
        "no_remote" => {
            failure.hint(format!("for this machine alone: orchestrator handoff {role} {ending} --no-push"))
        }
        "no_repository" => Failure { what: "hand the turn off".to_owned(), ..failure }
            .hint("without git there is nothing to publish: the next start of the role takes the turn"),
        _ => failure,
    }
}

fn refusal(why: String) -> Failure {
    Failure::new(REFUSED, "handoff", "hand the turn off").cause(why)
}

/// Why this role's turn cannot be ended now, its holder apart.
fn refused(role: &RoleId, state: &State) -> Option<String> {
    if state.exits() {
        return Some("exit is set (orchestrator resume)".to_owned());
    }
    let expected = &state.expected_actor;
    (expected != role).then(|| format!("it is {expected}'s turn, not {role}'s"))
}

/// The running turn that a hand-off ends: this clone's own, or that of a holder that is gone.
fn over(
    setup: &Setup,
    machine: &Machine,
    role: &RoleId,
    seen: &Glimpse,
) -> Result<Option<(String, u64)>, Failure> {
    let state = state_of(seen)?;
    if let Some(why) = refused(role, state) {
        return Err(refusal(why));
    }
    if !matches!(state.status, Status::Running(_)) {
        return Ok(None);
    }
    let (turn, own) = (state.turn.as_ref(), own_turn(setup, state)?);
    let life = life(state, seen.beat.as_ref(), machine.clock.now());
    match (turn, life) {
        (Some(turn), Life::Silent { .. }) => Ok(Some((turn.id.clone(), turn.epoch))),
        (Some(turn), _) if own => Ok(Some((turn.id.clone(), turn.epoch))),
        _ => {
            Err(refusal(format!("a holder runs the turn: {}", holder_words(state, seen.beat.as_ref(), life)))
                .hint("wait for it, or give its turn back first: orchestrator takeover --force"))
        }
    }
}

/// `--no-pull`: what others pushed has to be here already.
fn up_to_date(setup: &Setup, seen: &Glimpse) -> Result<(), Failure> {
    let repo = open(setup)?;
    let (Some(tip), Some(head)) = (seen.tip, repo.head().map_err(|e| git(&e))?.commit) else { return Ok(()) };
    if repo.descends(head, tip).map_err(|e| git(&e))? {
        return Ok(());
    }
    let missing = repo.commits_between(Some(head), tip).map_err(|e| git(&e))?.len();
    Err(refusal(format!("the remote has {missing} commits that are not here"))
        .hint("without --no-pull this clone's commits are put on top of them"))
}

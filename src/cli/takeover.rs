//! `orchestrator takeover`: gives back the turn of a machine that is gone (git-sync.md G13).

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::json;

use super::args::{Format, Global, RunArgs};
use super::error::{Failure, OK, REFUSED};
use super::remote::{glimpse, holder_json, holder_words, own_turn, state_of};
use super::role;
use super::role_args::TakeoverArgs;
use super::setup::{Machine, setup, setup_beside};
use super::sync_end;
use crate::clock::{Clock, duration};
use crate::state::State;
use crate::sync::protocol::{Control, Reason, TurnId};
use crate::turns::engine;
use crate::turns::holding::{Life, life};
use crate::ui::console::Form;

/// What is to be done about a turn.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// Nobody holds it: there is nothing to give back.
    Free,
    Release,
    Refuse(String),
}

const OWN: &str = "this clone began the turn itself: the next start here resumes it at once";

/// Decides from the state and its holder's last sign: pure.
fn verdict(state: &State, life: Life, role: Option<&str>, force: bool) -> Verdict {
    if let Some(role) = role.filter(|r| *r != state.expected_actor.as_str()) {
        return Verdict::Refuse(format!("it is {}'s turn, not {role}'s", state.expected_actor));
    }
    let lease = state.turn.as_ref().map_or(0, |t| t.lease_secs);
    match life {
        Life::Free => Verdict::Free,
        Life::Silent { .. } => Verdict::Release,
        _ if force => Verdict::Release,
        Life::Alive { age } => Verdict::Refuse(format!(
            "its holder gave a sign of life {} ago, its lease lasts {}",
            duration(age),
            duration(std::time::Duration::from_secs(lease))
        )),
        Life::Untold { .. } => {
            Verdict::Refuse("it keeps no lease: nothing tells whether its holder is alive".to_owned())
        }
    }
}

pub(super) fn takeover(global: &Global, args: &TakeoverArgs) -> Result<u8, Failure> {
    let setup = setup_beside(global)?;
    let machine = Machine::new();
    let glimpse = glimpse(&setup, &machine).map_err(no_remote)?;
    let state = state_of(&glimpse)?;
    let life = life(state, glimpse.beat.as_ref(), machine.clock.now());
    let own = life != Life::Free && own_turn(&setup, state)?;
    let verdict = verdict(state, life, args.role.as_deref(), args.force);
    let verdict = if own && !args.force { Verdict::Refuse(OWN.to_owned()) } else { verdict };
    let plan = match &verdict {
        Verdict::Free => "nothing: the turn is free to claim".to_owned(),
        Verdict::Release => "publish `released`: the turn is then free to claim".to_owned(),
        Verdict::Refuse(why) => format!("nothing: {why}"),
    };
    let json = |done: bool| {
        let value = json!({
            "version": 1,
            "remote": glimpse.url,
            "branch": glimpse.branch,
            "iteration": state.iteration,
            "role": state.expected_actor.as_str(),
            "status": state.status.to_string(),
            "turn": state.turn,
            "holder": holder_json(life, glimpse.beat.as_ref()),
            "would": match verdict {
                Verdict::Free => "nothing",
                Verdict::Release => "release",
                Verdict::Refuse(_) => "refuse",
            },
            "why": match &verdict { Verdict::Refuse(why) => Some(why), _ => None },
            "released": done,
        });
        super::print(&format!("{value:#}\n"))
    };
    if args.format == Format::Text && !global.quiet {
        let mut out =
            format!("iteration {} · {}'s turn · {}\n", state.iteration, state.expected_actor, state.status);
        // Writing to a String cannot fail.
        let _ = writeln!(out, "holder: {}", holder_words(state, glimpse.beat.as_ref(), life));
        if life != Life::Free {
            out.push_str("work:   what it has not published stays in its clone; its next start there keeps it on a rescue ref\n");
        }
        let _ = writeln!(out, "{} {plan}", if args.dry_run { "would: " } else { "does:  " });
        super::print(&out)?;
    }
    if args.dry_run {
        if args.format == Format::Json {
            json(false)?;
        }
        return Ok(OK);
    }
    match &verdict {
        Verdict::Refuse(why) => {
            let failure = Failure::new(REFUSED, "holder", "take the turn over").cause(why.clone());
            if own {
                let role = &state.expected_actor;
                return Err(failure.hint(format!("orchestrator --mode role --role {role}")));
            }
            return Err(match life {
                Life::Alive { .. } | Life::Untold { .. } => {
                    failure.hint("if that machine is gone for good: orchestrator takeover --force")
                }
                _ => failure.hint("orchestrator status --remote"),
            });
        }
        Verdict::Free => {}
        Verdict::Release => {
            let control = match &state.turn {
                Some(turn) => Control::Release { turn: TurnId::new(&turn.id), epoch: turn.epoch },
                None => Control::ReleaseBare { iteration: state.iteration },
            };
            let mut console = super::run::console(global, Form::Text);
            let world = role::world(&machine);
            let finish = engine::control_remote(&setup.settings, &world, &mut console, (control, None))?;
            if finish.reason != Reason::Done {
                return sync_end::words(finish);
            }
        }
    }
    if args.format == Format::Json {
        json(verdict == Verdict::Release)?;
        return Ok(OK);
    }
    if args.run {
        return run(global, state.expected_actor.as_str());
    }
    if !global.quiet {
        let role = &state.expected_actor;
        let done = if verdict == Verdict::Release { "released" } else { "free" };
        super::print(&format!("{done}\nnext: orchestrator --mode role --role {role} --once\n"))?;
    }
    Ok(OK)
}

/// What helps where no other machine can have it.
fn no_remote(failure: Failure) -> Failure {
    let hint = "no other machine has the turn: the next start here takes it again";
    match failure.reason {
        "no_remote" => failure.hint(hint),
        "no_repository" => Failure { what: "take the turn over".to_owned(), ..failure }.hint(hint),
        _ => failure,
    }
}

/// Claims the turn and runs it, as a start of the loop for one turn does.
fn run(global: &Global, role: &str) -> Result<u8, Failure> {
    let args =
        RunArgs { mode: Some("role".into()), role: Some(role.to_owned()), once: true, ..RunArgs::default() };
    let setup = setup(global, &args)?;
    let mut console = super::run::console(global, Form::Text);
    super::role::run(&Arc::new(setup.settings), &mut console, global)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ids::RoleId;

    /// G13: a beat younger than the lease needs `--force`, and so does a turn that keeps none.
    #[test]
    fn only_the_dead_are_taken_over_without_force() {
        let state = State::initial(RoleId::parse("ralph").unwrap(), jiff::Timestamp::UNIX_EPOCH);
        let age = Duration::from_secs(5);
        let of = |life, role, force| verdict(&state, life, role, force);
        assert_eq!(of(Life::Silent { age }, None, false), Verdict::Release);
        assert_eq!(of(Life::Free, Some("ralph"), true), Verdict::Free);
        for life in [Life::Alive { age }, Life::Untold { age }] {
            assert!(matches!(of(life, Some("ralph"), false), Verdict::Refuse(_)));
            assert_eq!(of(life, Some("ralph"), true), Verdict::Release);
        }
        assert!(matches!(of(Life::Silent { age }, Some("galph"), true), Verdict::Refuse(_)));
    }
}

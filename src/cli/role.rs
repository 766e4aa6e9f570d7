//! `orchestrator --mode role`: the turns of one role, through the remote.

use std::sync::Arc;

use super::args::Global;
use super::error::{FAILED, FENCED, Failure, INTERNAL, LIMIT, OK, REFUSED, USAGE};
use super::setup::{Machine, environment};
use super::stream::Stream;
use crate::event::Sink;
use crate::supervise::Stop;
use crate::sync::driver::Finish;
use crate::sync::protocol::Reason;
use crate::sync::remote::Surroundings;
use crate::turns::engine::{RoleReport, RoleWorld, run_role};
use crate::turns::settings::Settings;

pub(super) fn run(settings: &Arc<Settings>, sink: &mut dyn Sink, global: &Global) -> Result<u8, Failure> {
    let internal = |what: &str, e: std::io::Error| Failure::new(INTERNAL, "io", what).cause(e.to_string());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| internal("start the runtime", e))?;
    let if_turn = settings.options.if_turn;
    let report = runtime.block_on(async {
        let mut machine = Machine::new();
        machine.stop = Stop::install_signals().map_err(|e| internal("listen to signals", e))?;
        let world = world(&machine);
        let (stream, hooks) = Stream::new(settings, &machine, sink);
        let mut ear = stream.ear();
        let run = async {
            let report = run_role(Arc::clone(settings), world, &mut ear).await;
            stream.over();
            report
        };
        let (report, ()) =
            tokio::join!(run, hooks.run(&machine.stop, |place, event| stream.tell(place, event)));
        stream.close();
        report.map_err(Failure::from)
    });
    match report {
        // Another run of this clone is at work: a timer has nothing to do (T20a).
        Err(failure) if if_turn && failure.reason == "busy" => Ok(OK),
        Err(failure) => Err(failure),
        Ok(report) => end(report, global),
    }
}

pub(super) fn world(machine: &Machine) -> RoleWorld {
    RoleWorld {
        clock: machine.clock.clone(),
        ids: Arc::new(crate::ids::SystemIds),
        stop: machine.stop.clone(),
        surroundings: Surroundings::from_vars(environment()),
    }
}

fn end(report: RoleReport, global: &Global) -> Result<u8, Failure> {
    let RoleReport { finish, failure, limit, exit } = report;
    if let (Reason::Limit(_), Some(limit)) = (&finish.reason, limit) {
        // Counted over all machines, so a start alone changes nothing.
        return Err(Failure::from(limit).hint("raise the budget, or count anew: orchestrator resume"));
    }
    match (&finish.reason, failure) {
        (Reason::TurnFailed, Some(failure)) => return Err(failure.into()),
        (Reason::ExitSet, _) if !global.quiet => {
            let why = exit.map_or_else(
                || "exit is set on the remote".to_owned(),
                |exit| {
                    let reason = exit.reason.unwrap_or_else(|| "no reason given".into());
                    format!("exit was set by {} at {}: {reason}", exit.by, exit.at)
                },
            );
            super::print(&format!("stopped: {why}\nhint: orchestrator resume\n"))?;
        }
        (Reason::NotOurTurn, _) if !global.quiet => super::print("it is not this role's turn\n")?,
        _ => {}
    }
    words(finish)
}

/// The exit code and the words of why a driver ended.
pub(super) fn words(finish: Finish) -> Result<u8, Failure> {
    let Finish { reason, trouble } = finish;
    let code = reason.code();
    let refused = |what: &str| Failure::new(REFUSED, "sync", what);
    let failure = match reason {
        Reason::Done | Reason::ExitSet | Reason::NotOurTurn | Reason::Interrupted(_) => return Ok(code),
        Reason::TurnFailed => {
            Failure::new(FAILED, "turn_failed", "take the turn: it was published as failed")
        }
        Reason::FailedSeen => Failure::new(FAILED, "turn_failed", "go on: a turn has failed")
            .hint("look at its log on that machine, then: orchestrator resume"),
        Reason::Conflict => refused("publish the work: it conflicts with what others pushed")
            .hint("the work is on a ref below refs/orchestrator/rescue/"),
        Reason::Damaged(why) => Failure::new(USAGE, "state", "read the state on the remote").cause(why),
        Reason::NoState { removed } => {
            let failure = Failure::new(USAGE, "state", "find the state on the remote");
            if removed { failure.cause("a commit of the branch removed it".to_owned()) } else { failure }
        }
        Reason::Offline(why) => {
            refused("reach the remote").cause(why).hint("the next start goes on from here")
        }
        Reason::Refused(why) => refused("publish: the remote refuses it")
            .cause(why)
            .hint("what is finished is kept here, and the next start publishes it"),
        Reason::Unpublished => {
            refused("publish the turn; it is kept here").hint("the next start publishes it")
        }
        Reason::Rewritten { seen, .. } => refused("go on: the remote branch was rewritten")
            .cause(format!("it does not hold {seen} any more")),
        Reason::Blocked(names) => refused("claim the turn").cause(names.join(", ")),
        Reason::InTheWay(names) => {
            refused("move the branch: changed files are in the way").cause(names.join(", "))
        }
        Reason::Fenced => Failure::new(FENCED, "fenced", "keep the turn: another machine has taken it over")
            .hint("the work is on a ref below refs/orchestrator/rescue/"),
        Reason::LeaseEnded => {
            Failure::new(FENCED, "lease", "renew the lease: the remote was out of reach until it ended")
                .hint("the work is kept here; the next start looks whether the turn is still ours")
        }
        Reason::WaitedTooLong => Failure::new(LIMIT, "wait", "wait any longer for a turn"),
        Reason::Limit(limit) => Failure::new(LIMIT, "budget", "go on within the budget").cause(limit),
        Reason::OutOfStep(what) => {
            Failure::new(INTERNAL, "bug", "follow the protocol").cause(what.to_owned())
        }
    };
    Err(match trouble {
        Some(trouble) if failure.causes.is_empty() => failure.cause(trouble),
        _ => failure,
    })
}

//! `orchestrator --mode role`: the turns of one role, through the remote.

use std::sync::Arc;

use super::args::Global;
use super::error::{Failure, INTERNAL, OK};
use super::setup::{Machine, environment};
use super::stream::Stream;
use super::sync_end::words;
use crate::event::Sink;
use crate::supervise::Stop;
use crate::sync::protocol::Reason;
use crate::sync::remote::Surroundings;
use crate::sync::worktree::merge_command;
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
        Ok(report) => end(report, settings.role().as_str(), global),
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

fn end(report: RoleReport, role: &str, global: &Global) -> Result<u8, Failure> {
    let RoleReport { finish, failure, limit, exit, rescued, lost_to, blocked } = report;
    if let (Reason::Limit(_), Some(limit)) = (&finish.reason, limit) {
        // Counted over all machines, so a start alone changes nothing.
        return Err(Failure::from(limit).hint("raise the budget, or count anew: orchestrator resume"));
    }
    if let (Reason::Blocked(_), Some(blocked)) = (&finish.reason, blocked) {
        return Err(blocked.into());
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
    let fenced = finish.reason == Reason::Fenced;
    let lost = fenced || matches!(finish.reason, Reason::Conflict | Reason::LeaseEnded);
    words(finish).map_err(|mut failure| {
        failure.causes.extend(lost_to.filter(|_| fenced));
        match rescued.filter(|_| lost) {
            Some(reference) => failure.hint(format!("its work is kept: {}", merge_command(&reference))),
            None if fenced => failure.hint(format!(
                "it left no unpublished work; to go on: orchestrator --mode role --role {role}"
            )),
            None => failure,
        }
    })
}

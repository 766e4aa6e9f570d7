//! `orchestrator [run]`: the loop.

use std::io::IsTerminal;

use super::args::{Format, Global, RunArgs};
use super::consent;
use super::error::{FAILED, Failure, LIMIT, OK, REFUSED};
use super::screen;
use super::setup::{Machine, Setup, runtime, setup};
use super::stream::Stream;
use crate::clock::Clock;
use crate::config::Source;
use crate::event::{Event, Sink};
use crate::sync::remote::on_local_disk;
use crate::turns::budget::Reached;
use crate::turns::engine::{self, End, Report};
use crate::turns::settings::Settings;
use crate::ui::console::{Console, Form, Volume};

pub(super) fn run(global: &Global, args: &RunArgs) -> Result<u8, Failure> {
    let Setup { mut loaded, mut settings } = setup(global, args)?;
    let form = if args.format == Some(Format::Json) { Form::Json } else { Form::Text };
    if form == Form::Text && consent::ask(&settings, loaded.file.as_deref())? {
        Setup { loaded, settings } = setup(global, args)?;
    }
    if loaded.source_of("run.mode") == Source::Default {
        refuse_to_work_alone(&settings)?;
    }
    let mut console = console(global, form);
    for text in loaded.notices {
        console.emit(Event::Notice { text });
    }
    if settings.options.role.is_some() && settings.options.git {
        return super::role::run(&std::sync::Arc::new(settings), &mut console, global);
    }
    match drive(&settings, &mut console) {
        // Another loop of this role is at work: a timer has nothing to do (T20a).
        Err(failure) if settings.options.if_turn && failure.reason == "busy" => Ok(OK),
        Err(failure) => Err(failure),
        Ok(report) => end(report, global, &settings.options.again),
    }
}

/// Where turns go through a remote, a start without a mode would take all roles' turns here, unpublished.
fn refuse_to_work_alone(settings: &Settings) -> Result<(), Failure> {
    let machine = Machine::new();
    if !engine::through_remote(settings, &machine.shared_clock())? {
        return Ok(());
    }
    let state = engine::read_state(settings, machine.clock.now());
    let role = state.map_or_else(|_| settings.workflow.first().clone(), |state| state.expected_actor);
    Err(Failure::new(REFUSED, "mode", "take all roles' turns here")
        .cause("this branch is worked on in role mode: its turns go through the remote")
        .cause("to take them all here, unpublished: orchestrator --mode combined")
        .hint(format!("orchestrator --mode role --role {role}")))
}

pub(super) fn console(global: &Global, form: Form) -> impl Sink {
    let volume = match (global.quiet, global.verbose) {
        (true, _) => Volume::Quiet,
        (_, true) => Volume::Verbose,
        _ => Volume::Normal,
    };
    // A line that is written over and over is for a person who watches, not for a file.
    let watched = std::io::stderr().is_terminal();
    Console::new(screen::stdout(), screen::stderr(), volume, form).with_progress(watched)
}

/// Role mode without git may be the work of several machines in one folder; the ledger is a database of one.
fn records_lie_safely(settings: &Settings) -> bool {
    settings.options.role.is_none() || on_local_disk(&settings.root)
}

/// Runs the loop on this thread: children die with the thread that spawned them, so it must be the
/// one that lives as long as the program.
pub(super) fn drive(settings: &Settings, sink: &mut dyn Sink) -> Result<Report, Failure> {
    let runtime = runtime()?;
    runtime.block_on(async {
        let machine = Machine::listening()?;
        let (stream, hooks) = if records_lie_safely(settings) {
            Stream::new(settings, &machine, sink)
        } else {
            let text = "nothing is recorded (history, show, events): the folder is on a network disk, where programs of \
                        several machines would write to one database";
            sink.emit(Event::Notice { text: text.into() });
            Stream::unrecorded(settings, &machine, sink)
        };
        let mut ear = stream.ear();
        let run = async {
            let report = engine::run(settings, machine.world(&mut ear)).await;
            stream.over();
            report
        };
        let (report, ()) =
            tokio::join!(run, hooks.run(&machine.stop, |place, event| stream.tell(place, event)));
        stream.close();
        Ok(report?)
    })
}

/// The exit code of a finished loop.
pub(super) fn end(report: Report, global: &Global, again: &str) -> Result<u8, Failure> {
    match report.end {
        End::Done => Ok(OK),
        End::Stopped { at, reason, .. } => {
            if !global.quiet {
                let reason = reason.unwrap_or_else(|| "no reason given".into());
                super::print(&format!("stopped at {at}: {reason}\nhint: orchestrator resume\n"))?;
            }
            Ok(OK)
        }
        End::Limited(limit @ Reached::NoProgress(_)) => Err(Failure::from(limit)
            .hint(format!("look at the last turns' summaries, then start again: {again}"))),
        End::Limited(limit) => Err(Failure::from(limit).hint(format!("the next start counts anew: {again}"))),
        End::Interrupted(reason) => Ok(reason.exit_code()),
        End::NotOurTurn => {
            if !global.quiet {
                super::print("it is not this role's turn\n")?;
            }
            Ok(OK)
        }
        End::WaitedTooLong => Err(Failure::new(LIMIT, "wait", "wait any longer for a turn")),
        End::FailedSeen(words) => Err(Failure::new(FAILED, "turn_failed", "go on: a turn has failed")
            .cause(words)
            .hint("mend the cause, then: orchestrator resume")),
        End::Failed(failure) => Err(failure.into()),
    }
}

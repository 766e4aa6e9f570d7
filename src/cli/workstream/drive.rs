//! Running a workstream, going on with one, and ending one.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::Ground;
use super::args::{FileArgs, ReleaseArgs, ResumeArgs};
use super::look::json as json_text;
use crate::cli::args::{Format, Global};
use crate::cli::error::{FAILED, Failure, INTERNAL, LIMIT, OK, USAGE};
use crate::cli::record;
use crate::cli::screen;
use crate::cli::setup::{Machine, runtime};
use crate::cli::stream::Stream;
use crate::clock::{Clock, SystemClock};
use crate::control::{self, AskError, Request};
use crate::event::{Event, Place, Sink};
use crate::ids::SystemIds;
use crate::ledger::{FILE, Found, Ledger, Mask, Options, Record, Writer};
use crate::supervise::sweep_survivors;
use crate::sync::worktree::Repo;
use crate::ui::bar::Bar;
use crate::ui::console::{Console, Form, Volume};
use crate::workstreams::engine::{self, Begin, EngineError, Outcome, ProgressCell, Report, Setting, World};
use crate::workstreams::spec::Workstream;

/// How long the end of the program waits for the last entries of the ledger.
const LAST: Duration = Duration::from_secs(5);

enum What {
    New(Box<Workstream>),
    Again(String),
}

pub(super) fn run(global: &Global, args: &FileArgs) -> Result<u8, Failure> {
    let (ground, setting, found) = args.ground(global)?;
    drive(global, &ground, &setting, What::New(Box::new(found)), args.format)
}

pub(super) fn resume(global: &Global, args: &ResumeArgs) -> Result<u8, Failure> {
    let ground = Ground::new(global, args.router_config.as_deref())?;
    let setting = ground.setting();
    let run_id = run_named(&ground, &args.run)?;
    drive(global, &ground, &setting, What::Again(run_id), args.format)
}

fn run_named(ground: &Ground, given: &str) -> Result<String, Failure> {
    let ledger = record::open(&ground.settings)?;
    let (Found::Run(run_id) | Found::Attempt { run_id, .. }) = record::find(&ledger, given)?;
    Ok(run_id)
}

fn writer(ground: &Ground) -> Result<Writer, Failure> {
    let redactor = Arc::clone(&ground.settings.redactor);
    let options = Options {
        path: ground.settings.private().join(FILE),
        clock: Arc::new(SystemClock),
        mask: Some(Mask::new(move |value| redactor.json(value))),
    };
    Writer::start(options)
        .map_err(|e| Failure::new(INTERNAL, "io", "start the ledger's thread").cause(e.to_string()))
}

/// The ledger, made if it is not there, and the folder it lies in kept out of git's sight.
fn ledger(ground: &Ground) -> Result<Ledger, Failure> {
    let private = ground.settings.private();
    std::fs::create_dir_all(&private).map_err(|e| {
        Failure::new(INTERNAL, "io", format!("make {}", private.display())).cause(e.to_string())
    })?;
    if ground.settings.options.git
        && let Ok(repo) = Repo::open(&ground.settings.root, Arc::new(SystemClock))
    {
        repo.exclude_private().map_err(EngineError::from)?;
        let logs = ground.settings.root.join(&ground.settings.config.logs_dir).join("workstream");
        if let Ok(logs) = repo.relative(&logs) {
            repo.exclude_logs(&logs).map_err(EngineError::from)?;
        }
    }
    Ok(Ledger::open(&private.join(FILE))?)
}

/// Runs it on this thread: children die with the thread that spawned them.
fn drive(
    global: &Global,
    ground: &Ground,
    setting: &Setting,
    what: What,
    format: Format,
) -> Result<u8, Failure> {
    let quiet = global.quiet || format == Format::Json;
    let volume = match (quiet, global.verbose) {
        (true, _) => Volume::Quiet,
        (_, true) => Volume::Verbose,
        _ => Volume::Normal,
    };
    let cell = ProgressCell::default();
    let console = Console::new(screen::stdout(), screen::stderr(), volume, Form::Text);
    let watched = !quiet && std::io::stderr().is_terminal();
    let shown = cell.clone();
    let words = move || {
        let counts = shown.get();
        let eta = counts.left_words();
        (counts.done, counts.total, format!("{} running, {} failed{eta}", counts.running, counts.failed))
    };
    let mut told = Bar::of_steps(console, watched, words);
    for text in &ground.notices {
        told.emit(Event::Notice { text: text.clone() });
    }
    let mut ledger = ledger(ground)?;
    let writer = writer(ground)?;
    let runtime = runtime()?;
    let report = runtime.block_on(async {
        let machine = Machine::listening()?;
        for killed in sweep_survivors(&setting.root, &*machine.clock) {
            let program = killed.argv.first().map_or("?", String::as_str);
            let text = format!("ended a process of an earlier run: pid {} ({program})", killed.pid);
            told.emit(Event::Notice { text });
        }
        let (stream, hooks) = Stream::unrecorded(&ground.settings, &machine, &mut told);
        let mut ear = stream.ear();
        let world = World {
            clock: machine.clock.clone(),
            ids: &machine.ids,
            stop: &machine.stop,
            sink: &mut ear,
            writer: &writer,
            progress: cell.clone(),
        };
        let run = async {
            let report = async {
                let begin = begin(what, setting, &world, &mut ledger)?;
                engine::run(begin, setting, world).await
            };
            let report = report.await;
            stream.over();
            report
        };
        let from_hooks = |place: &Place, event: Event| {
            let at = machine.clock.now().as_millisecond();
            writer.event(Record { place: place.clone(), at, event: event.clone() });
            stream.tell(place, event);
        };
        let (report, ()) = tokio::join!(run, hooks.run(&machine.stop, from_hooks));
        stream.close();
        Ok::<_, Failure>(report?)
    });
    let written = writer.close(LAST);
    drop(told);
    if !written {
        let text = "warning: the ledger did not take the last events of this run in time\n";
        let _ = std::io::Write::write_all(&mut screen::stderr(), text.as_bytes());
    }
    end(&report?, format)
}

fn begin(
    what: What,
    setting: &Setting,
    world: &World<'_>,
    ledger: &mut Ledger,
) -> Result<Begin, EngineError> {
    match what {
        What::New(found) => engine::prepare(*found, None, true, setting, world, ledger),
        What::Again(run_id) => engine::resume(&run_id, setting, ledger),
    }
}

fn end(report: &Report, format: Format) -> Result<u8, Failure> {
    let (code, reason, error) = match &report.outcome {
        Outcome::Succeeded => (OK, "succeeded", None),
        Outcome::Failed(why) => (FAILED, "failed", Some(why.clone())),
        Outcome::Quarantined(reason) => (FAILED, "quarantined", Some(reason.reason.clone())),
        Outcome::Interrupted(why) => (why.exit_code(), "interrupted", Some(why.text.clone())),
        Outcome::Canceled(why) => (why.exit_code(), "canceled", Some(why.text.clone())),
        Outcome::Budget { name, limit, used } => {
            (LIMIT, "budget", Some(format!("the budget is used up: {name} {used} of {limit}")))
        }
    };
    let evidence = match &report.outcome {
        Outcome::Quarantined(reason) => reason.evidence.clone(),
        _ => Vec::new(),
    };
    if format == Format::Json {
        let counts = report.counts;
        crate::cli::print(&json_text(&json!({
            "version": 1,
            "run_id": report.run_id,
            "state": reason,
            "exit_code": code,
            "reason": reason,
            "error": error,
            "evidence": evidence,
            "steps": counts.total,
            "succeeded": counts.succeeded,
            "failed": counts.failed,
            "skipped": counts.skipped,
            "canceled": counts.canceled,
            "attempts": report.attempts,
            "seconds": report.took.as_secs_f64(),
            "cost_usd": report.cost_usd,
            "next": report.next(),
        }))?)?;
    }
    if code == OK {
        return Ok(OK);
    }
    let failure = Failure::new(code, reason, format!("run the workstream: {reason}"));
    let failure = error.into_iter().chain(evidence).fold(failure, Failure::cause).hint(report.next());
    let _ = std::io::Write::write_all(&mut screen::stderr(), failure.text().as_bytes());
    Ok(code)
}

pub(super) fn cancel(global: &Global, given: &str) -> Result<u8, Failure> {
    let ground = Ground::new(global, None)?;
    let run_id = run_named(&ground, given)?;
    let what = || format!("cancel run {run_id}");
    let live = control::live(&control::folder(&ground.settings.private()));
    if let Some(run) = live.iter().find(|run| run.id == run_id) {
        if run.status.as_ref().is_some_and(|status| status.run.kind != "workstream") {
            return Err(Failure::new(USAGE, "usage", what())
                .cause("it is no workstream")
                .hint(format!("orchestrator interrupt {run_id}")));
        }
        return match control::client::ask(&run.socket, &Request::Cancel) {
            Ok(reply) if reply.ok => {
                crate::cli::print(&format!("run {run_id} is being canceled\n"))?;
                Ok(OK)
            }
            Ok(reply) => Err(Failure::new(USAGE, "usage", what()).cause(reply.error.unwrap_or_default())),
            Err(AskError::Over) => {
                Err(Failure::new(USAGE, "unknown", what()).cause("it has ended meanwhile"))
            }
            Err(e) => Err(Failure::new(INTERNAL, "io", what()).cause(e.to_string())),
        };
    }
    let mut ledger = ledger(&ground)?;
    engine::cancel_waiting(&run_id, &SystemClock, &mut ledger)?;
    crate::cli::print(&format!("run {run_id} is canceled\n"))?;
    Ok(OK)
}

pub(super) fn release(global: &Global, args: &ReleaseArgs) -> Result<u8, Failure> {
    let ground = Ground::new(global, None)?;
    let setting = ground.setting();
    let run_id = run_named(&ground, &args.run)?;
    if args.reason.trim().is_empty() {
        return Err(Failure::new(USAGE, "usage", "release the run").cause("--reason is empty"));
    }
    let mut ledger = ledger(&ground)?;
    let writer = writer(&ground)?;
    let released =
        engine::release(&run_id, &args.reason, &setting, &SystemClock, &SystemIds, &mut ledger, &writer);
    writer.close(LAST);
    let released = released?;
    crate::cli::print(&format!(
        "run {run_id} is released as {new}; begin it: orchestrator workstream resume {new}\n",
        new = released.new_run_id
    ))?;
    Ok(OK)
}

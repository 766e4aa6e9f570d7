//! `orchestrator oneshot`: a worker and an auditor, until a task is done.

mod args;
mod end;
mod follow;
mod look;
mod teller;

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) use args::{EXAMPLES, OneshotArgs};

use self::args::{LimitArgs, OneshotCommand, ResumeArgs, StartArgs};
use self::teller::Teller;
use super::args::{Format, Global};
use super::error::{Failure, INTERNAL, USAGE};
use super::screen;
use super::setup::{Machine, confined, environment, home, listen, redactor, runtime, start_folder};
use super::stream::{Project, Stream};
use crate::agents::Table;
use crate::clock::Clock;
use crate::config::{Limits, Loaded, Override, load};
use crate::oneshot::session::Session;
use crate::oneshot::{End, Engine, OneshotError, Resume, Settings, World};
use crate::ui::console::{Console, Form, Volume};

/// No task is longer.
const TASK_BYTES: u64 = 4 * 1024 * 1024;

pub(super) fn oneshot(global: &Global, args: &OneshotArgs) -> Result<u8, Failure> {
    match &args.command {
        None => start(global, &args.start),
        Some(OneshotCommand::Run(args)) => start(global, args),
        Some(OneshotCommand::Resume(args)) => resume(global, args),
        Some(OneshotCommand::List(args)) => look::list(global, args),
        Some(OneshotCommand::View(args)) => look::view(global, args),
        Some(OneshotCommand::Follow(args)) => follow::follow(global, args),
    }
}

fn start(global: &Global, args: &StartArgs) -> Result<u8, Failure> {
    let settings = settings(global, &args.overrides())?;
    let folder = start_folder()?;
    let task = task(args, &folder)?;
    let shown = Shown::new(args.format, &args.limits, &folder);
    drive(global, &settings, &shown, &Begin::Task(task))
}

fn resume(global: &Global, args: &ResumeArgs) -> Result<u8, Failure> {
    let settings = settings(global, &args.limits.overrides())?;
    let how = Resume { id: args.id.clone(), max_iterations: args.max_iterations };
    let shown = Shown::new(args.format, &args.limits, &start_folder()?);
    drive(global, &settings, &shown, &Begin::Resume(how))
}

enum Begin {
    Task(String),
    Resume(Resume),
}

/// How a run is shown.
struct Shown {
    format: Format,
    activity_log: Option<PathBuf>,
}

impl Shown {
    /// Paths are relative to the folder the command works from.
    fn new(format: Format, limits: &LimitArgs, folder: &Path) -> Self {
        Self { format, activity_log: limits.activity_log.as_ref().map(|path| folder.join(path)) }
    }
}

/// Runs a session on this thread: children die with the thread that spawned them.
fn drive(global: &Global, settings: &Settings, shown: &Shown, begin: &Begin) -> Result<u8, Failure> {
    let runtime = runtime()?;
    let volume = match (global.quiet, global.verbose, shown.format) {
        (true, ..) | (_, _, Format::Json) => Volume::Quiet,
        (_, true, _) => Volume::Verbose,
        _ => Volume::Normal,
    };
    // Standard output is the result's alone.
    let watched = std::io::stderr().is_terminal();
    let mut console =
        Console::new(screen::stderr(), screen::stderr(), volume, Form::Text).with_progress(watched);
    let mut machine = Machine::new();
    let began = machine.clock.mono();
    let ended = runtime.block_on(async {
        machine.stop = listen()?;
        let project =
            Project { root: &settings.root, config: &settings.config, redactor: &settings.redactor };
        let (stream, hooks) = Stream::of(&project, &machine, &mut console);
        let mut teller = Teller::new(stream.ear(), settings, &machine, shown.activity_log.as_deref())
            .map_err(|e| {
                Failure::new(INTERNAL, "io", "open the copy of the activity log").cause(e.to_string())
            })?;
        let run = async {
            let world = World {
                clock: machine.clock.clone(),
                ids: &machine.ids,
                stop: &machine.stop,
                observer: &mut teller,
            };
            let ended = conduct(settings, world, begin).await;
            if let Err(e) = &ended {
                teller.broken(&e.to_string());
            }
            drop(teller);
            stream.over();
            ended
        };
        let (ended, ()) =
            tokio::join!(run, hooks.run(&machine.stop, |place, event| stream.tell(place, event)));
        stream.close();
        Ok::<_, Failure>(ended?)
    });
    let took = machine.clock.mono().saturating_sub(began);
    let (end, session, result) = ended?;
    end::end(&end::Ended { settings, session: &session, end: &end, result: &result, took }, shown.format)
}

async fn conduct<'a>(
    settings: &'a Settings,
    world: World<'a>,
    begin: &Begin,
) -> Result<(End, Session, String), OneshotError> {
    let mut engine = match begin {
        Begin::Task(task) => Engine::create(settings, world, task)?,
        Begin::Resume(how) => Engine::resume(settings, world, how)?,
    };
    let end = engine.run().await?;
    Ok((end, engine.session().clone(), engine.result()))
}

/// The project, with this command's flags over its configuration.
fn settings(global: &Global, flags: &[Override]) -> Result<Settings, Failure> {
    let folder = start_folder()?;
    let loaded: Loaded = load(&folder, global.config.as_deref(), &environment(), flags)?;
    confined(&loaded.root, &loaded.config)?;
    let redactor = Arc::new(redactor(&loaded.config));
    screen::hide(&redactor);
    Ok(Settings {
        table: Table::new(&loaded.config.agents),
        git: !loaded.config.run.no_git,
        root: loaded.root,
        config: loaded.config,
        redactor,
        path: std::env::var_os("PATH").unwrap_or_default(),
        home: home(),
        env: Vec::new(),
        limits: Limits::default(),
    })
}

fn task(args: &StartArgs, folder: &Path) -> Result<String, Failure> {
    let no = |what: String, cause: String| Failure::new(USAGE, "usage", what).cause(cause);
    let (name, file): (&str, Box<dyn Read>) = match (args.task.as_deref(), args.file.as_deref()) {
        (Some("-"), _) => ("standard input", Box::new(std::io::stdin())),
        (Some(task), _) => return Ok(task.to_owned()),
        (None, Some(path)) if path == Path::new("-") => ("standard input", Box::new(std::io::stdin())),
        (None, Some(path)) => {
            let file = std::fs::File::open(folder.join(path));
            let file =
                file.map_err(|e| no(format!("read the task from {}", path.display()), e.to_string()))?;
            ("the file", Box::new(file))
        }
        (None, None) => {
            return Err(Failure::new(USAGE, "usage", "there is no task")
                .hint("orchestrator oneshot \"TASK\", or -f FILE, or - to read it from standard input"));
        }
    };
    let mut bytes = Vec::new();
    file.take(TASK_BYTES)
        .read_to_end(&mut bytes)
        .map_err(|e| no(format!("read the task from {name}"), e.to_string()))?;
    String::from_utf8(bytes).map_err(|e| no(format!("read the task from {name}"), e.to_string()))
}

//! `orchestrator batch`: many agents at once (workstreams.md W1 to W4).

use std::collections::BTreeSet;
use std::io::{IsTerminal, Read};
use std::path::Path;
use std::time::Duration;

use super::args::{Format, Global};
use super::batch_args::BatchArgs;
use super::error::{FAILED, Failure, INTERNAL, OK, REFUSED, USAGE};
use super::record::{bad_value, find, open};
use super::screen;
use super::setup::{Machine, runtime, setup_beside};
use super::stream::Stream;
use crate::config::{document, parse_duration};
use crate::control;
use crate::event::{Event, Sink};
use crate::ledger::{Found, Ledger, LedgerError};
use crate::supervise::sweep_survivors;
use crate::turns::settings::Settings;
use crate::ui::bar::Bar;
use crate::ui::console::{Console, Form as ConsoleForm, Volume};
use crate::workstreams::batch::{
    self, BatchError, Form, Look, Options, Report, Saved, Setting, TaskProblem, World, table,
};

/// A list of tasks is read into memory; no real one comes near this.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

pub(super) fn batch(global: &Global, args: &BatchArgs) -> Result<u8, Failure> {
    let setup = setup_beside(global)?;
    let settings = &setup.settings;
    let Begin { saved, parent, notice, _held } = match &args.resume {
        Some(run) => resumed(settings, args, run)?,
        None => Begin { saved: fresh(settings, args)?, parent: None, notice: None, _held: None },
    };
    let left = saved.tasks.iter().filter(|t| !saved.done.contains(&t.id)).count();
    if left == 0 {
        super::print("every task of it is completed already\n")?;
        return Ok(OK);
    }
    let setting = setting(settings);
    let quiet = global.quiet || args.format == Format::Json;
    let volume = match (quiet, global.verbose) {
        (true, _) => Volume::Quiet,
        (_, true) => Volume::Verbose,
        _ => Volume::Normal,
    };
    let console = Console::new(screen::stdout(), screen::stderr(), volume, ConsoleForm::Text);
    let watched = !quiet && std::io::stderr().is_terminal();
    let mut told = Bar::new(console, left, watched);
    for text in setup.loaded.notices.into_iter().chain(notice) {
        told.emit(Event::Notice { text });
    }
    let report = drive(&saved, parent.as_deref(), &setting, settings, &mut told)?;
    drop(told);
    end(&report, global, args.format)
}

/// The tasks of a file or of standard input.
fn fresh(settings: &Settings, args: &BatchArgs) -> Result<Saved, Failure> {
    let path = args.file.as_deref().unwrap_or(Path::new("-"));
    let name = if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() };
    let failed =
        |cause: String| Failure::new(USAGE, "usage", format!("read the tasks in {name}")).cause(cause);
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().take(MAX_BYTES + 1).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text))
    };
    read.map_err(|e| failed(e.to_string()))?;
    if text.len() as u64 > MAX_BYTES {
        return Err(failed("larger than 64 MiB".into()));
    }
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    let form = match (args.exec, args.list || ["yaml", "yml", "json"].contains(&extension)) {
        (true, _) => Form::Commands,
        (_, true) => Form::List,
        _ => Form::Prompts,
    };
    let look = Look {
        file: &|name| prompt_file(&settings.root, name),
        folder: &|name| settings.root.join(name).is_dir(),
    };
    let tasks = batch::tasks(&text, form, look);
    let tasks = tasks.map_err(|problems| {
        let failure = Failure::new(USAGE, "usage", format!("read the tasks in {name}"));
        let told = |failure: Failure, problem: &TaskProblem| failure.cause(problem.to_string());
        problems.iter().fold(failure, told).hint("orchestrator batch --help shows the forms")
    })?;
    let options = Options {
        max_concurrent: args.max_concurrent.unwrap_or(Options::default().max_concurrent),
        idle: idle(args)?,
        fail_fast: args.fail_fast,
        each_worktree: args.each_worktree,
        agent: args.agent.clone().unwrap_or_else(|| settings.config.agent.default.clone()),
    };
    Ok(Saved::new(tasks, options, BTreeSet::new()))
}

fn idle(args: &BatchArgs) -> Result<Option<Duration>, Failure> {
    args.idle.as_deref().map(parse_duration).transpose().map_err(|e| bad_value("--idle", &e))
}

/// The text of a prompt file, if a line is the name of one.
fn prompt_file(root: &Path, name: &str) -> std::io::Result<Option<String>> {
    if name.len() > 1024 || name.contains('\0') {
        return Ok(None);
    }
    let path = root.join(name);
    if path.is_file() { document(&path).map(Some) } else { Ok(None) }
}

/// What a batch begins with.
struct Begin {
    saved: Saved,
    /// The run that it goes on with.
    parent: Option<String>,
    notice: Option<String>,
    /// Keeps others from resuming the same run.
    _held: Option<std::fs::File>,
}

/// The tasks of an earlier run, and which of them it and those that went on with it finished.
fn resumed(settings: &Settings, args: &BatchArgs, given: &str) -> Result<Begin, Failure> {
    let what = || format!("resume the batch {given}");
    let ledger = open(settings)?;
    let line = line(&ledger, given)?;
    let newest = line.last().cloned();
    let run_id = newest.ok_or_else(|| LedgerError::Unknown(given.to_owned()))?;
    let saved = Saved::read(&settings.private(), &run_id)?;
    let mut saved = saved.ok_or_else(|| {
        Failure::new(USAGE, "usage", what())
            .cause(format!("run {run_id} is no batch, or its tasks were removed by gc"))
            .hint("orchestrator history --kind batch")
    })?;
    if control::live(&control::folder(&settings.private())).iter().any(|run| run.id == run_id) {
        return Err(Failure::new(REFUSED, "busy", what())
            .cause(format!("run {run_id} is still live"))
            .hint(format!("orchestrator interrupt {run_id}")));
    }
    let held = Saved::hold(&settings.private(), &run_id)?;
    // Another may have gone on with it, to its end even, before it could be held here.
    if held.is_none() || self::line(&ledger, given)? != line {
        return Err(Failure::new(REFUSED, "busy", what())
            .cause(format!("run {run_id} is being resumed by another program"))
            .hint("orchestrator history --kind batch"));
    }
    for earlier in &line {
        saved.done.extend(completed(&ledger, earlier)?);
    }
    if let Some(limit) = args.max_concurrent {
        saved.options.max_concurrent = limit;
    }
    saved.options.idle = idle(args)?.or(saved.options.idle);
    saved.options.fail_fast |= args.fail_fast;
    saved.options.agent = args.agent.clone().unwrap_or(saved.options.agent);
    let notice = (line.len() > 1).then(|| format!("resumed before: goes on with run {run_id}"));
    Ok(Begin { saved, parent: Some(run_id), notice, _held: held })
}

/// The run that is meant and those that went on with it.
fn line(ledger: &Ledger, given: &str) -> Result<Vec<String>, Failure> {
    let (Found::Run(run_id) | Found::Attempt { run_id, .. }) = find(ledger, given)?;
    Ok(ledger.line_of(&run_id)?)
}

/// The tasks that a run completed.
fn completed(ledger: &Ledger, run_id: &str) -> Result<BTreeSet<String>, Failure> {
    const PAGE: u32 = 1000;
    let (mut done, mut after) = (BTreeSet::new(), 0);
    loop {
        let page = ledger.attempts(run_id, after, PAGE)?;
        let Some(last) = page.last() else { return Ok(done) };
        after = last.sequence;
        done.extend(page.into_iter().filter(|a| a.state == "succeeded").map(|a| a.step_id));
    }
}

fn setting(settings: &Settings) -> Setting {
    Setting {
        root: settings.root.clone(),
        private: settings.private(),
        logs_dir: settings.root.join(&settings.config.logs_dir),
        supervision: settings.config.supervision.clone(),
        table: settings.table.clone(),
        order: settings.config.agent.order.clone(),
        unattended: settings.config.agent.unattended,
        path: settings.path.clone(),
        redactor: std::sync::Arc::clone(&settings.redactor),
        runtime_dir: settings.runtime_dir.clone(),
    }
}

/// Runs the batch on this thread: children die with the thread that spawned them.
fn drive(
    saved: &Saved,
    parent: Option<&str>,
    setting: &Setting,
    settings: &Settings,
    sink: &mut dyn Sink,
) -> Result<Report, Failure> {
    let runtime = runtime()?;
    runtime.block_on(async {
        let machine = Machine::listening()?;
        for killed in sweep_survivors(&setting.root, &*machine.clock) {
            let program = killed.argv.first().map_or("?", String::as_str);
            let text = format!("ended a process of an earlier run: pid {} ({program})", killed.pid);
            sink.emit(Event::Notice { text });
        }
        let (stream, hooks) = Stream::new(settings, &machine, sink);
        let mut ear = stream.ear();
        let clock = machine.clock.clone();
        let world = World { clock, ids: &machine.ids, stop: &machine.stop, sink: &mut ear };
        let run = async {
            let report = batch::run(saved, parent, setting, world).await;
            stream.over();
            report
        };
        let (report, ()) =
            tokio::join!(run, hooks.run(&machine.stop, |place, event| stream.tell(place, event)));
        stream.close();
        Ok(report?)
    })
}

fn end(report: &Report, global: &Global, format: Format) -> Result<u8, Failure> {
    let mut out = String::new();
    if format == Format::Json {
        for result in &report.results {
            let line = serde_json::to_string(result)
                .map_err(|e| Failure::new(INTERNAL, "io", "write the results").cause(e.to_string()))?;
            out.push_str(&line);
            out.push('\n');
        }
    } else {
        out = table(&report.results);
    }
    super::print(&out)?;
    let (good, failed, interrupted) = report.counts();
    if format == Format::Text && !global.quiet {
        let count = |n: usize, word: &str| if n == 0 { String::new() } else { format!(", {n} {word}") };
        super::print(&format!(
            "{good} completed{}{} in {}\n",
            count(failed, "failed"),
            count(interrupted, "interrupted"),
            crate::clock::duration(report.took)
        ))?;
    }
    // The results are on stdout; what to do next is not one of them.
    let mut hints = String::new();
    if format == Format::Text && !global.quiet {
        hints = branch_hints(report);
    }
    if failed + interrupted > 0 {
        hints = format!("{hints}hint: orchestrator batch --resume {}\n", report.run_id);
    }
    let _ = std::io::Write::write_all(&mut screen::stderr(), hints.as_bytes());
    if failed + interrupted == 0 {
        return Ok(OK);
    }
    Ok(report.interrupted.as_ref().map_or(FAILED, crate::supervise::StopReason::exit_code))
}

/// How the work of a task in its own worktree is taken, and how it is dropped.
fn branch_hints(report: &Report) -> String {
    let with_branch =
        |empty: bool| report.results.iter().find(move |r| r.branch.is_some() && r.empty == empty);
    let Some(result) = with_branch(false).or_else(|| with_branch(true)) else { return String::new() };
    let (task, branch) = (&result.id, result.branch.as_deref().unwrap_or_default());
    let tree = format!(".orchestrator/worktrees/{}/{task}", report.run_id);
    let take = if result.empty {
        String::new()
    } else {
        format!("hint: take the work of task {task}: git merge {branch}\n")
    };
    format!(
        "{take}hint: drop what task {task} has: git worktree remove --force {tree} && git branch -D {branch}\n"
    )
}

impl From<BatchError> for Failure {
    fn from(error: BatchError) -> Self {
        let what = "run the batch";
        let hint = match &error {
            BatchError::Agent { source, .. } => Some(source.hint()),
            BatchError::Git(e) => e.hint(),
            BatchError::NoFolder { .. } => Some("`cwd` is relative to the project root".into()),
            BatchError::Damaged { path, .. } => {
                Some(format!("start the batch anew from its list; {} may be removed", path.display()))
            }
            BatchError::Newer { .. } => Some("use the version that wrote it".into()),
            BatchError::Io { .. } => None,
        };
        let code = if matches!(error, BatchError::Io { .. }) { INTERNAL } else { USAGE };
        let mut failure = Self::new(code, "batch", what).cause(error.to_string());
        failure.hint = hint;
        failure
    }
}

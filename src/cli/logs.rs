//! `orchestrator logs`: what the agents printed, and the summaries of their turns (turns.md T30).

mod follow;
mod forms;
mod of_run;

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::args::Global;
use super::error::{Failure, INTERNAL, OK, USAGE};
use super::screen;
use super::setup::{Machine, Setup, setup_beside};
use crate::ids::RoleId;
use crate::sync::worktree::Repo;
use crate::turns::find_logs::{self, FoundLog, Source, Wanted};
use crate::turns::settings::Settings;
use forms::{Entry, Page};

pub(super) const EXAMPLES: &str = "Examples:
  orchestrator logs                                 the last iteration
  orchestrator logs -f --role ralph                 as it is printed
  orchestrator logs --iter 3..7 --interleave --format xml > turns.xml
  orchestrator logs --source summaries -n 5
  orchestrator logs last                            the newest run: a batch, a workstream, a oneshot, a loop";

/// State commits that are looked at for the turns' commits.
const DEPTH: usize = 20_000;
/// Text is handed on in pieces of about this size, each of whole lines.
const PIECE: usize = 64 * 1024;

#[derive(Debug, Args)]
pub(super) struct LogsArgs {
    /// What this run or attempt printed, of whatever kind it is: its id, the beginning or the end of it, or `last`;
    /// without it, the turns of the loop
    #[arg(value_name = "RUN", conflicts_with_all = ["role", "iter", "number", "interleave", "source", "branch", "follow"])]
    pub run: Option<String>,
    /// Only this role's
    #[arg(long)]
    pub role: Option<String>,
    /// Only these iterations: 3, 3..7, 3.. or ..7, both ends included
    #[arg(long, value_name = "A..B", value_parser = find_logs::range)]
    pub iter: Option<(u64, u64)>,
    /// The last n iterations [default: 1, or all that --iter names]
    #[arg(short = 'n', long = "number", value_name = "N")]
    pub number: Option<usize>,
    /// Merge the roles by iteration
    #[arg(long)]
    pub interleave: bool,
    /// What the agents printed, or the summaries of their turns
    #[arg(long, value_enum, default_value_t = SourceArg::Logs)]
    pub source: SourceArg,
    /// Logs of this branch [default: the one that is checked out]
    #[arg(long, value_name = "NAME")]
    pub branch: Option<String>,
    /// Go on as the agent prints, until the loop has ended
    #[arg(short, long, conflicts_with_all = ["iter", "number", "interleave", "format", "source"])]
    pub follow: bool,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum SourceArg {
    Logs,
    Summaries,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    Text,
    Json,
    Xml,
}

fn io_failure(what: &str, e: &io::Error) -> Failure {
    Failure::new(INTERNAL, "io", what).cause(e.to_string())
}

pub(super) fn logs(global: &Global, args: &LogsArgs) -> Result<u8, Failure> {
    let Setup { settings, .. } = setup_beside(global)?;
    if let Some(run) = &args.run {
        return of_run::print(&settings, run, args.format);
    }
    let logs_dir = settings.root.join(&settings.config.logs_dir);
    let prefix = branch_folder(&settings, &logs_dir, args.branch.as_deref())?;
    let folder = logs_dir.join(&prefix);
    if args.follow {
        return follow::follow(&settings, &folder, args.role.as_deref());
    }
    let source = match args.source {
        SourceArg::Logs => Source::Logs,
        SourceArg::Summaries => Source::Summaries,
    };
    let last = args.number.or_else(|| args.iter.is_none().then_some(1));
    let wanted = Wanted { role: args.role.clone(), iterations: args.iter, last, interleave: args.interleave };
    let workflow = settings.roles();
    let roles: Vec<String> = workflow.iter().map(RoleId::to_string).collect();
    let found = find_logs::find(&folder, source).map_err(|e| io_failure("look for logs", &e))?;
    let known: Vec<String> = found.iter().map(|log| log.role.clone()).chain(roles.clone()).collect();
    if let Some(role) = args.role.as_ref().filter(|role| !known.contains(role)) {
        return Err(Failure::no_role(role, &workflow));
    }
    let chosen = find_logs::select(found, &wanted, &roles);
    if chosen.is_empty() && args.format == LogFormat::Text {
        return Err(Failure::new(USAGE, "no_logs", "find such logs")
            .cause(format!("nothing in {} fits", folder.display()))
            .hint(format!(
                "all of them: orchestrator logs --iter 0..{}",
                branch_words(args.branch.as_deref())
            )));
    }
    match args.format {
        LogFormat::Text => text(&settings.root, &chosen)?,
        LogFormat::Json | LogFormat::Xml => {
            let page = page(&settings, &prefix, source, chosen)?;
            super::print(&if args.format == LogFormat::Json { page.json() } else { page.xml() })?;
        }
    }
    Ok(OK)
}

/// The folder of the branch that is meant, by name.
fn branch_folder(settings: &Settings, logs_dir: &Path, asked: Option<&str>) -> Result<String, Failure> {
    let head = || {
        let repo = Repo::open(&settings.root, Machine::new().clock).ok()?;
        repo.head().ok()?.branch
    };
    // Batches and workstreams have folders of their own there.
    let turns = |name: &String| {
        [Source::Logs, Source::Summaries]
            .into_iter()
            .any(|source| find_logs::find(&logs_dir.join(name), source).is_ok_and(|found| !found.is_empty()))
    };
    let there: Vec<String> = find_logs::branches(logs_dir).into_iter().filter(turns).collect();
    let own = asked.map(str::to_owned).or_else(head);
    let names = own.iter().map(|name| name.replace('/', "-")).chain(
        // A run without git has no branch.
        asked.is_none().then(|| "local".to_owned()),
    );
    if let Some(name) = names.into_iter().find(|name| there.contains(name)) {
        return Ok(name);
    }
    let branch = own.as_deref().map_or_else(|| "without git".to_owned(), |b| format!("on branch {b}"));
    let failure = Failure::new(USAGE, "no_logs", "find the logs of turns")
        .cause(format!("the loop took none {branch} that left a log in {}", logs_dir.display()));
    Err(match there.first() {
        Some(other) => failure
            .hint(format!("there are some of {}: orchestrator logs --branch {other}", there.join(", "))),
        None if of_run::any(settings) => failure.hint("what ran last: orchestrator logs last"),
        None => failure.hint("they are made by the first run: orchestrator --once"),
    })
}

fn branch_words(asked: Option<&str>) -> String {
    asked.map_or_else(String::new, |branch| format!(" --branch {branch}"))
}

fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

/// The files one after the other, each under its name. They were masked when they were written.
fn text(root: &Path, chosen: &[FoundLog]) -> Result<(), Failure> {
    let mut out = screen::stdout();
    for (n, log) in chosen.iter().enumerate() {
        let gap = if n == 0 { "" } else { "\n" };
        let head = format!("{gap}==> {} <==\n", shown(root, &log.path));
        let copied = out.write_all(head.as_bytes()).and_then(|()| copy(&log.path, &mut out));
        match copied {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            Err(e) => return Err(io_failure(&format!("show {}", log.path.display()), &e)),
            Ok(()) => {}
        }
    }
    Ok(())
}

/// A log may be as large as a disk lets it: whole lines, piece by piece.
fn copy(path: &Path, out: &mut impl Write) -> io::Result<()> {
    let mut reader = BufReader::new(File::open(path)?);
    let mut piece = Vec::with_capacity(PIECE);
    while reader.read_until(b'\n', &mut piece)? > 0 {
        if piece.len() >= PIECE {
            out.write_all(&piece)?;
            piece.clear();
        }
    }
    out.write_all(&piece)?;
    out.flush()
}

fn page(settings: &Settings, prefix: &str, source: Source, chosen: Vec<FoundLog>) -> Result<Page, Failure> {
    let commits = commits(settings);
    let mut entries = Vec::new();
    for log in chosen {
        let bytes =
            fs::read(&log.path).map_err(|e| io_failure(&format!("read {}", log.path.display()), &e))?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let turn = match source {
            Source::Logs => forms::turn_of(&text),
            // A summary names its log, whose head names the turn.
            Source::Summaries => forms::log_of(&text)
                .and_then(|name| head_of(&settings.root.join(name)))
                .and_then(|head| forms::turn_of(&head)),
        };
        let commit = turn.and_then(|turn| commits.get(&turn).cloned());
        entries.push(Entry { path: shown(&settings.root, &log.path), log, text, commit });
    }
    Ok(Page { prefix: prefix.to_owned(), source, entries })
}

/// The first lines of a log.
fn head_of(path: &PathBuf) -> Option<String> {
    let mut text = String::new();
    for line in BufReader::new(File::open(path).ok()?).lines().take(4) {
        text.push_str(&line.ok()?);
        text.push('\n');
    }
    Some(text)
}

/// The state commit that ended a turn, by the turn's id: short id and subject.
fn commits(settings: &Settings) -> HashMap<String, (String, String)> {
    let mut found = HashMap::new();
    let Ok(repo) = Repo::open(&settings.root, Machine::new().clock) else { return found };
    let Some(tip) = repo.head().ok().and_then(|h| h.commit) else { return found };
    let mut ids = Vec::new();
    // For display: a history that cannot be read has no commits to show.
    let _ = repo.state_commits(tip, DEPTH, |id, _, message| {
        if let Some(turn) = message.trailers.turn_id.clone() {
            ids.push((turn, id, message.subject()));
        }
        true
    });
    for (turn, id, subject) in ids {
        // The newest first: a turn's stamp comes before its claim.
        if let (false, Ok(short)) = (found.contains_key(&turn), repo.short_id(id)) {
            found.insert(turn, (short, subject));
        }
    }
    found
}

//! `orchestrator gc`: removes what is old of the ledger, the logs, and merged work that was kept.

use std::fmt::Write as _;
use std::fs;
use std::sync::Arc;

use serde_json::json;

use super::args::{Format, Global};
use super::error::{Failure, INTERNAL, OK};
use super::record::{open, time_ago};
use super::record_args::GcArgs;
use super::setup::{Machine, setup_beside};
use crate::clock::{Clock, SystemClock};
use crate::ledger::{FILE, Forgotten};
use crate::sync::worktree::{GitError, OldWorktree, Repo};
use crate::turns::old_logs::{OldLog, old_logs};
use crate::turns::settings::Settings;

/// What is removed, or would be.
#[derive(Default)]
struct Swept {
    rows: Forgotten,
    /// None: there was nothing to give back, or a run is live.
    vacuumed: Option<bool>,
    logs: Vec<OldLog>,
    rescue_refs: Vec<String>,
    worktrees: Vec<OldWorktree>,
}

pub(super) fn gc(global: &Global, args: &GcArgs) -> Result<u8, Failure> {
    let settings = setup_beside(global)?.settings;
    let before = time_ago("--keep", &args.keep, Machine::new().clock.now())?;
    let mut swept = Swept::default();
    ledger(&settings, before, args.dry_run, &mut swept)?;
    logs(&settings, before, args.dry_run, &mut swept)?;
    if settings.options.git {
        git(&settings, before / 1000, args.dry_run, &mut swept)
            .map_err(|e| Failure::new(INTERNAL, "git", "remove merged work").cause(e.to_string()))?;
    }
    super::print(&if args.format == Format::Json {
        as_json(&swept, args.dry_run)
    } else {
        as_text(&swept, args)
    })?;
    Ok(OK)
}

fn ledger(settings: &Settings, before: i64, dry_run: bool, swept: &mut Swept) -> Result<(), Failure> {
    if !settings.private().join(FILE).exists() {
        return Ok(());
    }
    let mut ledger = open(settings)?;
    if dry_run {
        swept.rows = ledger.forgettable(before)?;
        return Ok(());
    }
    swept.rows = ledger.forget(before)?;
    if swept.rows != Forgotten::default() {
        let live = ledger.has_live_run()?;
        if !live {
            ledger.vacuum()?;
        }
        swept.vacuumed = Some(!live);
    }
    Ok(())
}

fn logs(settings: &Settings, before: i64, dry_run: bool, swept: &mut Swept) -> Result<(), Failure> {
    let folder = settings.root.join(&settings.config.logs_dir);
    let io = |what: String, e: std::io::Error| Failure::new(INTERNAL, "io", what).cause(e.to_string());
    swept.logs =
        old_logs(&folder, before).map_err(|e| io(format!("look through {}", folder.display()), e))?;
    for log in swept.logs.iter().filter(|_| !dry_run) {
        fs::remove_file(&log.path).map_err(|e| io(format!("remove {}", log.path.display()), e))?;
    }
    Ok(())
}

fn git(settings: &Settings, before: i64, dry_run: bool, swept: &mut Swept) -> Result<(), GitError> {
    let repo = Repo::open(&settings.root, Arc::new(SystemClock))?;
    let Some(tip) = repo.head()?.commit else { return Ok(()) };
    for (name, id) in repo.merged_rescues(tip, before)? {
        if !dry_run {
            repo.drop_rescue(&name, id)?;
        }
        swept.rescue_refs.push(name);
    }
    swept.worktrees = repo.old_worktrees(tip, before)?;
    for old in swept.worktrees.iter().filter(|old| old.kept.is_none() && !dry_run) {
        repo.drop_worktree(old)?;
    }
    Ok(())
}

fn as_json(swept: &Swept, dry_run: bool) -> String {
    let (gone, kept): (Vec<&OldWorktree>, Vec<&OldWorktree>) =
        swept.worktrees.iter().partition(|old| old.kept.is_none());
    let paths = |list: &[&OldWorktree]| -> Vec<String> {
        list.iter().map(|old| old.path.display().to_string()).collect()
    };
    let stay: Vec<_> = kept.iter().map(|old| json!({"path": old.path, "why": old.kept})).collect();
    let value = json!({
        "version": 1,
        "dry_run": dry_run,
        "runs": swept.rows.runs,
        "attempts": swept.rows.attempts,
        "events": swept.rows.events,
        "vacuumed": swept.vacuumed.unwrap_or(false),
        "logs": swept.logs.len(),
        "log_bytes": swept.logs.iter().map(|log| log.bytes).sum::<u64>(),
        "rescue_refs": swept.rescue_refs,
        "worktrees": paths(&gone),
        "kept_worktrees": stay,
    });
    format!("{value:#}\n")
}

fn as_text(swept: &Swept, args: &GcArgs) -> String {
    let verb = if args.dry_run { "would remove" } else { "removed" };
    let bytes: u64 = swept.logs.iter().map(|log| log.bytes).sum();
    let Forgotten { runs, attempts, events } = swept.rows;
    let mut out = format!(
        "{verb}, older than {}: {runs} runs, {attempts} attempts, {events} events; {} logs ({bytes} bytes)\n",
        args.keep,
        swept.logs.len()
    );
    for name in &swept.rescue_refs {
        let _ = writeln!(out, "{verb}: {name} (merged)");
    }
    for old in &swept.worktrees {
        let _ = match &old.kept {
            None => writeln!(
                out,
                "{verb}: worktree {} and its branch {} (merged)",
                old.path.display(),
                old.branch
            ),
            Some(why) => writeln!(out, "kept: worktree {}: {why}", old.path.display()),
        };
    }
    if swept.vacuumed == Some(false) {
        out.push_str("the ledger's file keeps its size while a run is live\n");
    }
    out
}

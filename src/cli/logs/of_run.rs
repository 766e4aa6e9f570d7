//! What a run of any kind printed: its attempts' logs, as the ledger names them.

use std::fs;
use std::io::Write;
use std::path::Path;

use jiff::Timestamp;

use super::super::error::{Failure, OK, USAGE};
use super::super::record::{find, open};
use super::super::screen;
use super::forms::{Entry, Page};
use super::{LogFormat, copy, io_failure};
use crate::ledger::{AttemptRow, Found, Ledger, RunFilter};
use crate::turns::find_logs::{FoundLog, Source};
use crate::turns::settings::Settings;

/// Something ran here that may have logs.
pub(super) fn any(settings: &Settings) -> bool {
    open(settings).is_ok_and(|ledger| ledger.runs(RunFilter::default(), 1).is_ok_and(|runs| !runs.is_empty()))
}

pub(super) fn print(settings: &Settings, given: &str, format: LogFormat) -> Result<u8, Failure> {
    let ledger = open(settings)?;
    let (name, attempts) = match find(&ledger, given)? {
        Found::Run(run_id) => {
            let attempts = attempts(&ledger, &run_id)?;
            (run_id, attempts)
        }
        Found::Attempt { attempt_id, .. } => {
            let attempt = ledger.attempt(&attempt_id)?;
            (attempt_id, attempt.into_iter().collect())
        }
    };
    let made = attempts.len();
    let logged: Vec<(AttemptRow, String)> = attempts
        .into_iter()
        .filter_map(|mut attempt| {
            let log = attempt.log_path.take()?;
            settings.root.join(&log).is_file().then_some((attempt, log))
        })
        .collect();
    match format {
        LogFormat::Text if logged.is_empty() => {
            Err(Failure::new(USAGE, "no_logs", format!("show the logs of {name}"))
                .cause(match made {
                    0 => "nothing of it was begun".to_owned(),
                    1 => "its attempt printed nothing, or its log is gone".to_owned(),
                    n => format!("none of its {n} attempts printed anything, or their logs are gone"),
                })
                .hint(format!("orchestrator show {name}")))
        }
        LogFormat::Text => text(&settings.root, &logged),
        LogFormat::Json | LogFormat::Xml => {
            let entries = logged.into_iter().map(|(attempt, log)| entry(&settings.root, attempt, log));
            let entries = entries.collect::<Result<Vec<Entry>, Failure>>()?;
            let page = Page { prefix: name, source: Source::Logs, entries };
            super::super::print(&if format == LogFormat::Json { page.json() } else { page.xml() })?;
            Ok(OK)
        }
    }
}

fn attempts(ledger: &Ledger, run_id: &str) -> Result<Vec<AttemptRow>, Failure> {
    const PAGE: u32 = 1000;
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let page = ledger.attempts(run_id, after, PAGE)?;
        let Some(last) = page.last() else { return Ok(all) };
        after = last.sequence;
        all.extend(page);
    }
}

/// The files one after the other, each under its name, its step and how it ended.
fn text(root: &Path, logged: &[(AttemptRow, String)]) -> Result<u8, Failure> {
    let mut out = screen::stdout();
    for (n, (attempt, log)) in logged.iter().enumerate() {
        let gap = if n == 0 { "" } else { "\n" };
        let head = format!("{gap}==> {log} ({} {}) <==\n", attempt.step_id, attempt.state);
        let copied = out.write_all(head.as_bytes()).and_then(|()| copy(&root.join(log), &mut out));
        match copied {
            Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => return Ok(OK),
            Err(e) => return Err(io_failure(&format!("show {log}"), &e)),
            Ok(()) => {}
        }
    }
    Ok(OK)
}

fn entry(root: &Path, attempt: AttemptRow, path: String) -> Result<Entry, Failure> {
    let whole = root.join(&path);
    let bytes = fs::read(&whole).map_err(|e| io_failure(&format!("read {path}"), &e))?;
    let began = Timestamp::from_millisecond(attempt.started_at).unwrap_or(Timestamp::UNIX_EPOCH);
    let log = FoundLog {
        role: attempt.role.unwrap_or(attempt.step_id),
        iteration: u64::try_from(attempt.attempt).unwrap_or(0),
        stamp: began.strftime("%Y%m%d_%H%M%S").to_string(),
        path: whole,
    };
    Ok(Entry { log, path, text: String::from_utf8_lossy(&bytes).into_owned(), commit: None })
}

//! `logs -f`: what an agent prints, as it prints it, from turn to turn.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::error::{Failure, OK};
use super::super::screen;
use super::{io_failure, shown};
use crate::turns::find_logs::{self, FoundLog, Source};
use crate::turns::lock::LoopLock;
use crate::turns::settings::Settings;

/// A log grows by another process's writes, which tell nobody.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// The log that is being read, and how far.
struct Reading {
    path: PathBuf,
    file: File,
}

/// Follows the newest log until no loop is live. The loop may be on its way to the next turn when one ends, so only
/// its lock says that it is over.
pub(super) fn follow(settings: &Settings, folder: &Path, role: Option<&str>) -> Result<u8, Failure> {
    let failed = |e: &io::Error| io_failure("follow the logs", e);
    let mut out = screen::stdout();
    let mut reading: Option<Reading> = None;
    loop {
        let live = !LoopLock::live(&settings.root).is_empty();
        loop {
            if let Some(reading) = &mut reading {
                match more(reading, &mut out) {
                    Err(e) if e.kind() == io::ErrorKind::BrokenPipe => return Ok(OK),
                    other => other.map_err(|e| failed(&e))?,
                }
            }
            let Some(next) = next(folder, role, reading.as_ref()).map_err(|e| failed(&e))? else { break };
            let gap = if reading.is_some() { "\n" } else { "" };
            let head = format!("{gap}==> {} <==\n", shown(&settings.root, &next));
            out.write_all(head.as_bytes()).map_err(|e| failed(&e))?;
            let file = File::open(&next).map_err(|e| failed(&e))?;
            reading = Some(Reading { path: next, file });
        }
        out.flush().map_err(|e| failed(&e))?;
        if !live {
            return Ok(OK);
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// The log after the one that is read; at the beginning the newest.
fn next(folder: &Path, role: Option<&str>, reading: Option<&Reading>) -> io::Result<Option<PathBuf>> {
    let mut all = find_logs::find(folder, Source::Logs)?;
    all.retain(|log| role.is_none_or(|role| role == log.role));
    // By the time in the name, then by iteration; two of one second in their order in the workflow are told apart by
    // when they were begun, which the file system knows.
    let key = |log: &FoundLog| {
        let made = log.path.metadata().and_then(|m| m.created().or_else(|_| m.modified())).ok();
        (log.stamp.clone(), log.iteration, made, log.path.clone())
    };
    all.sort_by_cached_key(key);
    let at = reading.and_then(|reading| all.iter().position(|log| log.path == reading.path));
    Ok(match (reading, at) {
        (Some(_), Some(at)) => all.into_iter().nth(at + 1).map(|log| log.path),
        // It was removed meanwhile, or there was none.
        (Some(_), None) | (None, _) => all.pop().map(|log| log.path),
    })
}

/// What was written since. It was masked when it was written.
fn more(reading: &mut Reading, out: &mut impl Write) -> io::Result<()> {
    let length = reading.file.metadata()?.len();
    // A log that is capped begins anew in the middle; what was read is read.
    if length < reading.file.stream_position()? {
        reading.file.seek(SeekFrom::Start(length))?;
    }
    let mut piece = vec![0; 64 * 1024];
    loop {
        match reading.file.read(&mut piece)? {
            0 => return Ok(()),
            n => out.write_all(&piece[..n])?,
        }
    }
}

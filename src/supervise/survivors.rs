//! Ends what a killed program left behind, before anything new starts (supervision.md P10).

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;

use super::kin::{self, ATTEMPT_VAR, KEEP_VAR, OWNER_VAR, PROJECT_VAR};
use super::procfs::{self, Stat};
use super::table;
use super::tree::Handle;
use crate::clock::Clock;

/// How long a survivor may take after SIGTERM, and how long after SIGKILL.
const GRACE: Duration = Duration::from_secs(2);

/// A process that was ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Killed {
    pub pid: i32,
    pub argv: Vec<String>,
    /// The attempt it belonged to.
    pub attempt: String,
    /// It did not obey: it may still be there.
    pub alive: bool,
}

/// Finds processes that bear the mark of this project and whose program is dead, and ends them with everybody in
/// their sessions. One walk through the process table when there is nothing. Processes that wiped their
/// environment are not recognised by themselves; without a process table (macOS) nobody is.
pub fn sweep_survivors(project_root: &Path, clock: &dyn Clock) -> Vec<Killed> {
    let mut found = marked(project_root);
    if found.is_empty() {
        return Vec::new();
    }
    let sessions: BTreeSet<i32> = found.iter().map(|(stat, _)| stat.session).collect();
    let family = family_of_this_program();
    for pid in table::pids() {
        let known = found.iter().any(|(stat, _)| stat.pid == pid) || family.contains(&pid);
        if let Some(stat) = table::stat(pid).filter(|s| !known && sessions.contains(&s.session)) {
            found.push((stat, String::new()));
        }
    }
    end_all(&found, clock)
}

/// Ends what lives of the session whose leader was this process; nothing if another process bears its number by now.
/// It finds what bears no mark: a leader that wiped its environment, and what it started.
pub fn end_session(leader: u32, start: u64, clock: &dyn Clock) -> Vec<Killed> {
    let Ok(leader) = i32::try_from(leader) else { return Vec::new() };
    if leader == 0 || table::stat(leader).is_some_and(|stat| stat.start != start) {
        return Vec::new();
    }
    let family = family_of_this_program();
    // No process gets the number of a session that still has members.
    let member = |stat: &Stat| stat.session == leader && stat.start >= start && stat.state != b'Z';
    let found: Vec<(Stat, String)> = table::pids()
        .into_iter()
        .filter(|pid| !family.contains(pid))
        .filter_map(table::stat)
        .filter(member)
        .map(|stat| (stat, String::new()))
        .collect();
    end_all(&found, clock)
}

/// When a process was started, in clock ticks since boot: with its number that names it. None where there is no
/// process table.
pub fn start_of(pid: u32) -> Option<u64> {
    Some(table::stat(i32::try_from(pid).ok()?)?.start)
}

fn end_all(found: &[(Stat, String)], clock: &dyn Clock) -> Vec<Killed> {
    let mut killed: Vec<Killed> = found
        .iter()
        .map(|(stat, attempt)| Killed {
            pid: stat.pid,
            argv: table::words_of(stat.pid),
            attempt: attempt.clone(),
            alive: false,
        })
        .collect();
    let mut handles: Vec<Option<Handle>> =
        found.iter().map(|(stat, _)| Handle::open(stat.pid, stat.start)).collect();
    for signal in [Signal::TERM, Signal::KILL] {
        for handle in handles.iter().flatten() {
            handle.signal(signal);
            if signal == Signal::TERM {
                handle.signal(Signal::CONT);
            }
        }
        await_ends(&mut handles, clock);
    }
    for (record, handle) in killed.iter_mut().zip(&handles) {
        record.alive = handle.is_some();
    }
    killed
}

fn marked(project_root: &Path) -> Vec<(Stat, String)> {
    let root = kin::project_mark(project_root);
    let family = family_of_this_program();
    let mut found = Vec::new();
    for pid in table::pids() {
        let Some(environ) = table::environ(pid) else { continue };
        let ours = procfs::variable(&environ, PROJECT_VAR) == Some(root.as_os_str().as_bytes());
        let kept = procfs::variable(&environ, KEEP_VAR).is_some();
        if !ours || kept || family.contains(&pid) || owner_lives(&environ) {
            continue;
        }
        let attempt = procfs::variable(&environ, ATTEMPT_VAR).unwrap_or_default();
        if let Some(stat) = table::stat(pid).filter(|stat| stat.state != b'Z') {
            found.push((stat, String::from_utf8_lossy(attempt).into_owned()));
        }
    }
    found
}

/// Whether the program that started the bearer of this environment still runs.
fn owner_lives(environ: &[u8]) -> bool {
    let owner = procfs::variable(environ, OWNER_VAR).and_then(|text| std::str::from_utf8(text).ok());
    owner
        .and_then(|text| text.split_once(':'))
        .and_then(|(pid, start)| Some((pid.parse::<i32>().ok()?, start.parse::<u64>().ok()?)))
        .is_some_and(|(pid, start)| {
            table::stat(pid).is_some_and(|stat| stat.start == start && stat.state != b'Z')
        })
}

/// This program and its ancestors: it may itself have been started by a survivor's agent.
fn family_of_this_program() -> BTreeSet<i32> {
    let mut family = BTreeSet::new();
    let mut pid = table::own_pid();
    while pid > 0 && family.insert(pid) {
        pid = table::stat(pid).map_or(0, |stat| stat.ppid);
    }
    family
}

/// Waits until all have ended or the grace is over; what has ended is taken out.
fn await_ends(handles: &mut [Option<Handle>], clock: &dyn Clock) {
    let until = clock.awake() + GRACE;
    loop {
        let mut polled: Vec<PollFd<'_>> =
            handles.iter().flatten().map(|handle| PollFd::new(handle, PollFlags::IN)).collect();
        let left = until.saturating_sub(clock.awake());
        if polled.is_empty() || left.is_zero() {
            return;
        }
        let timeout = Timespec::try_from(left).ok();
        let ready = match poll(&mut polled, timeout.as_ref()) {
            Ok(0) => return,
            Ok(_) => polled.iter().map(|p| !p.revents().is_empty()).collect::<Vec<bool>>(),
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => return,
        };
        let mut ready = ready.into_iter();
        for handle in handles.iter_mut().filter(|handle| handle.is_some()) {
            if ready.next() == Some(true) {
                *handle = None;
            }
        }
    }
}

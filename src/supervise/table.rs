//! The process table, as the files below `/proc` show it.
//!
//! Nothing here fails: where there is no such folder (macOS), there are no processes to be seen, and what needs
//! them does without: only a process group can be ended, and CPU time is not known.

use std::fs;
use std::sync::OnceLock;

use super::procfs::{self, Stat};

pub(super) fn own_pid() -> i32 {
    rustix::process::getpid().as_raw_nonzero().get()
}

/// Pid and start time of this program, by which a later one recognises whether it still lives.
pub(super) fn own_identity() -> &'static str {
    static IDENTITY: OnceLock<String> = OnceLock::new();
    IDENTITY.get_or_init(|| format!("{}:{}", own_pid(), own_stat().map_or(0, |stat| stat.start)))
}

/// What the table shows of this program. In a container its session or group may be one that lies outside, which is
/// shown as 0; calls that return such a number as a pid cannot say that.
pub(super) fn own_stat() -> Option<Stat> {
    stat(own_pid())
}

pub(super) fn stat(pid: i32) -> Option<Stat> {
    procfs::parse_stat(&fs::read(format!("/proc/{pid}/stat")).ok()?)
}

/// The environment a process was started with.
pub(super) fn environ(pid: i32) -> Option<Vec<u8>> {
    fs::read(format!("/proc/{pid}/environ")).ok()
}

pub(super) fn words_of(pid: i32) -> Vec<String> {
    procfs::words(&fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default())
}

pub(super) fn pids() -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Children of all threads of a process. A kernel without the `children` file costs a walk of the table.
pub(super) fn children(pid: i32) -> Vec<i32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let mut found = Vec::new();
    for task in tasks.flatten() {
        match fs::read(task.path().join("children")) {
            Ok(text) => found.extend(procfs::parse_pids(&text)),
            Err(_) if task.path().exists() => {
                return pids()
                    .into_iter()
                    .filter(|other| stat(*other).is_some_and(|s| s.ppid == pid))
                    .collect();
            }
            Err(_) => {}
        }
    }
    found
}

/// Whether a process has one of these open; never said of a copy of this program before its exec, which has copies
/// of everything until then. That is looked at first: what has called exec by then shows what it holds since.
pub(super) fn holds(pid: i32, links: &[String]) -> bool {
    let exe = |pid: &str| fs::read_link(format!("/proc/{pid}/exe")).ok();
    if stat(pid).is_none_or(|stat| stat.ppid == own_pid() && exe(&pid.to_string()) == exe("self")) {
        return false;
    }
    let Ok(fds) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    fds.flatten()
        .filter_map(|fd| fs::read_link(fd.path()).ok())
        .any(|target| links.iter().any(|link| target.as_os_str() == link.as_str()))
}

/// Signals that this program ignores; where that cannot be told, none.
pub(super) fn ignored_signals() -> Vec<i32> {
    fs::read_to_string("/proc/self/status").map(|text| procfs::ignored(&text)).unwrap_or_default()
}

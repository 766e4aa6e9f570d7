//! Which process a row belongs to, and whether it is still alive.

use std::fs;

use serde::{Deserialize, Serialize};

/// A process, named for good: a pid alone is given to others later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    pub host: String,
    pub boot: String,
    pub pid: i32,
    /// Start time after boot, in clock ticks; 0 where the system does not say.
    pub start: u64,
}

impl Owner {
    /// This process.
    pub fn this() -> Self {
        let pid = rustix::process::getpid().as_raw_nonzero().get();
        Self { host: host(), boot: boot(), pid, start: start_of(pid).unwrap_or(0) }
    }

    pub(super) fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// Whether the process has certainly ended. Another machine's cannot be known from here.
    pub fn is_dead(&self, here: &Self) -> bool {
        if self.host != here.host {
            return false;
        }
        if self.boot != here.boot {
            return true;
        }
        match (start_of(self.pid), self.start) {
            (Some(start), own) if own != 0 => start != own,
            (Some(_), _) => false,
            (None, 0) => !signalable(self.pid),
            (None, _) => true,
        }
    }
}

fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// Start time of a living process. A zombie has ended: it only waits to be counted.
fn start_of(pid: i32) -> Option<u64> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    // The command name in brackets may hold blanks and brackets.
    let after = memchr::memrchr(b')', &stat)? + 1;
    let mut fields = stat[after..].split(|b| *b == b' ').filter(|f| !f.is_empty());
    let state = *fields.next()?.first()?;
    if state == b'Z' || state == b'X' {
        return None;
    }
    std::str::from_utf8(fields.nth(18)?).ok()?.trim().parse().ok()
}

/// Without `/proc` a signal that is not sent tells whether there is such a process.
fn signalable(pid: i32) -> bool {
    rustix::process::Pid::from_raw(pid)
        .is_some_and(|pid| !matches!(rustix::process::test_kill_process(pid), Err(rustix::io::Errno::SRCH)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// L5: host, boot id, pid and start time, each of them.
    #[test]
    fn dead_is_who_is_certainly_gone() {
        let here = Owner::this();
        assert!(!here.is_dead(&here));
        assert!(Owner { boot: "before".into(), ..here.clone() }.is_dead(&here));
        assert!(!Owner { host: "elsewhere".into(), boot: "x".into(), ..here.clone() }.is_dead(&here));
        if here.start != 0 {
            assert!(
                Owner { start: here.start + 1, ..here.clone() }.is_dead(&here),
                "the pid was given again"
            );
        }
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let owner = Owner { pid, start: start_of(pid).unwrap_or(1), ..here.clone() };
        child.wait().unwrap();
        assert!(owner.is_dead(&here));
    }
}

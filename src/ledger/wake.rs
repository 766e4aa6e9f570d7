//! Being told that the ledger may have grown, by whatever process.

use std::path::Path;
use std::time::Duration;

/// Watches the folder of the ledger. A wake-up too many costs a query; one too few is made good by the time limit.
#[derive(Debug)]
pub struct Wake {
    #[cfg(target_os = "linux")]
    notify: Option<std::os::fd::OwnedFd>,
}

#[cfg(target_os = "linux")]
impl Wake {
    pub fn new(folder: &Path) -> Self {
        use rustix::fs::inotify;
        let flags = inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK;
        let changes = inotify::WatchFlags::MODIFY | inotify::WatchFlags::CREATE;
        let notify =
            inotify::init(flags).and_then(|fd| inotify::add_watch(&fd, folder, changes).map(|_| fd)).ok();
        Self { notify }
    }

    /// Returns when something was written, or after `limit`.
    pub fn wait(&mut self, limit: Duration) {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let Some(notify) = &self.notify else {
            // No watches are left on this machine: looking again is all that can be done.
            std::thread::sleep(limit.min(Duration::from_millis(200)));
            return;
        };
        let time = Timespec {
            tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(limit.subsec_nanos()),
        };
        let mut watched = [PollFd::new(notify, PollFlags::IN)];
        let _ = poll(&mut watched, Some(&time));
        let mut buffer = [0u8; 4096];
        while rustix::io::read(notify, &mut buffer).is_ok_and(|n| n > 0) {}
    }
}

#[cfg(not(target_os = "linux"))]
impl Wake {
    pub fn new(_folder: &Path) -> Self {
        Self {}
    }

    pub fn wait(&mut self, limit: Duration) {
        std::thread::sleep(limit.min(Duration::from_millis(200)));
    }
}

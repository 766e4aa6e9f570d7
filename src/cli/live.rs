//! Live runs and attempts in words, as `status` and `interrupt` name them.

use std::time::Duration;

use crate::clock::duration;
use crate::control::{AttemptStatus, LiveRun};

pub(super) fn run_words(run: &LiveRun) -> String {
    match &run.status {
        Some(s) => format!("run {} ({}, pid {}, since {})", run.id, s.run.kind, s.run.pid, s.run.started_at),
        None => format!("run {} (does not answer)", run.id),
    }
}

pub(super) fn attempt_words(a: &AttemptStatus) -> String {
    if a.pid.is_none() {
        let ending = if a.interrupted { ", interrupted" } else { "" };
        return format!("attempt {} ({} {}, not started{ending})", a.id, a.role, a.agent);
    }
    let pid = a.pid.map_or_else(String::new, |pid| format!(", pid {pid}"));
    let time = |ms| duration(Duration::from_millis(ms));
    let idle = if a.idle { " (idle)" } else { "" };
    let ending = if a.interrupted { ", being interrupted" } else { "" };
    format!(
        "attempt {} ({} {}{pid}, running {}, silent {}{idle}{ending})",
        a.id,
        a.role,
        a.agent,
        time(a.running_ms),
        time(a.silent_ms)
    )
}

//! Commands that we run ourselves after an agent (turns.md T40).

use std::ffi::OsString;
use std::fs::File;

use super::Engine;
use crate::event::Event as Fact;
use crate::ids::RoleId;
use crate::supervise::{self, Activity, Limits, RawLog, Request};

/// Results of a list of checks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct CheckRun {
    pub total: usize,
    /// `command: exit status 1: last line`.
    pub failed: Vec<String>,
}

impl CheckRun {
    /// `passed 2/3`, or nothing if there were none.
    pub(super) fn words(&self) -> Option<String> {
        (self.total > 0).then(|| format!("passed {}/{}", self.total - self.failed.len(), self.total))
    }

    /// Passed and run.
    pub(super) fn counts(&self) -> Option<(u32, u32)> {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        (self.total > 0).then(|| (count(self.total - self.failed.len()), count(self.total)))
    }
}

impl Engine<'_> {
    /// Runs each argv in the project root; output goes to the turn's log.
    pub(super) async fn run_checks(
        &mut self,
        role: &RoleId,
        checks: &[Vec<String>],
        log: Option<&File>,
    ) -> CheckRun {
        let mut result = CheckRun { total: checks.len(), failed: Vec::new() };
        for argv in checks {
            let command = self.settings.redactor.text(&argv.join(" ")).into_owned();
            let words: Vec<OsString> = argv.iter().map(OsString::from).collect();
            let attempt = format!("{}-check-{}", self.run_id, self.world.ids.uuid());
            let mut request = Request::new(words, self.settings.root.clone(), attempt);
            let supervision = &self.settings.config.supervision;
            request.limits = Limits {
                grace: supervision.grace_secs.0,
                timeout: supervision.timeout_secs.0,
                log_max_bytes: supervision.log_max_bytes,
                ..Limits::default()
            };
            request.redactor = std::sync::Arc::clone(&self.settings.redactor);
            request.raw_log = log
                .and_then(|f| f.try_clone().ok())
                .map(|file| RawLog::file(file, supervision.log_max_bytes));
            let seen = self.show(&request.attempt, role.as_str(), "-", &command);
            let mut quiet = |activity: &Activity| crate::agents::note(&seen, activity);
            let outcome = supervise::run(request, self.world.stop, &*self.world.clock, &mut quiet).await;
            drop(seen);
            let role = role.to_string();
            if outcome.succeeded() {
                self.say(Fact::CheckPassed { role, command });
            } else {
                let status = super::finish::status_words(&outcome);
                let last = outcome.last_lines.last().map_or_else(String::new, |l| format!(": {l}"));
                result.failed.push(format!("{command}: {status}{last}"));
                self.say(Fact::CheckFailed { role, command, status });
            }
        }
        result
    }
}

//! Commands that we run ourselves after a DONE (oneshot.md O7).

use std::ffi::OsString;
use std::fmt::Write as _;
use std::sync::Arc;

use super::play::append_private;
use super::{Engine, shown};
use crate::oneshot::error::OneshotError;
use crate::oneshot::fact::Fact;
use crate::supervise::{self, Activity, Kind, Limits, RawLog, Request};

/// Bytes of a failing check's output that go into the feedback, from the end.
const OUTPUT_BYTES: usize = 8 * 1024;

impl Engine<'_> {
    /// Runs every check; the failures as feedback, empty if there were none. `None`: stopped.
    pub(super) async fn evidence(&mut self) -> Result<Option<String>, OneshotError> {
        let log = append_private(&self.folder.raw_log("check", self.session.iteration))?;
        let mut failures = String::new();
        let words = shown(&self.session.checks);
        for (argv, command) in self.session.checks.clone().iter().zip(&words) {
            let argv: Vec<OsString> = argv.iter().map(OsString::from).collect();
            let mut request = Request::new(argv, self.settings.root.clone(), self.world.ids.uuid());
            let supervision = &self.settings.config.supervision;
            request.limits = Limits {
                grace: supervision.grace_secs.0,
                timeout: supervision.timeout_secs.0,
                log_max_bytes: supervision.log_max_bytes,
                ..Limits::default()
            };
            request.redactor = Arc::clone(&self.settings.redactor);
            let file = log.try_clone().map_err(|source| OneshotError::Io {
                path: self.folder.raw_log("check", self.session.iteration),
                source,
            })?;
            request.raw_log = Some(RawLog::file(file, supervision.log_max_bytes));
            let mut output = Vec::new();
            let mut listen = |activity: &Activity| {
                if let Kind::Output { bytes } = &activity.kind {
                    output.extend_from_slice(bytes);
                    let over = output.len().saturating_sub(2 * OUTPUT_BYTES);
                    if over > 0 {
                        output.drain(..output.len() - OUTPUT_BYTES);
                    }
                }
            };
            let outcome = supervise::run(request, self.world.stop, &*self.world.clock, &mut listen).await;
            if self.world.stop.requested().is_some() {
                return Ok(None);
            }
            let failed = (!outcome.succeeded())
                .then(|| outcome.error.clone().unwrap_or_else(|| outcome.error_kind.name().to_owned()));
            self.world.observer.hear(&Fact::Check { command, failed: failed.as_deref() });
            if let Some(status) = failed {
                output.drain(..output.len().saturating_sub(OUTPUT_BYTES));
                let text = String::from_utf8_lossy(&output);
                // Writing to a String cannot fail.
                let _ = write!(
                    failures,
                    "\n`{command}` {status}. The end of its output:\n\n{}\n",
                    indented(&text)
                );
            }
        }
        if failures.is_empty() {
            return Ok(Some(failures));
        }
        Ok(Some(format!("The auditor found the task done, but these checks fail:\n{failures}")))
    }
}

/// As a block of its own, whatever fences it holds.
fn indented(text: &str) -> String {
    let text = text.trim_end();
    if text.is_empty() {
        return "    (nothing)".to_owned();
    }
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

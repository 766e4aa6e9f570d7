//! One agent process of a session.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::Engine;
use crate::agents::{Job, run_agent};
use crate::oneshot::error::OneshotError;
use crate::oneshot::fact::{Fact, Role};
use crate::oneshot::result::Heard;
use crate::supervise::{Activity, ActivityTag, ErrorKind, Outcome};
use crate::sync::worktree::PRIVATE_DIR;

/// What one process is given.
pub(super) struct Part<'p> {
    pub role: Role,
    pub attempt: String,
    pub prompt: &'p str,
    /// What the embedded agent may run: never what another agent said.
    pub blocks: &'p str,
    pub prompt_file: &'p Path,
}

impl Engine<'_> {
    /// Runs an agent to its end and listens to it.
    pub(super) async fn play(&mut self, part: Part<'_>) -> Result<(Outcome, Heard), OneshotError> {
        let Part { role, attempt, prompt, blocks, prompt_file } = part;
        let iteration = self.session.iteration;
        let log_path = self.folder.raw_log(role.name(), iteration);
        let log = append_private(&log_path)?;
        let ready = match role {
            Role::Worker => &self.worker,
            Role::Auditor => &self.auditor,
        };
        self.world.observer.hear(&Fact::AttemptStarted {
            session: &self.session,
            attempt: &attempt,
            role,
            agent: &ready.agent.name,
            log: &log_path,
        });
        let private = self.settings.root.join(PRIVATE_DIR);
        let job = Job {
            ready,
            prompt: prompt.to_owned(),
            prompt_file: blocks,
            root: &self.settings.root,
            private: &private,
            env: self.environment(role, prompt_file),
            attempt: attempt.clone(),
            supervision: &self.settings.config.supervision,
            limits: self.settings.limits(),
            log: Some(&log),
            activity_log: Some(self.folder.activity_log()),
            redactor: std::sync::Arc::clone(&self.settings.redactor),
            tag: ActivityTag {
                run: self.session.id.clone(),
                role: role.name().to_owned(),
                iteration: Some(iteration),
                agent: ready.agent.name.clone(),
            },
            path: self.settings.path.clone(),
        };
        let plain = ready.agent.output == "text";
        let mut heard = Heard::default();
        let observer = &mut *self.world.observer;
        let mut listen = |activity: &Activity| {
            heard.hear(&activity.kind, activity.stream);
            observer.hear(&Fact::Activity { role, plain, activity });
        };
        let outcome = run_agent(job, self.world.stop, &*self.world.clock, &mut listen).await;
        let cost = outcome.usage.and_then(|u| u.cost_usd);
        self.session.cost_usd = self.session.cost_usd.zip(cost).map(|(sum, one)| sum + one);
        self.world.observer.hear(&Fact::AttemptEnded {
            session: &self.session,
            attempt: &attempt,
            role,
            outcome: &outcome,
        });
        Ok((outcome, heard))
    }

    /// The names that every run has, then what the caller knows better (a turn of the loop has a role, an iteration
    /// and a run of its own), then the session's own names.
    fn environment(&self, role: Role, prompt_file: &Path) -> Vec<(String, String)> {
        let (id, iteration) = (self.session.id.clone(), self.session.iteration);
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let usual = vec![
            ("RUN_ID", id.clone()),
            ("ROLE", role.name().to_owned()),
            ("ITERATION", iteration.to_string()),
        ];
        let mut own = vec![
            ("SESSION", id),
            ("SEAT", role.name().to_owned()),
            ("WORKER_RUN", iteration.to_string()),
            ("PROMPT_FILE", text(prompt_file)),
        ];
        match role {
            Role::Auditor => {
                own.push(("RESULT_FILE", text(&self.folder.result(Role::Worker.name(), iteration))));
            }
            Role::Worker if iteration > 1 => {
                own.push(("FEEDBACK_FILE", text(&self.folder.feedback(iteration))));
            }
            Role::Worker => {}
        }
        named(usual).into_iter().chain(self.settings.env.iter().cloned()).chain(named(own)).collect()
    }
}

/// Variables under their full names.
fn named(pairs: Vec<(&str, String)>) -> Vec<(String, String)> {
    pairs.into_iter().map(|(name, value)| (format!("ORCHESTRATOR_{name}"), value)).collect()
}

/// Why it did not succeed, in a few words.
pub(super) fn trouble(outcome: &Outcome) -> String {
    let what = outcome.error.clone().unwrap_or_else(|| outcome.error_kind.name().to_owned());
    match outcome.last_lines.last() {
        Some(last) if outcome.error_kind == ErrorKind::Exit => format!("{what}: {last}"),
        _ => what,
    }
}

/// A log that only its owner reads, continued if it is there.
pub(super) fn append_private(path: &Path) -> Result<File, OneshotError> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .map_err(|source| OneshotError::Io { path: path.to_owned(), source })
}

//! What an agent is told, and how it is run.

use std::cell::RefCell;
use std::path::Path;
use std::pin::pin;

use jiff::Timestamp;

use super::Engine;
use super::limits::Watch;
use crate::agents::{Job, Ready, note, run_agent, shown};
use crate::clock::file_stamp;
use crate::config::{Limits, document};
use crate::control::Board;
use crate::event::Event as Fact;
use crate::ids::RoleId;
use crate::supervise::{Activity, ActivityTag, Kind, Outcome};
use crate::sync::worktree::Repo;
use crate::turns::budget;
use crate::turns::context::{Context, Previous, focus};
use crate::turns::logs::TurnLog;
use crate::turns::settings::Settings;

/// Bytes of an agent's plain answer that are kept.
const ANSWER_BYTES: usize = 64 * 1024;

/// What of the past stands in a context block.
#[derive(Debug, Default)]
pub struct Past {
    pub previous: Option<Previous>,
    pub rescue_refs: Vec<String>,
    pub notes: Vec<String>,
    /// What a run may still use, in words.
    pub budget_left: Vec<String>,
}

/// The context block of a turn of `role` at `now` (turns.md T37).
pub fn context_for(
    settings: &Settings,
    role: &RoleId,
    iteration: u64,
    branch: Option<&str>,
    now: Timestamp,
    past: Past,
) -> Context {
    let config = &settings.config;
    let input = document(&settings.root.join(&config.input_file)).unwrap_or_default();
    let report_dir = format!("plans/active/{}/reports/{}/", focus(&input), file_stamp(now));
    Context {
        role: role.to_string(),
        first_role: settings.workflow.is_first(role),
        iteration,
        branch: branch.map(str::to_owned),
        mode: settings.options.mode.clone(),
        goal: config.goal_file.clone(),
        plan: config.plan_file.clone(),
        findings: config.findings_file.clone(),
        input: config.input_file.clone(),
        memory: config.memory_file.clone(),
        review_report: format!("{report_dir}review.md"),
        report_dir,
        archive_dir: "plans/archive/".into(),
        state_file: config.state_file.clone(),
        logs_dir: config.logs_dir.clone(),
        previous: past.previous,
        rescue_refs: past.rescue_refs,
        budget_left: past.budget_left,
        scope: settings.workflow.step(role).map(|s| s.scope.clone()).unwrap_or_default(),
        notes: past.notes,
    }
}

/// One run of one prompt.
pub(super) struct Run<'r> {
    pub role: &'r RoleId,
    pub prompt: &'r str,
    pub text: String,
    pub file_text: &'r str,
    pub turn_id: &'r str,
    pub attempt: String,
    pub report_dir: String,
    pub limits: Limits,
}

impl Engine<'_> {
    /// Runs a prompt through an agent; returns the outcome and what it printed on stdout.
    pub(super) async fn run_prompt(
        &mut self,
        ready: &Ready,
        run: Run<'_>,
        log: Option<&TurnLog>,
    ) -> (Outcome, String) {
        let settings = self.settings;
        let env = self.environment(&run);
        let private = settings.private();
        let job = Job {
            ready,
            prompt: run.text,
            prompt_file: run.file_text,
            root: &settings.root,
            private: &private,
            env,
            attempt: run.attempt,
            supervision: &settings.config.supervision,
            limits: run.limits,
            log: log.map(|l| &l.file),
            activity_log: log.map(|l| l.path.with_extension("ndjson")),
            redactor: std::sync::Arc::clone(&settings.redactor),
            tag: ActivityTag {
                run: self.run_id.clone(),
                role: run.role.to_string(),
                iteration: Some(self.state.iteration),
                agent: ready.agent.name.clone(),
            },
            path: settings.path.clone(),
        };
        let mut answer = Vec::new();
        let plain = ready.agent.output == "text";
        let role = run.role.to_string();
        let seen = self.show(&job.attempt, &role, run.prompt, &ready.agent.name);
        let spent = self.spent();
        let watch = Watch::new(self.world.stop, &*self.world.clock, &settings.config.budget, spent);
        let place = &self.place;
        let sink = RefCell::new(&mut *self.world.sink);
        let mut hear = |activity: &Activity| {
            note(&seen, activity);
            watch.hear(activity);
            if let Kind::Output { bytes } = &activity.kind
                && plain
                && answer.len() < ANSWER_BYTES
                && activity.stream == Some(crate::supervise::Stream::Stdout)
            {
                answer.extend_from_slice(&bytes[..bytes.len().min(ANSWER_BYTES - answer.len())]);
            }
            if let Some(fact) = shown(&role, activity, plain) {
                sink.borrow_mut().emit_at(place, fact);
            }
        };
        let outcome = {
            let attempt = Box::pin(run_agent(job, watch.stop(), &*self.world.clock, &mut hear));
            let mut running = pin!(watch.over(attempt));
            let ended = tokio::select! {
                biased;
                outcome = &mut running => Ok(outcome),
                text = wished(&self.board, run.turn_id) => Err(text),
            };
            match ended {
                Ok(outcome) => outcome,
                Err(text) => {
                    let text = settings.redactor.text(&text).into_owned();
                    sink.borrow_mut().emit_at(place, Fact::Notice { text });
                    running.await
                }
            }
        };
        self.cut = watch.cut(&outcome);
        (outcome, String::from_utf8_lossy(&answer).into_owned())
    }

    pub(super) fn environment(&self, run: &Run<'_>) -> Vec<(String, String)> {
        let s = self.settings;
        let absolute = |path: &str| s.root.join(path).to_string_lossy().into_owned();
        let branch = self.git.as_ref().map_or_else(String::new, |g| g.branch.clone());
        [
            ("RUN_ID", self.run_id.clone()),
            ("TURN_ID", run.turn_id.to_owned()),
            ("ROLE", run.role.to_string()),
            ("ITERATION", self.state.iteration.to_string()),
            ("PROMPT", run.prompt.to_owned()),
            ("BRANCH", branch),
            ("MODE", s.options.mode.clone()),
            ("REPORT_DIR", absolute(&run.report_dir)),
            ("STATE_FILE", absolute(&s.config.state_file)),
        ]
        .into_iter()
        .map(|(name, value)| (format!("ORCHESTRATOR_{name}"), value))
        .collect()
    }

    pub(super) fn past(&self) -> Past {
        Past {
            previous: self.memory.previous.clone().and_then(|v| serde_json::from_value(v).ok()),
            rescue_refs: self.git.as_ref().map(|g| rescues(&g.repo)).unwrap_or_default(),
            notes: self.memory.notes.clone(),
            budget_left: budget::left(&self.settings.config.budget, &self.spent()),
        }
    }

    /// A path of the project, relative where it can be.
    pub(super) fn shown_path(&self, path: &Path) -> String {
        path.strip_prefix(&self.settings.root).unwrap_or(path).to_string_lossy().into_owned()
    }
}

/// A person's wish to stop, in the words for it, as soon as there is one. What the turn's own agent wishes counts
/// only at its end.
pub(super) async fn wished(board: &Board, turn_id: &str) -> String {
    let asked = board.wait_stop().await;
    if asked.turn_id.as_deref() == Some(turn_id) {
        std::future::pending::<()>().await;
    }
    let why = asked.reason.map_or_else(String::new, |reason| format!(": {reason}"));
    format!("asked to stop{why}; the loop ends after this turn")
}

/// Saved work that HEAD does not have, by ref. For display: a repository that cannot say has none.
pub fn rescues(repo: &Repo) -> Vec<String> {
    let tip = repo.head().ok().and_then(|h| h.commit);
    let list = tip.and_then(|t| repo.unmerged_rescues(t).ok()).unwrap_or_default();
    list.into_iter().map(|(name, _)| name).collect()
}

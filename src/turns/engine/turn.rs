//! One turn: claim, route, run.

use std::collections::BTreeSet;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::attempts::Task;
use super::error::End;
use super::limits::Footprint;
use super::{Engine, Git, LoopError};
use crate::event::Event as Fact;
use crate::ids::RoleId;
use crate::state::{Event, Holder, NewTurn, Status};
use crate::sync::journal::{Journal, Mode};
use crate::sync::message::{AutoMessage, Group, Step, Trailers, auto_name};
use crate::sync::worktree::{Dirty, Oid, path_from_text, path_text};
use crate::turns::autocommit::{self, Committed, Scope, inspect, plan, scan};
use crate::turns::logs::{Head, RoleLogs, TurnLog};
use crate::turns::router;

/// A claimed turn, as its end needs to know it.
pub(super) struct Open {
    pub role: RoleId,
    pub id: String,
    /// The turn's attempt in the records.
    pub attempt: String,
    /// `attempt_started` was said.
    pub started: bool,
    pub iteration: u64,
    pub prompt: String,
    /// Name and SHA-256, for the trailer.
    pub prompt_hash: Option<(String, String)>,
    pub agent: String,
    /// HEAD after the claim.
    pub base: Option<Oid>,
    /// HEAD before the claim.
    pub head_before: Option<Oid>,
    pub dirty_before: BTreeSet<PathBuf>,
    /// The same, as each of them was.
    pub met: Footprint,
    /// The router's choice, for the stamp.
    pub routed: Option<String>,
    pub log: Option<TurnLog>,
    pub began: std::time::Duration,
    /// What was dirty at the beginning, for the stall guard.
    pub before: Option<Footprint>,
}

impl Engine<'_> {
    /// Takes one turn. `Some` ends the loop.
    pub(super) async fn turn(&mut self, role: &RoleId) -> Result<Option<End>, LoopError> {
        let began = self.world.clock.mono();
        self.cut = None;
        if let Some(git) = &self.git {
            git.repo.preflight(Some(&git.branch), &git.state_path)?;
        }
        let dirty_before = self.before_turn(role)?;
        let head_before = self.tip()?;
        let deterministic = self.deterministic(role);
        let stored = deterministic.ok().filter(|_| self.settings.router.enabled).map(|c| c.prompt.clone());
        let attempt = self.world.ids.uuid();
        self.place = self.place.attempt(&*attempt);
        let id = self.claim(role, stored, &dirty_before)?;
        let open = self.opened(role, id, attempt, (self.tip()?, head_before), dirty_before, began)?;
        self.run_claimed(open).await
    }

    fn deterministic(&self, role: &RoleId) -> Result<router::Choice, router::RouteError> {
        router::deterministic(&self.settings.workflow, &self.settings.router, role, self.state.iteration)
    }

    /// A turn that was just claimed; `base` and `head_before` are HEAD after and before that.
    pub(super) fn opened(
        &self,
        role: &RoleId,
        id: String,
        attempt: String,
        (base, head_before): (Option<Oid>, Option<Oid>),
        dirty_before: BTreeSet<PathBuf>,
        began: std::time::Duration,
    ) -> Result<Open, LoopError> {
        Ok(Open {
            role: role.clone(),
            id,
            attempt,
            started: false,
            iteration: self.state.iteration,
            prompt: "-".into(),
            prompt_hash: None,
            agent: "-".into(),
            base,
            head_before,
            met: self.look_at(&dirty_before),
            dirty_before,
            routed: None,
            log: None,
            began,
            before: self.footprint()?,
        })
    }

    /// Routes, runs and ends a claimed turn, whoever claimed it. `Some` ends the loop.
    pub(super) async fn run_claimed(&mut self, mut open: Open) -> Result<Option<End>, LoopError> {
        let (role, id) = (&open.role.clone(), open.id.clone());
        let deterministic = self.deterministic(role);
        let routed = match self.route(role, &id, deterministic).await {
            Ok(routed) => routed,
            Err(unrouted) => {
                open.prompt = unrouted.prompt;
                if let Some(outcome) = unrouted.interrupted {
                    return self.interrupted(open, &outcome).map(Some);
                }
                return self.failed_before_run(open, "not run", unrouted.causes, None).map(Some);
            }
        };
        open.prompt.clone_from(&routed.choice.prompt);
        open.routed = self.settings.router.enabled.then(|| routed.choice.prompt.clone());
        open.prompt_hash = Some((open.prompt.clone(), hex(&Sha256::digest(routed.text.as_bytes()))));
        let choice = self.settings.dispatch.choose(role.as_str(), &open.prompt).agent;
        let roster = match self.roster(&choice) {
            Ok(roster) => roster,
            Err(e) => {
                let hint = Some(e.hint());
                return self.failed_before_run(open, "agent not found", vec![e.to_string()], hint).map(Some);
            }
        };
        let now = self.world.clock.now();
        let branch = self.git.as_ref().map(|g| g.branch.clone());
        let context =
            super::context_for(self.settings, role, open.iteration, branch.as_deref(), now, self.past());
        self.memory.notes.clear();
        let text = if self.settings.config.prompt_context {
            format!("{}{}", context.render(), routed.text)
        } else {
            routed.text.clone()
        };
        let steps = self.settings.config.steps();
        let step = steps.into_iter().find(|s| s.role.as_ref() == Some(role)).unwrap_or_default();
        let task = Task {
            role,
            prompt: &routed.choice.prompt,
            text: &text,
            file_text: &routed.text,
            attempt: open.attempt.clone(),
            turn_id: &id,
            report_dir: &context.report_dir,
            limits: step.limits,
            engine: step.engine,
            routing: &routed.choice.reason,
        };
        let (outcome, answer) = self.run_by(roster, &task, Some(&mut open)).await?;
        self.clear_locks_of_agent()?;
        self.finish(open, outcome, &answer).await
    }

    /// Says once that the turn's attempt has begun, also for a turn whose agent never runs.
    pub(super) fn begin_attempt(&mut self, open: &mut Open) {
        if std::mem::replace(&mut open.started, true) {
            return;
        }
        self.say(Fact::AttemptStarted {
            iteration: open.iteration,
            role: open.role.to_string(),
            prompt: open.prompt.clone(),
            agent: open.agent.clone(),
            log: open.log.as_ref().map_or_else(String::new, |l| self.shown_path(&l.path)),
            step: format!("{}/{}", open.iteration, open.role),
            turn_id: Some(open.id.clone()),
        });
    }

    pub(super) fn open_log(
        &self,
        role: &RoleId,
        prompt: &str,
        head: &Head<'_>,
    ) -> Result<Option<TurnLog>, LoopError> {
        let folder = self.settings.root.join(&self.settings.config.logs_dir);
        let branch = self.git.as_ref().map(|g| g.branch.as_str());
        let logs = RoleLogs::new(&folder, branch, role.as_str(), self.settings.workflow.is_first(role));
        logs.open(self.state.iteration, prompt, self.world.clock.now(), head)
            .map(Some)
            .map_err(|source| LoopError::Io { path: folder, source })
    }

    pub(super) fn tip(&self) -> Result<Option<Oid>, LoopError> {
        let Some(git) = &self.git else { return Ok(None) };
        Ok(git.repo.branch_tip(&git.branch)?)
    }

    /// Steering is committed; the rest that is dirty is not this turn's. What this role's failed
    /// turn left is (T36).
    pub(super) fn before_turn(&mut self, role: &RoleId) -> Result<BTreeSet<PathBuf>, LoopError> {
        let Some(git) = &self.git else { return Ok(BTreeSet::new()) };
        let dirty = scan(&git.repo, &git.rules)?;
        let mut left: BTreeSet<PathBuf> = self.memory.left.iter().map(|t| path_from_text(t)).collect();
        if let Some(journal) = self.crashed_turn(role) {
            // What was not dirty when the dead turn began is that turn's.
            let before: BTreeSet<PathBuf> = journal.before.iter().map(|t| path_from_text(t)).collect();
            left.extend(dirty.iter().map(|d| d.path.clone()).filter(|p| !before.contains(p)));
        }
        let ours = self.memory.left_by.as_ref().is_none_or(|r| r == role);
        let mut exempt = left.clone();
        exempt.extend(self.memory.named.iter().map(|t| path_from_text(t)));
        if self.hand.is_some() {
            // What nobody else has must not become part of a turn that is published.
            let planned = plan(&dirty, &exempt, Scope::Steering, &git.rules);
            if let autocommit::Verdict::Stop(left) = autocommit::before_claim(&planned, Mode::Role) {
                return Err(LoopError::Dirty(left.iter().map(|l| path_text(&l.path)).collect()));
            }
        }
        let steered = if self.settings.options.commit_dry_run {
            Vec::new()
        } else {
            self.steer(git, &dirty, &exempt, role)?
        };
        let committed: BTreeSet<PathBuf> = steered.iter().flat_map(|c| c.paths.iter().cloned()).collect();
        let rest: BTreeSet<PathBuf> = dirty
            .into_iter()
            .map(|d| d.path)
            .filter(|p| !(committed.contains(p) || ours && left.contains(p)))
            .collect();
        let unknown: Vec<String> =
            rest.iter().filter(|p| !exempt.contains(*p)).map(|p| path_text(p)).collect();
        for made in steered {
            let commit = made.id.map(|id| git.repo.short_id(id)).transpose()?;
            let paths = made.paths.iter().map(|p| path_text(p)).collect();
            let fact =
                Fact::Autocommit { role: role.to_string(), group: made.group.words().into(), commit, paths };
            self.world.sink.emit_at(&self.place, fact);
        }
        if !unknown.is_empty() {
            let text = format!("dirty before the turn and left alone: {}", shorten(&unknown));
            self.say(Fact::Warning { text });
            self.memory.named.extend(unknown);
        }
        Ok(rest)
    }

    /// Commits documents that a person changed between turns (T23a).
    fn steer(
        &self,
        git: &Git,
        dirty: &[Dirty],
        exempt: &BTreeSet<PathBuf>,
        role: &RoleId,
    ) -> Result<Vec<Committed>, LoopError> {
        let planned = plan(dirty, exempt, Scope::Steering, &git.rules);
        let found = inspect(&git.repo, &planned);
        let message = |group: Group, files: &[String]| {
            let who = auto_name(role);
            let message =
                AutoMessage { group, who, prompt: None, iteration: self.state.iteration, tests: None };
            self.settings.redactor.text(&message.render(files, None)).into_owned()
        };
        Ok(autocommit::run(&git.repo, &planned.without(found), message, false)?)
    }

    /// The journal of a turn of this role that was running when its program died.
    fn crashed_turn(&self, role: &RoleId) -> Option<&Journal> {
        let running = self.state.status == Status::Running(role.clone());
        let journal = self.journal.as_ref().filter(|j| running && j.outcome.is_none())?;
        (self.state.turn.as_ref().map(|t| t.id.as_str()) == Some(journal.turn_id.as_str())).then_some(journal)
    }

    pub(super) fn claim(
        &mut self,
        role: &RoleId,
        prompt: Option<String>,
        dirty_before: &BTreeSet<PathBuf>,
    ) -> Result<String, LoopError> {
        let id = self.world.ids.uuid();
        let on_line = match (&self.git, self.tip()?) {
            (Some(git), Some(tip)) if git.commits_state => {
                git.repo.max_epoch(tip, self.seen.epoch_at, &git.state_path)?.unwrap_or(0)
            }
            _ => 0,
        };
        let epoch = 1 + self.state.epoch().max(on_line).max(self.seen.epoch);
        let turn = NewTurn {
            id: id.clone(),
            epoch,
            holder: self.holder(),
            lease_secs: self.settings.config.sync.lease_secs.0.as_secs(),
            lease_ref: None,
        };
        let reclaimed = self.state.status == Status::Running(role.clone());
        let event = if reclaimed {
            Event::Reclaim { role: role.clone(), turn, prompt }
        } else {
            Event::Claim { role: role.clone(), turn, prompt }
        };
        let mut journal = Journal::new(id.clone(), epoch, role.clone(), self.state.iteration, Mode::Combined);
        journal.branch = self.git.as_ref().map(|g| g.branch.clone());
        journal.before = dirty_before.iter().map(|p| path_text(p)).collect();
        self.journal = Some(journal);
        let trailers = Trailers {
            turn_id: Some(id.clone()),
            epoch: Some(epoch),
            role: Some(role.to_string()),
            ..Trailers::default()
        };
        self.apply(event, Step::Running, role.clone(), trailers)?;
        self.leave();
        self.say(Fact::StateClaimed {
            iteration: self.state.iteration,
            role: role.to_string(),
            turn_id: id.clone(),
            epoch,
            reclaimed,
        });
        Ok(id)
    }

    pub(super) fn holder(&self) -> Holder {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        Holder {
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            boot: boot.trim().to_owned(),
            pid: std::process::id(),
            started: crate::clock::iso_seconds(self.world.clock.now()),
            nonce: self.run_id.clone(),
        }
    }
}

/// The first few names, and how many more there are.
pub(super) fn shorten(paths: &[String]) -> String {
    let head = paths.iter().take(8).cloned().collect::<Vec<_>>().join(", ");
    if paths.len() > 8 { format!("{head} and {} more", paths.len() - 8) } else { head }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}

//! The end of a turn: judge the outcome, commit, stamp, tell.

use super::checks::CheckRun;
use super::error::{End, TurnFailure};
use super::stopping::Wish;
use super::turn::{Open, shorten};
use super::{Engine, LoopError};
use crate::event::Event as Fact;
use crate::state::{Event, State, file};
use crate::supervise::{Exit, Lifecycle, Outcome, StopReason};
use crate::sync::message::{Subject, Trailers};
use crate::sync::worktree::{AgentWork, DiffStat};
use crate::turns::autocommit::{self, look};
use crate::turns::context::Previous;
use crate::turns::stop_request::StopRequest;
use crate::turns::summary::Summary;
use crate::turns::words::{TurnLine, duration};
use crate::turns::workflow::OnCheckFail;

/// How a turn ended, for the stamp.
enum Verdict {
    Ok,
    Failed { status: String, causes: Vec<String>, hint: Option<String> },
    Interrupted(StopReason),
}

impl Engine<'_> {
    pub(super) async fn finish(
        &mut self,
        mut open: Open,
        outcome: Outcome,
        answer: &str,
    ) -> Result<Option<End>, LoopError> {
        let mut verdict = self.judge_outcome(&outcome);
        let tampered = self.judge_work(&open, &mut verdict)?;
        let mut checks = CheckRun::default();
        if matches!(verdict, Verdict::Ok) {
            let step = self.settings.workflow.step(&open.role).cloned();
            if let Some(step) = step {
                checks = self.run_checks(&open.role, &step.checks, open.log.as_ref().map(|l| &l.file)).await;
                if let (OnCheckFail::Fail, Some(first)) = (step.on_check_fail, checks.failed.first()) {
                    verdict = failed("a check failed", vec![first.clone()]);
                }
            }
            if let Some(reason) = self.world.stop.requested() {
                verdict = Verdict::Interrupted(reason);
            }
        }
        if matches!(verdict, Verdict::Ok) {
            self.auto_commit(&open, &checks, &mut verdict)?;
        }
        let mut granted = None;
        if let Some(wish) = self.wish_of_turn(&open.id, tampered.as_ref()) {
            if self.wish_counts(&open.role, &wish).await {
                granted = Some(wish);
            }
            StopRequest::clear(&self.settings.root);
        }
        if let Some(log) = &mut open.log {
            let closed = log.close(&status_words(&outcome), outcome.duration);
            if let Err(e) = closed {
                self.say(Fact::Warning { text: format!("the log is incomplete: {e}") });
            }
        }
        self.stamp(&open, Some(&outcome), &verdict, &checks, granted)?;
        self.tell(&open, Some(&outcome), answer, &verdict, &checks)?;
        Ok(self.end_of(&open, verdict))
    }

    /// A turn that failed before its agent ran.
    pub(super) fn failed_before_run(
        &mut self,
        open: &Open,
        status: &str,
        causes: Vec<String>,
        hint: Option<String>,
    ) -> Result<End, LoopError> {
        let verdict = Verdict::Failed { status: status.into(), causes, hint };
        self.stamp(open, None, &verdict, &CheckRun::default(), None)?;
        self.tell(open, None, "", &verdict, &CheckRun::default())?;
        Ok(self.end_of(open, verdict).unwrap_or(End::Done))
    }

    /// A turn that was interrupted while its prompt was routed.
    pub(super) fn interrupted(&mut self, open: &Open, outcome: &Outcome) -> Result<End, LoopError> {
        let reason = self.world.stop.requested().unwrap_or_else(|| StopReason::because("interrupted"));
        let verdict = Verdict::Interrupted(reason);
        self.stamp(open, Some(outcome), &verdict, &CheckRun::default(), None)?;
        self.tell(open, Some(outcome), "", &verdict, &CheckRun::default())?;
        Ok(self.end_of(open, verdict).unwrap_or(End::Done))
    }

    fn judge_outcome(&self, outcome: &Outcome) -> Verdict {
        if let Some(reason) = self.world.stop.requested() {
            // A signal is decided before everything else: a killed agent is never a finished one.
            return Verdict::Interrupted(reason);
        }
        if outcome.succeeded() {
            return Verdict::Ok;
        }
        if let Lifecycle::Interrupted { why } = &outcome.state {
            return failed("interrupted", vec![why.clone()]);
        }
        let mut causes: Vec<String> = outcome.error.iter().cloned().collect();
        causes.extend(outcome.last_lines.iter().cloned());
        failed(&status_words(outcome), causes)
    }

    /// What the agent did to history and state file (G11): bad history fails the turn and is
    /// rescued; changes of the state file are taken out, and returned for their `exit`.
    fn judge_work(&mut self, open: &Open, verdict: &mut Verdict) -> Result<Option<State>, LoopError> {
        let roles = self.settings.roles();
        let now = self.world.clock.now();
        let path = self.settings.state_path();
        let on_disk = file::read(&path, &roles, now).ok();
        let mut tampered = on_disk.filter(State::exits);
        let (Some(git), Some(base)) = (&self.git, open.base) else { return Ok(tampered) };
        match git.repo.judge(&git.branch, base, &git.state_path)? {
            AgentWork::Good { head, change } => {
                if change.touched {
                    let clean = git.repo.without_state_changes(base, head, &git.state_path)?;
                    git.repo.advance(
                        &git.branch,
                        Some(head),
                        clean,
                        "the agent's commits without the state file",
                    )?;
                    let committed =
                        change.last_state.and_then(|bytes| file::parse(&path, &bytes, &roles, now).ok());
                    tampered = tampered.or(committed.filter(State::exits));
                }
            }
            AgentWork::Bad { head, why } => {
                let reference = git.repo.rescue(&open.id, head)?;
                let in_operation = git.repo.operation().is_some();
                let descends = git.repo.tip(&git.branch).filter(|t| *t == base);
                let mut causes = vec![why.clone(), format!("its commits are kept as {reference}")];
                if !in_operation && let Err(e) = git.repo.return_to(&git.branch, descends.unwrap_or(base)) {
                    causes.push(format!("HEAD was left where it is: {e}"));
                }
                if in_operation && git.repo.tip(&git.branch) != Some(base) {
                    // The branch itself must lead on from the claim; the work is on the rescue ref.
                    git.repo.advance(&git.branch, git.repo.tip(&git.branch), base, "back to the claim")?;
                }
                self.say(Fact::Rescue { reference, why });
                if !matches!(verdict, Verdict::Interrupted(_)) {
                    *verdict = failed("the agent's commits cannot be handed on", causes);
                }
            }
        }
        Ok(tampered)
    }

    fn auto_commit(
        &mut self,
        open: &Open,
        checks: &CheckRun,
        verdict: &mut Verdict,
    ) -> Result<(), LoopError> {
        let Some(git) = &self.git else { return Ok(()) };
        let tests = checks.words().unwrap_or_else(|| "not run".into());
        let turn = autocommit::Turn {
            role: &open.role,
            prompt: &open.prompt,
            iteration: open.iteration,
            first_role: self.settings.workflow.is_first(&open.role),
            tests: &tests,
        };
        let dry_run = self.settings.options.commit_dry_run;
        let done = autocommit::run(
            &git.repo,
            &git.rules,
            &open.dirty_before,
            &turn,
            self.world.clock.now(),
            dry_run,
        )?;
        for (group, paths, commit) in done.made {
            let group =
                if dry_run { format!("{} (dry run)", group.words()) } else { group.words().to_owned() };
            self.say(Fact::Autocommit { role: open.role.to_string(), group, commit, paths });
        }
        let plan = done.plan;
        if !plan.too_large.is_empty() {
            let cause = format!("too large to commit: {}", shorten(&plan.too_large));
            *verdict = failed("work over the size cap", vec![cause]);
        }
        let named = [
            ("not committed, looks like a secret", &plan.secrets),
            ("left alone (submodule or filter)", &plan.alone),
            ("left uncommitted", &plan.left),
        ];
        for (what, paths) in named {
            let fresh: Vec<String> = paths.iter().filter(|p| !self.seen.named.contains(p)).cloned().collect();
            if !fresh.is_empty() {
                self.say(Fact::Warning { text: format!("{what}: {}", shorten(&fresh)) });
                self.seen.named.extend(fresh);
            }
        }
        Ok(())
    }

    fn stamp(
        &mut self,
        open: &Open,
        outcome: Option<&Outcome>,
        verdict: &Verdict,
        checks: &CheckRun,
        stop: Option<Wish>,
    ) -> Result<(), LoopError> {
        self.note_leftovers(open, verdict)?;
        let role = open.role.clone();
        let commit = self.head_id();
        let id = commit.clone().unwrap_or_else(|| "-".into());
        let prompt = open.routed.clone();
        let usage = outcome.and_then(|o| o.usage).unwrap_or_default();
        let tokens = usage.input_tokens.zip(usage.output_tokens).map(|(i, o)| i + o);
        let mut trailers = Trailers {
            turn_id: Some(open.id.clone()),
            epoch: Some(self.state.epoch()),
            role: Some(role.to_string()),
            prompt: open.prompt_hash.clone(),
            agent: Some(open.agent.clone()).filter(|a| a != "-"),
            exit: outcome.map(status_words),
            checks: checks.ratio(),
            duration: Some(duration(self.world.clock.mono().saturating_sub(open.began))),
            tokens,
            cost: usage.cost_usd,
            reason: None,
        };
        let event = match verdict {
            Verdict::Ok => Event::Succeed { role: role.clone(), commit, prompt },
            Verdict::Failed { status, .. } => {
                trailers.reason = Some(status.clone());
                Event::Fail { role: role.clone(), commit, prompt }
            }
            Verdict::Interrupted(reason) => {
                trailers.reason = Some(reason.text.clone());
                Event::Interrupt { role: role.clone() }
            }
        };
        let interrupted = matches!(verdict, Verdict::Interrupted(_));
        let ok = matches!(verdict, Verdict::Ok);
        let roles = self.settings.roles();
        let now = self.world.clock.now();
        let mut next = crate::state::transition(&self.state, event, &roles, now)?;
        if let Some(Wish { reason, .. }) = stop {
            next = crate::state::transition(&next, Event::Stop { reason }, &roles, now)?;
        }
        let subject = if ok {
            let (iteration, follower) = (next.iteration, next.expected_actor.clone());
            Subject::Ok { iteration, actor: role, next: follower, commit: id }
        } else if interrupted {
            Subject::Interrupted { iteration: next.iteration, actor: role }
        } else {
            Subject::Fail { iteration: next.iteration, actor: role, commit: id }
        };
        if let Some(journal) = &mut self.journal {
            journal.ended = true;
        }
        let message = crate::sync::message::state_message(&subject, self.suffix(), &trailers);
        self.record(next, &message)?;
        self.say(Fact::StateStamped {
            iteration: self.state.iteration,
            role: open.role.to_string(),
            status: self.state.status.to_string(),
            next: self.state.expected_actor.to_string(),
        });
        Ok(())
    }

    /// What an unsuccessful turn leaves is that role's at the retry; a successful one clears it.
    fn note_leftovers(&mut self, open: &Open, verdict: &Verdict) -> Result<(), LoopError> {
        if matches!(verdict, Verdict::Ok) {
            if self.seen.left_by.as_ref() == Some(&open.role) {
                self.seen.left_by = None;
                self.seen.left.clear();
            }
            return Ok(());
        }
        let Some(git) = &self.git else { return Ok(()) };
        let dirty = look(&git.repo, &git.rules)?;
        self.seen.left =
            dirty.into_iter().map(|d| d.path).filter(|p| !open.dirty_before.contains(p)).collect();
        self.seen.left_by = Some(open.role.clone());
        Ok(())
    }

    /// Summary file, the turn's one line, and memory for the next turn.
    fn tell(
        &mut self,
        open: &Open,
        outcome: Option<&Outcome>,
        answer: &str,
        verdict: &Verdict,
        checks: &CheckRun,
    ) -> Result<(), LoopError> {
        let (commits, stat) = self.changes(open);
        let log = open.log.as_ref().map(|l| self.shown_path(&l.path));
        let (word, words, cause) = match verdict {
            Verdict::Ok => ("ok", "ok".to_owned(), None),
            Verdict::Failed { status, causes, .. } => (
                "failed",
                format!("failed ({status})"),
                Some(causes.first().cloned().unwrap_or_else(|| status.clone())),
            ),
            Verdict::Interrupted(reason) => {
                ("interrupted", "interrupted".to_owned(), Some(reason.text.clone()))
            }
        };
        let usage = outcome.and_then(|o| o.usage);
        if outcome.is_some() {
            self.cost = self.cost.zip(usage.and_then(|u| u.cost_usd)).map(|(sum, one)| sum + one);
        }
        if let (Some(turn_log), Some(log)) = (&open.log, &log) {
            let message = outcome
                .and_then(|o| o.final_message.as_deref())
                .or(Some(answer).filter(|a| !a.trim().is_empty()));
            let checked: Vec<String> =
                checks.words().into_iter().chain(checks.failed.iter().cloned()).collect();
            let empty = DiffStat::default();
            let summary = Summary {
                title: format!(
                    "Iteration {}: {} {} ({})",
                    open.iteration, open.role, open.prompt, open.agent
                ),
                outcome: &words,
                cause: cause.as_deref(),
                message,
                commits: commits.as_deref().unwrap_or_default(),
                files: &stat.as_ref().unwrap_or(&empty).files,
                checks: &checked,
                usage,
                log,
            };
            let logs = self.role_logs(open);
            if let Err(e) = logs.summary(turn_log, &summary.render()) {
                self.say(Fact::Warning { text: format!("no summary was written: {e}") });
            }
        }
        let line = TurnLine {
            iteration: open.iteration,
            role: open.role.to_string(),
            prompt: open.prompt.clone(),
            agent: open.agent.clone(),
            outcome: words,
            duration: self.world.clock.mono().saturating_sub(open.began),
            commits: commits.as_ref().map(Vec::len),
            changes: stat.as_ref().map(|s| (s.files.len(), s.insertions, s.deletions)),
            cost_usd: usage.and_then(|u| u.cost_usd),
            next: matches!(verdict, Verdict::Ok).then(|| self.state.expected_actor.to_string()),
        };
        let ok = matches!(verdict, Verdict::Ok);
        self.say(Fact::AttemptEnded { role: open.role.to_string(), line: line.render(), ok });
        let previous = Previous {
            role: open.role.to_string(),
            iteration: open.iteration,
            prompt: open.prompt.clone(),
            outcome: word.into(),
            commits: commits.unwrap_or_default(),
            checks: checks.words(),
            failed_checks: checks.failed.clone(),
            failure: cause,
            log,
        };
        self.seen.previous = serde_json::to_value(previous).ok();
        self.save_seen()
    }

    fn role_logs(&self, open: &Open) -> crate::turns::logs::RoleLogs {
        let folder = self.settings.root.join(&self.settings.config.logs_dir);
        let branch = self.git.as_ref().map(|g| g.branch.as_str());
        let first = self.settings.workflow.is_first(&open.role);
        crate::turns::logs::RoleLogs::new(&folder, branch, open.role.as_str(), first)
    }

    /// Commits of the turn without the state commits, and what they changed.
    fn changes(&self, open: &Open) -> (Option<Vec<String>>, Option<DiffStat>) {
        let Some(git) = &self.git else { return (None, None) };
        let Some(tip) = self.tip() else { return (Some(Vec::new()), Some(DiffStat::default())) };
        let commits = git.repo.commits_between(open.base, tip).map(|list| {
            list.into_iter()
                .filter(|c| !c.split_once(' ').is_some_and(|(_, s)| s.starts_with("[SYNC ")))
                .collect()
        });
        let stat = git.repo.diff_stat(open.base.or(open.head_before), tip).map(|mut stat| {
            let before = stat.files.len();
            stat.files.retain(|f| *f != git.state_path);
            if stat.files.len() != before {
                // The state file's own lines are not the turn's work.
                let state = git.repo.line_changes(open.base.or(open.head_before), tip, &git.state_path);
                stat.insertions = stat.insertions.saturating_sub(state.0);
                stat.deletions = stat.deletions.saturating_sub(state.1);
            }
            stat
        });
        (commits.ok(), stat.ok())
    }

    fn end_of(&self, open: &Open, verdict: Verdict) -> Option<End> {
        match verdict {
            Verdict::Ok => None,
            Verdict::Interrupted(reason) => Some(End::Interrupted(reason)),
            Verdict::Failed { status, causes, hint } => Some(End::Failed(TurnFailure {
                role: open.role.to_string(),
                iteration: open.iteration,
                prompt: open.prompt.clone(),
                agent: open.agent.clone(),
                status,
                log: open.log.as_ref().map(|l| self.shown_path(&l.path)),
                causes,
                hint,
            })),
        }
    }
}

fn failed(status: &str, causes: Vec<String>) -> Verdict {
    Verdict::Failed { status: status.into(), causes, hint: None }
}

/// `exit status 7`, `signal 9`, or the kind of failure.
pub(super) fn status_words(outcome: &Outcome) -> String {
    match outcome.exit {
        Exit::Code(code) => format!("exit status {code}"),
        Exit::Signal(signal) => format!("signal {signal}"),
        Exit::None => outcome.error_kind.name().replace('_', " "),
    }
}

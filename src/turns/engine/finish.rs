//! The end of a turn: judge the outcome, commit, stamp, tell.

use std::collections::BTreeSet;

use super::checks::CheckRun;
use super::error::{End, TurnFailure};
use super::limits::Cut;
use super::stopping::Wish;
use super::told::Told;
use super::turn::{Open, shorten};
use super::{Engine, Hand, LoopError};
use crate::event::Event as Fact;
use crate::state::{Event, State, file};
use crate::supervise::{ErrorKind, Exit, Lifecycle, Outcome, StopReason};
use crate::sync::driver::{Details, Exit as ExitWish, Work, asked_to_exit};
use crate::sync::journal::{Mode, Outcome as Ended};
use crate::sync::message::{AutoMessage, Group, Step, Trailers, auto_name};
use crate::sync::protocol::How;
use crate::sync::worktree::{Dirty, Oid, path_text};
use crate::turns::autocommit::{self, Left, Scope, scan};
use crate::turns::stop_request::StopRequest;
use crate::turns::workflow::OnCheckFail;

/// What is said of a log that lacks something, because the disk was full.
pub(super) const INCOMPLETE: &str = " (incomplete)";

/// What helps where no group takes a file.
const TAKE_IT: &str = "add it to auto_commit.docs.globs in orchestration.yaml";

/// How a turn ended, for the stamp.
pub(super) enum Verdict {
    Ok,
    Failed { status: String, causes: Vec<String>, hint: Option<String> },
    Interrupted(Cut),
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
                verdict = Verdict::Interrupted(Cut::Signal(reason));
            }
        }
        self.judge_scope(&open, &mut verdict)?;
        if matches!(verdict, Verdict::Ok) {
            self.auto_commit(&open, &checks, &mut verdict)?;
            self.tell_of_uncommitted(&open.met);
        }
        let mut granted = None;
        // With machines between, a person's request is published, and forgotten, by the driver.
        let wish = self.wish_of_turn(&open.id, tampered.as_ref());
        if let Some(wish) = wish.filter(|w| w.by_agent || self.hand.is_none()) {
            if self.wish_counts(&open.role, &wish).await {
                granted = Some(wish);
            }
            StopRequest::clear(&self.settings.root);
        }
        self.close_log(&mut open, &outcome);
        let told = self.stamp(&mut open, Some(&outcome), &verdict, &checks, granted)?;
        if matches!(verdict, Verdict::Ok) {
            let committed = told.commits.as_ref().is_some_and(|list| !list.is_empty());
            self.note_progress(open.before.as_ref(), committed)?;
        }
        self.tell(&open, Some(&outcome), answer, &verdict, &checks, told)?;
        Ok(self.end_of(&open, verdict))
    }

    /// A turn that failed before its agent ran.
    pub(super) fn failed_before_run(
        &mut self,
        mut open: Open,
        status: &str,
        causes: Vec<String>,
        hint: Option<String>,
    ) -> Result<End, LoopError> {
        let verdict = Verdict::Failed { status: status.into(), causes, hint };
        let told = self.stamp(&mut open, None, &verdict, &CheckRun::default(), None)?;
        self.tell(&open, None, "", &verdict, &CheckRun::default(), told)?;
        Ok(self.end_of(&open, verdict).unwrap_or(End::Done))
    }

    /// A turn that was interrupted while its prompt was routed.
    pub(super) fn interrupted(&mut self, mut open: Open, outcome: &Outcome) -> Result<End, LoopError> {
        let signal = self.world.stop.requested().map(Cut::Signal);
        let cut = signal.or_else(|| self.cut.clone());
        let verdict =
            Verdict::Interrupted(cut.unwrap_or_else(|| Cut::Signal(StopReason::because("interrupted"))));
        let mut granted = None;
        if let Some(wish) = self.wish_of_turn(&open.id, None).filter(|w| !w.by_agent && self.hand.is_none()) {
            self.say(Fact::StopRequested { by: "a person".into(), reason: wish.reason.clone() });
            StopRequest::clear(&self.settings.root);
            granted = Some(wish);
        }
        let told = self.stamp(&mut open, Some(outcome), &verdict, &CheckRun::default(), granted)?;
        self.tell(&open, Some(outcome), "", &verdict, &CheckRun::default(), told)?;
        Ok(self.end_of(&open, verdict).unwrap_or(End::Done))
    }

    fn judge_outcome(&self, outcome: &Outcome) -> Verdict {
        if let Some(reason) = self.world.stop.requested() {
            // A signal is decided before everything else: a killed agent is never a finished one.
            return Verdict::Interrupted(Cut::Signal(reason));
        }
        if let Some(cut) = &self.cut {
            return Verdict::Interrupted(cut.clone());
        }
        if outcome.succeeded() {
            return Verdict::Ok;
        }
        if let Lifecycle::Interrupted { why } = &outcome.state {
            return failed("interrupted", vec![why.clone()]);
        }
        let mut causes: Vec<String> = outcome.error.iter().cloned().collect();
        causes.extend(outcome.last_lines.iter().cloned());
        let hint = crate::agents::remedy(causes.iter().map(String::as_str)).map(str::to_owned);
        // The signal was ours.
        let status = match outcome.error_kind {
            ErrorKind::Inactivity => format!("silent for too long; {}", status_words(outcome)),
            ErrorKind::Timeout => format!("out of time; {}", status_words(outcome)),
            _ => status_words(outcome),
        };
        Verdict::Failed { status, causes, hint }
    }

    /// What the agent did to history and state file (G11): bad history fails the turn and is
    /// rescued; changes of the state file are taken out, and returned for their `exit`.
    fn judge_work(&mut self, open: &Open, verdict: &mut Verdict) -> Result<Option<State>, LoopError> {
        let roles = self.settings.roles();
        let now = self.world.clock.now();
        let path = self.settings.state_path();
        let on_disk = file::read(&path, &roles, now).ok();
        let tampered = on_disk.filter(State::exits);
        let (Some(git), Some(base)) = (&self.git, open.base) else { return Ok(tampered) };
        let head = git.repo.head()?;
        let operation = git.repo.operation();
        let why = match (&operation, &head.branch, head.commit) {
            (Some(op), ..) => Some(format!("the agent left a {op} in progress ({} leaves it)", op.leave())),
            (None, None, _) => Some("the agent left HEAD detached".to_owned()),
            (None, Some(branch), _) if *branch != git.branch => {
                Some(format!("the agent switched from branch {} to {branch}", git.branch))
            }
            (None, Some(_), Some(at)) if git.repo.descends(at, base)? => None,
            _ => Some("the agent rewrote commits that were there before its turn".to_owned()),
        };
        if self.hand.is_some() {
            // The driver takes the state out of the commits and puts aside what strayed.
            if let Some(why) = why {
                if !matches!(verdict, Verdict::Interrupted(_)) {
                    *verdict = failed("the agent's commits cannot be handed on", vec![why]);
                }
                return Ok(tampered);
            }
            return Ok(asked_to_exit(&git.repo, base, &git.state_path, &roles, now)?);
        }
        let Some(why) = why else {
            let at = head.commit.unwrap_or(base);
            let clean = git.repo.sanitize(base, at, &git.state_path)?;
            if clean.changed {
                git.repo.advance(
                    &git.branch,
                    Some(at),
                    clean.head,
                    "the agent's commits without the state file",
                )?;
            }
            let committed = clean.agent_state.and_then(|bytes| file::parse(&path, &bytes, &roles, now).ok());
            return Ok(tampered.or(committed.filter(State::exits)));
        };
        let causes = self.put_back(open, base, operation.is_some(), &why)?;
        if !matches!(verdict, Verdict::Interrupted(_)) {
            *verdict = failed("the agent's commits cannot be handed on", causes);
        }
        Ok(tampered)
    }

    /// Saves what cannot be handed on and puts the branch back to the claim.
    fn put_back(
        &mut self,
        open: &Open,
        base: Oid,
        in_operation: bool,
        why: &str,
    ) -> Result<Vec<String>, LoopError> {
        let mut causes = vec![why.to_owned()];
        let Some(git) = &self.git else { return Ok(causes) };
        let saved = git.repo.rescue_all(&open.id, &git.branch, base, &git.state_path)?;
        causes.extend(saved.iter().map(|r| format!("its work is kept as {}", r.reference)));
        if in_operation {
            // Only what this program began is aborted by it (G6); the branch itself must lead on
            // from the claim, and what it held is saved.
            let tip = git.repo.branch_tip(&git.branch)?;
            if tip != Some(base) {
                git.repo.advance(&git.branch, tip, base, "back to the claim")?;
            }
        } else if let Err(e) = git.repo.leave_branch_at(&git.branch, base, &git.state_path, &BTreeSet::new())
        {
            causes.push(format!("HEAD was left where it is: {e}"));
        }
        for rescued in saved {
            self.say(Fact::Rescue { reference: rescued.reference, why: why.to_owned() });
        }
        Ok(causes)
    }

    fn auto_commit(
        &mut self,
        open: &Open,
        checks: &CheckRun,
        verdict: &mut Verdict,
    ) -> Result<(), LoopError> {
        let Some(git) = &self.git else { return Ok(()) };
        let secrets = &self.settings.redactor;
        let first_role = self.settings.workflow.is_first(&open.role);
        let dry_run = self.settings.options.commit_dry_run;
        let plan =
            autocommit::prepare(&git.repo, &open.dirty_before, Scope::Turn { first_role }, &git.rules)?;
        let tolerate = self.settings.config.run.tolerate_doc_dirty;
        let mode = if self.hand.is_some() { Mode::Role } else { Mode::Combined };
        let left = match autocommit::after_turn(&plan, mode, first_role, tolerate) {
            autocommit::Verdict::Clean => Vec::new(),
            autocommit::Verdict::Warn(left) => left,
            autocommit::Verdict::Stop(left) => {
                let strict = mode == Mode::Role && first_role;
                let status = if strict { "files were left uncommitted" } else { "work over the size cap" };
                let causes = left.iter().map(named).collect();
                let hint = strict.then(|| format!("{TAKE_IT}, or say in the prompt where it writes"));
                *verdict = Verdict::Failed { status: status.into(), causes, hint };
                return Ok(());
            }
        };
        let message = |group: Group, files: &[String]| {
            let message = AutoMessage {
                group,
                who: auto_name(&open.role),
                prompt: Some(open.prompt.clone()),
                iteration: open.iteration,
                tests: checks.counts(),
            };
            secrets.text(&message.render(files, None)).into_owned()
        };
        for made in autocommit::run(&git.repo, &plan, message, dry_run)? {
            let words = made.group.words();
            let group = if dry_run { format!("{words} (dry run)") } else { words.to_owned() };
            let commit = made.id.map(|id| git.repo.short_id(id)).transpose()?;
            let paths = made.paths.iter().map(|p| path_text(p)).collect();
            let fact = Fact::Autocommit { role: open.role.to_string(), group, commit, paths };
            self.world.sink.emit_at(&self.place, fact);
        }
        let fresh: Vec<&Left> =
            left.iter().filter(|l| !self.memory.named.contains(&path_text(&l.path))).collect();
        if !fresh.is_empty() {
            let shown: Vec<String> = fresh.iter().map(|l| named(l)).collect();
            let paths: Vec<String> = fresh.iter().map(|l| path_text(&l.path)).collect();
            let unclaimed = fresh.iter().any(|l| l.why == autocommit::Why::Unclaimed);
            let remedy = if unclaimed { format!("; {TAKE_IT}") } else { String::new() };
            let text = format!("left uncommitted: {}{remedy}", shorten(&shown));
            self.say(Fact::Warning { text });
            self.memory.named.extend(paths);
        }
        Ok(())
    }

    /// Stamps the turn; what is to be told of it is known, and on its way to the records, just before.
    fn stamp(
        &mut self,
        open: &mut Open,
        outcome: Option<&Outcome>,
        verdict: &Verdict,
        checks: &CheckRun,
        stop: Option<Wish>,
    ) -> Result<Told, LoopError> {
        self.note_leftovers(open, verdict)?;
        self.enter_as_holder()?;
        let role = open.role.clone();
        let commit = self.head_id()?;
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
            checks: checks.counts(),
            duration: Some(self.world.clock.mono().saturating_sub(open.began)),
            tokens,
            cost: usage.cost_usd,
            reason: None,
            orchestrator: None,
        };
        let event = match verdict {
            Verdict::Ok => Event::Succeed { role: role.clone(), commit, prompt },
            Verdict::Failed { status, causes, .. } => {
                // Before it is cut: half a secret is recognised by nobody.
                let causes: Vec<String> =
                    causes.iter().map(|cause| self.settings.redactor.text(cause).into_owned()).collect();
                trailers.reason = Some(reason_words(status, &causes));
                Event::Fail { role: role.clone(), commit, prompt }
            }
            Verdict::Interrupted(cut) => {
                trailers.reason = Some(cut.words());
                Event::Interrupt { role: role.clone() }
            }
        };
        let roles = self.settings.roles();
        let now = self.world.clock.now();
        let mut next = crate::state::transition(&self.state, event, &roles, now)?;
        let exit = stop.as_ref().map(|wish| ExitWish { reason: wish.reason.clone() });
        if let Some(Wish { reason, .. }) = stop {
            next = crate::state::transition(&next, Event::Stop { reason }, &roles, now)?;
        }
        let (step, ended) = match verdict {
            Verdict::Ok => (Step::Ok { next: next.expected_actor.clone(), commit: id }, Ended::Succeeded),
            Verdict::Interrupted(_) => (Step::Interrupted, Ended::Interrupted),
            Verdict::Failed { .. } => (Step::Fail { commit: id }, Ended::Failed),
        };
        let work = self.hand.is_some().then(|| Work {
            how: match ended {
                Ended::Succeeded => How::Succeeded,
                Ended::Failed => How::Failed,
                Ended::Interrupted | Ended::Released | Ended::Fenced => How::Stopped,
            },
            exit,
            astray: self.astray.take(),
            details: Details {
                routed: open.routed.clone(),
                prompt: trailers.prompt.clone(),
                agent: trailers.agent.clone(),
                exit: trailers.exit.clone(),
                reason: self.masked(trailers.reason.clone()),
                checks: trailers.checks,
                seconds: trailers.duration.map(|d| d.as_secs()),
                tokens: trailers.tokens,
                cost: trailers.cost,
                exit_reason: None,
            },
        });
        if let Some(journal) = self.journal.as_mut().filter(|_| work.is_none()) {
            journal.outcome = Some(ended);
        }
        let message = self.message(step, role, next.iteration, trailers);
        self.begin_attempt(open);
        let told = self.told(open, outcome, verdict, &next)?;
        self.world.sink.ahead(&self.place, &told.fact);
        match work {
            Some(work) => {
                self.world.sink.settle();
                self.hand = Some(Hand::Full(Box::new(work)));
                self.state = next;
            }
            None => self.record(next, &message)?,
        }
        self.say(Fact::StateStamped {
            iteration: self.state.iteration,
            role: open.role.to_string(),
            status: self.state.status.to_string(),
            next: self.state.expected_actor.to_string(),
        });
        Ok(told)
    }

    /// What an unsuccessful turn leaves is that role's at the retry; a successful one clears it.
    fn note_leftovers(&mut self, open: &Open, verdict: &Verdict) -> Result<(), LoopError> {
        if matches!(verdict, Verdict::Ok) {
            if self.memory.left_by.as_ref() == Some(&open.role) {
                self.memory.left_by = None;
                self.memory.left.clear();
            }
            return Ok(());
        }
        if self.astray.is_some() {
            // It is put aside with the rest.
            (self.memory.left_by, self.memory.left) = (None, Vec::new());
            return Ok(());
        }
        let Some(git) = &self.git else { return Ok(()) };
        let dirty = scan(&git.repo, &git.rules)?;
        let left = dirty.iter().filter(|d| !open.dirty_before.contains(&d.path));
        self.memory.left = left.map(Dirty::text).collect();
        self.memory.left_by = Some(open.role.clone());
        Ok(())
    }

    fn end_of(&mut self, open: &Open, verdict: Verdict) -> Option<End> {
        match verdict {
            Verdict::Ok => None,
            Verdict::Interrupted(Cut::Signal(reason)) => Some(End::Interrupted(reason)),
            Verdict::Interrupted(Cut::Limit(limit)) => Some(self.limit_reached(limit)),
            Verdict::Interrupted(Cut::Asked) => Some(self.stopped()),
            Verdict::Failed { status, causes, hint } => Some(End::Failed(TurnFailure {
                role: open.role.to_string(),
                iteration: open.iteration,
                prompt: open.prompt.clone(),
                agent: open.agent.clone(),
                status,
                log: open.log.as_ref().map(|l| self.shown_path(&l.path)),
                causes,
                hint,
                again: self.settings.options.again.clone(),
            })),
        }
    }
}

/// The most of a cause that a stamp tells, in characters.
const LONGEST_CAUSE: usize = 200;

/// What other machines are told: their people see neither the log nor the screen.
fn reason_words(status: &str, causes: &[String]) -> String {
    let first = causes.iter().flat_map(|cause| cause.lines()).map(str::trim).find(|line| !line.is_empty());
    match first.filter(|line| *line != status) {
        Some(line) => format!("{status}: {}", line.chars().take(LONGEST_CAUSE).collect::<String>()),
        None => status.to_owned(),
    }
}

fn failed(status: &str, causes: Vec<String>) -> Verdict {
    Verdict::Failed { status: status.into(), causes, hint: None }
}

/// A path that was left, and why.
fn named(left: &Left) -> String {
    format!("{} ({})", path_text(&left.path), left.why)
}

/// `exit status 7`, `signal 9`, or the kind of failure.
pub(super) fn status_words(outcome: &Outcome) -> String {
    match outcome.exit {
        Exit::Code(code) => format!("exit status {code}"),
        Exit::Signal(signal) => format!("signal {signal}"),
        Exit::None => outcome.error_kind.name().replace('_', " "),
    }
}

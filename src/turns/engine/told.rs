//! What is told of a turn at its end: its line, how its process fared, the summary beside its log, and what the next
//! turn is given to know.

use super::checks::CheckRun;
use super::finish::{INCOMPLETE, Verdict};
use super::turn::Open;
use super::{Engine, LoopError};
use crate::event::{AttemptResult, Ended, Event as Fact};
use crate::state::State;
use crate::supervise::Outcome;
use crate::sync::worktree::DiffStat;
use crate::turns::context::Previous;
use crate::turns::logs::RoleLogs;
use crate::turns::summary::Summary;
use crate::turns::words::TurnLine;

/// What a turn came to.
pub(super) struct Told {
    /// `attempt_ended`.
    pub fact: Fact,
    /// `ok`, `failed (exit status 7)`, `interrupted`.
    pub words: String,
    /// None without git.
    pub commits: Option<Vec<String>>,
    pub stat: Option<DiffStat>,
}

impl Engine<'_> {
    /// The account of a turn that is about to be stamped with `next`.
    pub(super) fn told(
        &self,
        open: &Open,
        outcome: Option<&Outcome>,
        verdict: &Verdict,
        next: &State,
    ) -> Result<Told, LoopError> {
        let (commits, stat) = self.changes(open)?;
        let (ended, words) = match verdict {
            Verdict::Ok => (Ended::Succeeded, "ok".to_owned()),
            Verdict::Failed { status, .. } => (Ended::Failed, format!("failed ({status})")),
            Verdict::Interrupted(_) => (Ended::Canceled, "interrupted".to_owned()),
        };
        let result = self.result(open, outcome, verdict)?;
        let line = TurnLine {
            iteration: open.iteration,
            role: open.role.to_string(),
            prompt: open.prompt.clone(),
            agent: open.agent.clone(),
            outcome: words.clone(),
            duration: self.world.clock.mono().saturating_sub(open.began),
            commits: commits.as_ref().map(Vec::len),
            changes: stat.as_ref().map(|s| (s.names.len(), s.insertions, s.deletions)),
            cost_usd: result.cost_usd,
            next: matches!(verdict, Verdict::Ok).then(|| next.expected_actor.to_string()),
        };
        let role = open.role.to_string();
        let fact = Fact::AttemptEnded { role, line: line.render(), outcome: ended, result };
        Ok(Told { fact, words, commits, stat })
    }

    /// Summary file, the turn's one line, and memory for the next turn.
    pub(super) fn tell(
        &mut self,
        open: &Open,
        outcome: Option<&Outcome>,
        answer: &str,
        verdict: &Verdict,
        checks: &CheckRun,
        told: Told,
    ) -> Result<(), LoopError> {
        let Told { fact, words, commits, stat } = told;
        let log = open.log.as_ref().map(|l| self.shown_path(&l.path));
        let (word, cause) = match verdict {
            Verdict::Ok => ("ok", None),
            Verdict::Failed { status, causes, .. } => {
                ("failed", Some(causes.first().cloned().unwrap_or_else(|| status.clone())))
            }
            Verdict::Interrupted(cut) => ("interrupted", Some(cut.words())),
        };
        let usage = outcome.and_then(|o| o.usage);
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
                files: &stat.as_ref().unwrap_or(&empty).names,
                checks: &checked,
                usage,
                session: outcome.and_then(|o| o.session_id.as_deref()),
                log,
            };
            let logs = self.role_logs(open);
            let mut text = summary.render();
            if outcome.is_some_and(|o| o.logs_incomplete) {
                // The log is the last thing named.
                text.truncate(text.trim_end().len());
                text.push_str(INCOMPLETE);
                text.push('\n');
            }
            if let Err(e) = logs.summary(turn_log, &self.settings.redactor.text(&text)) {
                self.say(Fact::Warning { text: format!("no summary was written: {e}") });
            }
        }
        self.say(fact);
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
            again: Some(self.settings.options.again.clone()),
        };
        self.memory.previous = serde_json::to_value(previous).ok();
        let saved = self.save_memory();
        // Whoever claims next reads what was just saved.
        self.leave();
        saved
    }

    fn role_logs(&self, open: &Open) -> RoleLogs {
        let folder = self.settings.root.join(&self.settings.config.logs_dir);
        let branch = self.git.as_ref().map(|g| g.branch.as_str());
        let first = self.settings.workflow.is_first(&open.role);
        RoleLogs::new(&folder, branch, open.role.as_str(), first)
    }

    fn result(
        &self,
        open: &Open,
        outcome: Option<&Outcome>,
        verdict: &Verdict,
    ) -> Result<AttemptResult, LoopError> {
        let error = match verdict {
            Verdict::Ok => None,
            Verdict::Failed { status, causes, .. } => Some(causes.first().unwrap_or(status).clone()),
            Verdict::Interrupted(cut) => Some(cut.words()),
        };
        let commits = match (open.base, self.tip()?) {
            (Some(from), Some(to)) if from != to => Some(format!("{from}..{to}")),
            _ => None,
        };
        let account = outcome.map(Outcome::account).unwrap_or_default();
        Ok(AttemptResult { error, commits, ..account })
    }

    /// Commits of the turn without the state commits, and what they changed.
    fn changes(&self, open: &Open) -> Result<(Option<Vec<String>>, Option<DiffStat>), LoopError> {
        let Some(git) = &self.git else { return Ok((None, None)) };
        let Some(tip) = self.tip()? else { return Ok((Some(Vec::new()), Some(DiffStat::default()))) };
        let commits = git.repo.commits_between(open.base, tip)?;
        let commits = commits
            .into_iter()
            .filter(|c| !c.subject.starts_with("[SYNC "))
            .map(|c| format!("{} {}", c.short, self.settings.redactor.text(&c.subject)))
            .collect();
        let stat = git.repo.diff_stat(open.base.or(open.head_before), tip, Some(&git.state_path))?;
        Ok((Some(commits), Some(stat)))
    }
}

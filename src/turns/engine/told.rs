//! What is told of a turn at its end: its line, and how its process fared.

use super::finish::Verdict;
use super::turn::Open;
use super::{Engine, LoopError};
use crate::event::{AttemptResult, Ended, Event as Fact};
use crate::state::State;
use crate::supervise::Outcome;
use crate::sync::worktree::DiffStat;
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

//! The local branch and the working tree: where they go, what is put aside, how an agent left them.

use std::collections::BTreeSet;

use git2::Oid;

use super::setup::{DriverError, id_of, oid_of};
use super::shell::Shell;
use crate::sync::protocol::{CommitId, Ended, Event, How, Line, RefName, Saved, TurnId};
use crate::sync::worktree::{GitError, Replayed, path_text};

/// Where rescued work lies on the remote (G3).
const REMOTE_RESCUE: &str = "refs/heads/orchestrator/rescue/";

/// Names of files that keep the branch from being moved.
type InTheWay = Vec<String>;

impl Shell<'_> {
    /// Moves the branch and the files to `to`, commits that somebody made meanwhile on top.
    pub(super) fn move_to(&mut self, to: CommitId, above: &[CommitId]) -> Result<Event, DriverError> {
        let to = oid_of(to)?;
        let mut known = Vec::new();
        for id in above {
            let id = oid_of(*id)?;
            // One that is not here is part of nothing here.
            known.extend(self.repo.raw().find_commit(id).is_ok().then_some(id));
        }
        let target = match self.repo.branch_tip(&self.setup.branch)? {
            None => to,
            Some(tip) => match self.repo.replay(tip, to, &known, &self.setup.state)? {
                Replayed::At(at) => at,
                Replayed::Conflict(paths) => {
                    return Ok(Event::InTheWay(paths.iter().map(|p| path_text(p)).collect()));
                }
                Replayed::Unrelated => return Ok(Event::InTheWay(vec![self.setup.branch.clone()])),
            },
        };
        let head = self.repo.head()?;
        let plain = self.repo.operation().is_none()
            && head.branch.as_deref() == Some(self.setup.branch.as_str())
            && self.journal.rescue.is_none();
        let moved = if plain { self.follow(target)? } else { self.leave(target)? };
        Ok(match moved {
            Ok(()) => Event::Moved,
            Err(names) => Event::InTheWay(names),
        })
    }

    /// The plain way: only what differs is looked at.
    pub(super) fn follow(&self, target: Oid) -> Result<Result<(), InTheWay>, GitError> {
        in_the_way(self.repo.follow_branch_to(&self.setup.branch, target, &self.setup.state))
    }

    /// After a rescue, or from wherever the agent left HEAD. Files that are kept just as they are on
    /// a rescue ref go; those changed since stay.
    fn leave(&self, target: Oid) -> Result<Result<(), InTheWay>, GitError> {
        let discard = match self.kept_files {
            Some(kept) => self.repo.saved_files(kept)?,
            None => BTreeSet::new(),
        };
        in_the_way(self.repo.leave_branch_at(&self.setup.branch, target, &self.setup.state, &discard))
    }

    /// Puts what the remote was not seen to have on local refs (G11e).
    pub(super) fn rescue(&mut self, turn: &TurnId, from: u32) -> Result<Event, DriverError> {
        let base = self.memory.tip.or(self.journal.turn.as_ref().map(|t| t.claim));
        let Some(base) = base.map(oid_of).transpose()? else { return Ok(Event::Rescued(Vec::new())) };
        let head = self.repo.head()?.commit;
        let message = "Uncommitted files of a turn that was put aside\n";
        let files = self.repo.snapshot(&[&self.setup.state], message)?;
        self.kept_files = files;
        let mut saved = Vec::new();
        let mut files_kept = false;
        for commit in self.repo.at_risk(&self.setup.branch, base)? {
            let with_files = files.filter(|_| Some(commit) == head);
            files_kept |= with_files.is_some();
            let kept = with_files.unwrap_or(commit);
            let (number, _) = self.repo.rescue_from(turn.as_str(), kept, from)?;
            let suffix = if number == 1 { String::new() } else { format!("-{number}") };
            let name = RefName::from(format!("{REMOTE_RESCUE}{turn}{suffix}"));
            saved.push(Saved { name, commit: id_of(commit)?, number });
        }
        if let Some(files) = files.filter(|_| !files_kept) {
            self.repo.rescue(turn.as_str(), files)?;
        }
        Ok(Event::Rescued(saved))
    }

    /// How the agent left the branch (G11).
    pub(super) fn ended(
        &self,
        on: Oid,
        (how, refused): (How, Option<String>),
        exit: bool,
    ) -> Result<Ended, DriverError> {
        let head = self.repo.head()?;
        let at = head.commit.unwrap_or(on);
        let claim = match &self.journal.turn {
            Some(turn) => oid_of(turn.claim)?,
            None => on,
        };
        let astray = match (self.repo.operation(), &head.branch) {
            (Some(op), _) => Some(format!("the agent left a {op} in progress")),
            (None, None) => Some("the agent left HEAD detached".to_owned()),
            (None, Some(branch)) if *branch != self.setup.branch => {
                Some(format!("the agent switched from branch {} to {branch}", self.setup.branch))
            }
            (None, Some(_)) if !self.repo.descends(at, claim)? => {
                Some("the agent rewrote commits that were there before its turn".to_owned())
            }
            _ => refused,
        };
        let line = match astray {
            Some(why) => Line::Astray(why),
            None if self.repo.is_straight(on, at, &self.setup.state)? => Line::Straight,
            None => Line::Bent,
        };
        Ok(Ended { how, head: id_of(at)?, line, exit })
    }
}

fn in_the_way(moved: Result<(), GitError>) -> Result<Result<(), InTheWay>, GitError> {
    match moved {
        Err(GitError::InTheWay { paths }) => Ok(Err(paths.iter().map(|p| path_text(p)).collect())),
        other => other.map(Ok),
    }
}

//! What a role may change (turns.md T7a): everything a turn changed is looked at before it is published.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::finish::Verdict;
use super::turn::{Open, shorten};
use super::{Engine, LoopError};
use crate::config::glob_set;
use crate::event::Event as Fact;
use crate::sync::worktree::{Oid, path_text};
use crate::turns::autocommit::{BadGlob, scan};

/// While a turn runs, nothing tells a person's commit from its agent's but the author.
fn theirs(commits: &[(String, String)]) -> Option<String> {
    let (_, author) = commits.first()?;
    let ids: Vec<&str> = commits.iter().map(|(short, _)| short.as_str()).collect();
    Some(format!(
        "if what {author} committed meanwhile was not the agent's: git cherry-pick {}",
        ids.join(" ")
    ))
}

impl Engine<'_> {
    /// A path outside the scope fails the turn: its commits and files are rescued and undone. What an interrupted
    /// turn left uncommitted is not published, and is looked at when the turn is taken again.
    pub(super) fn judge_scope(&mut self, open: &Open, verdict: &mut Verdict) -> Result<(), LoopError> {
        let globs = self.settings.workflow.step(&open.role).map(|s| s.scope.clone()).unwrap_or_default();
        let (Some(git), Some(base), false) = (&self.git, open.base, globs.is_empty()) else { return Ok(()) };
        let bad = |source| LoopError::Glob(BadGlob { glob: globs.join(" "), source });
        let scope = glob_set(&globs).map_err(bad)?;
        let head = git.repo.head()?.commit.unwrap_or(base);
        if !git.repo.descends(head, base)? {
            // The history itself is refused, and with it all of this.
            return Ok(());
        }
        let mut changed = git.repo.touched(base, head)?;
        changed.remove(&git.state_path);
        let interrupted = matches!(verdict, Verdict::Interrupted(_));
        if !interrupted {
            let dirty = scan(&git.repo, &git.rules)?;
            changed.extend(dirty.into_iter().map(|d| d.path).filter(|p| !open.dirty_before.contains(p)));
        }
        let outside: Vec<String> =
            changed.iter().filter(|p| !scope.is_match(p)).map(|p| path_text(p)).collect();
        if outside.is_empty() {
            return Ok(());
        }
        let why = format!("{} may not change {}", open.role, shorten(&outside));
        let mut causes = vec![why.clone(), format!("its scope is {}", globs.join(", "))];
        let hint = theirs(&git.repo.strangers(base, head)?);
        if self.hand.is_some() {
            // The driver puts it aside, here and on the remote.
            self.astray = Some(why);
        } else {
            causes.extend(self.undo(open, base, &why)?);
        }
        if !interrupted {
            let status = "changed files outside its scope".into();
            *verdict = Verdict::Failed { status, causes, hint };
        }
        Ok(())
    }

    /// Keeps all the turn did on a local ref, and takes branch and files back to the claim.
    fn undo(&mut self, open: &Open, base: Oid, why: &str) -> Result<Vec<String>, LoopError> {
        let Some(git) = &self.git else { return Ok(Vec::new()) };
        let saved = git.repo.rescue_all(&open.id, &git.branch, base, &git.state_path)?;
        let mut given_up: BTreeSet<PathBuf> = BTreeSet::new();
        for rescued in &saved {
            given_up.extend(git.repo.saved_files(rescued.kept)?);
        }
        given_up.retain(|path| !open.dirty_before.contains(path));
        let mut causes: Vec<String> =
            saved.iter().map(|r| format!("its work is kept as {}", r.reference)).collect();
        if let Err(e) = git.repo.leave_branch_at(&git.branch, base, &git.state_path, &given_up) {
            causes.push(format!("HEAD was left where it is: {e}"));
        }
        for rescued in saved {
            self.say(Fact::Rescue { reference: rescued.reference, why: why.to_owned() });
        }
        Ok(causes)
    }

    /// Once, at the start.
    pub(super) fn warn_of_unchecked_scope(&mut self) {
        let scoped = self.settings.workflow.steps().iter().any(|s| !s.scope.is_empty());
        if scoped && self.git.is_none() {
            let text = "the scope of roles is not checked without git: nothing says what a turn changed";
            self.say(Fact::Warning { text: text.into() });
        }
    }
}

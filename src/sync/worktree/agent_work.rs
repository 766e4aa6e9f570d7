//! What an agent did to the history, judged and kept (git-sync.md G11, as far as it is local).

use git2::build::{CheckoutBuilder, TreeUpdateBuilder};
use git2::{Commit, FileMode, Oid};

use super::error::{GitError, doing};
use super::repo::{Head, Repo};

/// What became of HEAD while an agent ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentWork {
    /// HEAD is on the branch and descends from the claim.
    Good { head: Oid, change: Change },
    /// It cannot be handed on; it must be rescued.
    Bad { head: Oid, why: String },
}

/// Whether commits touched the state file, and the last version they left.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    pub touched: bool,
    pub last_state: Option<Vec<u8>>,
}

impl Repo {
    /// Looks at what lies between `base` (the claim, or HEAD before the agent) and HEAD.
    pub fn judge(&self, branch: &str, base: Oid, state_path: &str) -> Result<AgentWork, GitError> {
        let head = self.head()?;
        let at = head.commit().unwrap_or(base);
        let bad = |why: String| Ok(AgentWork::Bad { head: at, why });
        if let Some((operation, leave)) = self.operation() {
            return bad(format!("the agent left a {operation} in progress ({leave} leaves it)"));
        }
        match &head {
            Head::Detached(oid) => {
                return bad(format!("the agent left HEAD detached at {}", self.short_id(*oid)));
            }
            Head::Branch { name, .. } if name != branch => {
                return bad(format!("the agent switched from branch {branch} to {name}"));
            }
            Head::Branch { .. } => {}
        }
        if at != base && !self.git.graph_descendant_of(at, base).map_err(doing("compare commits"))? {
            return bad("the agent rewrote commits that were there before its turn".into());
        }
        Ok(AgentWork::Good { head: at, change: self.state_change(base, at, state_path)? })
    }

    fn state_change(&self, base: Oid, head: Oid, path: &str) -> Result<Change, GitError> {
        let ours = self.entry_id(base, path);
        let mut change = Change::default();
        for oid in self.first_parents(base, head)? {
            if self.entry_id(oid, path) != ours {
                change.touched = true;
                change.last_state = self.blob_at(oid, path).or(change.last_state);
            }
        }
        Ok(change)
    }

    /// The first-parent line after `base`, oldest first; just `head` if `base` is not on that line.
    fn first_parents(&self, base: Oid, head: Oid) -> Result<Vec<Oid>, GitError> {
        let mut line = Vec::new();
        let mut at = head;
        while at != base {
            line.push(at);
            match self.commit(at)?.parent_id(0) {
                Ok(parent) => at = parent,
                Err(_) => return Ok(vec![head]),
            }
        }
        line.reverse();
        Ok(line)
    }

    /// The agent's commits with the state file as the claim has it. Commits that then hold nothing
    /// are dropped; when the claim is not on the first-parent line, one merge commit on the claim
    /// stands for all. Made in memory; the caller moves the branch.
    pub fn without_state_changes(&self, base: Oid, head: Oid, path: &str) -> Result<Oid, GitError> {
        let line = self.first_parents(base, head)?;
        let on_line = line
            .first()
            .is_some_and(|first| self.commit(*first).ok().and_then(|c| c.parent_id(0).ok()) == Some(base));
        let mut at = base;
        for oid in line {
            let commit = self.commit(oid)?;
            at = self.replay(&commit, at, base, path, on_line)?;
        }
        Ok(at)
    }

    fn replay(
        &self,
        commit: &Commit<'_>,
        onto: Oid,
        base: Oid,
        path: &str,
        on_line: bool,
    ) -> Result<Oid, GitError> {
        let run = || -> Result<Oid, git2::Error> {
            let tree = commit.tree()?;
            let mut update = TreeUpdateBuilder::new();
            match self.entry_id(base, path) {
                Some(ours) => update.upsert(path, ours, FileMode::Blob),
                None => update.remove(path),
            };
            let same = self.entry_id(commit.id(), path) == self.entry_id(base, path);
            let tree =
                if same { tree } else { self.git.find_tree(update.create_updated(&self.git, &tree)?)? };
            let parent = self.git.find_commit(onto)?;
            let others: Vec<Commit<'_>> =
                if on_line { commit.parents().skip(1).collect() } else { vec![commit.clone()] };
            if others.is_empty() && parent.tree_id() == tree.id() {
                return Ok(onto);
            }
            let message = String::from_utf8_lossy(commit.message_bytes()).into_owned();
            let parents: Vec<&Commit<'_>> = std::iter::once(&parent).chain(&others).collect();
            self.git.commit(None, &commit.author(), &commit.committer(), &message, &tree, &parents)
        };
        run().map_err(doing("replay the agent's commits"))
    }

    /// Keeps a commit under a local rescue ref named after the turn, `-2` for a second one.
    pub fn rescue(&self, turn_id: &str, head: Oid) -> Result<String, GitError> {
        let mut n = 1;
        loop {
            let number = if n == 1 { String::new() } else { format!("-{n}") };
            let name = format!("refs/orchestrator/rescue/{turn_id}{number}");
            match self.git.refname_to_id(&name) {
                Ok(there) if there == head => return Ok(name),
                Ok(_) if n < 1000 => n += 1,
                Ok(_) => return Err(GitError::Git { doing: "rescue", message: "too many refs".into() }),
                Err(_) => {
                    self.git.reference(&name, head, false, "rescue").map_err(doing("rescue"))?;
                    return Ok(name);
                }
            }
        }
    }

    /// Puts HEAD back on `branch` at `target`, keeping files that were changed since; a file in
    /// the way stops it with its name and nothing is moved.
    pub fn return_to(&self, branch: &str, target: Oid) -> Result<(), GitError> {
        let _busy = self.busy()?;
        let name = format!("refs/heads/{branch}");
        let tree = self.git.find_object(target, None).map_err(doing("read a commit"))?;
        let mut in_the_way = Vec::new();
        {
            let mut options = CheckoutBuilder::new();
            options.safe().notify_on(git2::CheckoutNotificationType::CONFLICT);
            options.notify(|_, path, _, _, _| {
                in_the_way.extend(path.map(|p| p.to_string_lossy().into_owned()));
                true
            });
            if let Err(e) = self.git.checkout_tree(&tree, Some(&mut options)) {
                drop(options);
                if in_the_way.is_empty() {
                    return Err(doing("go back to the branch")(e));
                }
                return Err(GitError::InTheWay(in_the_way));
            }
        }
        self.git
            .reference(&name, target, true, "back to the turn's claim")
            .map_err(doing("move the branch"))?;
        self.git.set_head(&name).map_err(doing("go back to the branch"))
    }
}

//! Looks at the working tree, asks the plan, commits.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;

use jiff::Timestamp;

use super::plan::{Candidate, Plan, Rules, plan};
use super::secrets::looks_secret;
use crate::ids::RoleId;
use crate::sync::message::{Group, auto_message, steering_message};
use crate::sync::worktree::{Dirty, DirtyKind, GitError, Repo};

/// Bytes of a file that are searched for secrets.
const SEARCHED: u64 = 1024 * 1024;

/// The turn whose leftovers are committed.
#[derive(Debug, Clone)]
pub struct Turn<'a> {
    pub role: &'a RoleId,
    pub prompt: &'a str,
    pub iteration: u64,
    pub first_role: bool,
    /// `not run` or `passed n/m`.
    pub tests: &'a str,
}

/// What was committed, and what the plan left.
#[derive(Debug, Clone, Default)]
pub struct Commits {
    /// Group and paths, with the short commit id (none in a dry run).
    pub made: Vec<(Group, Vec<String>, Option<String>)>,
    pub plan: Plan,
}

/// The dirty paths that count.
pub fn look(repo: &Repo, rules: &Rules) -> Result<Vec<Dirty>, GitError> {
    let mut found = repo.dirty()?;
    found.retain(|d| !rules.is_protected(&d.path));
    Ok(found)
}

/// Commits what the turn left, group by group. A dry run only plans.
pub fn run(
    repo: &Repo,
    rules: &Rules,
    before: &BTreeSet<String>,
    turn: &Turn<'_>,
    now: Timestamp,
    dry_run: bool,
) -> Result<Commits, GitError> {
    let mut dirty = look(repo, rules)?;
    if rules.force_add_reports {
        dirty.extend(repo.ignored_files()?.into_iter().filter(|d| rules.is_report(&d.path)));
    }
    let candidates: Vec<Candidate> = dirty.into_iter().map(|d| candidate(repo, d)).collect();
    let plan = plan(rules, &candidates, before, !turn.first_role);
    let mut made = Vec::new();
    if plan.too_large.is_empty() {
        for (group, paths) in &plan.groups {
            let message = auto_message(turn.role, turn.prompt, turn.iteration, *group, turn.tests, paths);
            let oid = if dry_run { None } else { repo.commit_files(paths, &message, now)? };
            made.push((*group, paths.clone(), oid.map(|o| repo.short_id(o))));
        }
    }
    Ok(Commits { made, plan })
}

/// Commits documents that a person changed between turns (T23a). Returns them and the commit.
pub fn steering(
    repo: &Repo,
    rules: &Rules,
    dirty: &[Dirty],
    exempt: &BTreeSet<String>,
    role: &RoleId,
    iteration: u64,
    now: Timestamp,
) -> Result<Option<(Vec<String>, String)>, GitError> {
    let docs: Vec<String> = dirty
        .iter()
        .filter(|d| rules.is_doc(&d.path) && !d.submodule && !d.filtered && !exempt.contains(&d.path))
        .filter(|d| !candidate(repo, (*d).clone()).secret)
        .map(|d| d.path.clone())
        .collect();
    if docs.is_empty() {
        return Ok(None);
    }
    let message = steering_message(role, iteration, &docs);
    let made = repo.commit_files(&docs, &message, now)?;
    Ok(made.map(|oid| (docs, repo.short_id(oid))))
}

fn candidate(repo: &Repo, dirty: Dirty) -> Candidate {
    let mut head = Vec::new();
    if dirty.kind != DirtyKind::Deleted && !dirty.submodule {
        // A file that cannot be read is not committed either; its name still counts.
        let path = repo.top().join(&dirty.path);
        let plain = std::fs::symlink_metadata(&path).is_ok_and(|m| m.is_file());
        if plain && let Ok(file) = File::open(path) {
            let _ = file.take(SEARCHED).read_to_end(&mut head);
        }
    }
    Candidate { secret: looks_secret(&dirty.path, &head), dirty }
}

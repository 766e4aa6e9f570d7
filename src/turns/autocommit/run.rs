//! Looking at the working tree, and committing what the plan says.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::plan::{Left, Plan, Scope, Why, plan};
use super::rules::Rules;
use crate::sync::message::Group;
use crate::sync::worktree::{Dirty, GitError, Kind, Oid, Repo, secrets};

/// A commit that was made, or would have been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    pub group: Group,
    /// `None` in a dry run.
    pub id: Option<Oid>,
    pub paths: Vec<PathBuf>,
}

/// Everything dirty that can matter here: the program's own files left out, ignored reports
/// included if they are to be committed. Taken before a turn, its paths are the plan's `before`.
pub fn scan(repo: &Repo, rules: &Rules) -> Result<Vec<Dirty>, GitError> {
    let mut dirty = repo.dirty()?;
    if rules.force_add_reports && rules.reports.enabled {
        let ignored = repo.ignored_files(rules.reports.bases())?;
        dirty.extend(ignored.into_iter().filter(|d| rules.reports.matches(&d.path)));
    }
    dirty.retain(|d| !rules.protects(&d.path));
    Ok(dirty)
}

/// The plan for what is dirty now, with the content of every file looked at.
pub fn prepare(
    repo: &Repo,
    before: &BTreeSet<PathBuf>,
    scope: Scope,
    rules: &Rules,
) -> Result<Plan, GitError> {
    let plan = plan(&scan(repo, rules)?, before, scope, rules);
    let found = inspect(repo, &plan);
    Ok(plan.without(found))
}

/// Files of the plan whose content must not be committed, or cannot be.
pub fn inspect(repo: &Repo, plan: &Plan) -> Vec<Left> {
    let judged = plan.files().filter(|file| file.kind != Kind::Deleted).filter_map(|file| {
        let why = match secrets::in_file(&repo.top().join(&file.path)) {
            Ok(None) => return None,
            Ok(Some(what)) => Why::Secret(what),
            Err(_) => Why::Unreadable,
        };
        Some(Left { path: file.path.clone(), why })
    });
    judged.collect()
}

/// Makes the plan's commits, one per group, each on top of the last. `message` gets the group
/// and the files' names as text. A dry run changes nothing and says the same.
pub fn run(
    repo: &Repo,
    plan: &Plan,
    message: impl Fn(Group, &[String]) -> String,
    dry_run: bool,
) -> Result<Vec<Committed>, GitError> {
    let mut made = Vec::new();
    for planned in &plan.groups {
        let names: Vec<String> = planned.files.iter().map(Dirty::text).collect();
        let paths = planned.files.iter().map(|f| f.path.clone()).collect();
        if dry_run {
            made.push(Committed { group: planned.group, id: None, paths });
            continue;
        }
        let files: Vec<&Dirty> = planned.files.iter().collect();
        let id = repo.commit_files(&repo.head()?, &files, &message(planned.group, &names))?;
        // Files that are as HEAD has them again make no commit.
        if id.is_some() {
            made.push(Committed { group: planned.group, id, paths });
        }
    }
    Ok(made)
}

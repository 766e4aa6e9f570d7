//! What a worker changed, seen from outside: commits and files (oneshot.md O8 c).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::settings::Settings;
use crate::clock::Clock;
use crate::sync::worktree::{GitError, PRIVATE_DIR, Repo, path_from_text};

/// Changed paths that are remembered one by one; a tree with more is told by their number alone.
const PATHS: usize = 2000;
/// Files looked at where there is no git.
const FILES: usize = 20_000;
/// Names in a list for people.
const NAMED: usize = 20;

/// The project before a worker began.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Before {
    /// Milliseconds since the epoch.
    pub at_ms: i64,
    /// There is a repository; without one, the times of files are all there is.
    pub git: bool,
    pub head: Option<String>,
    /// What differed from HEAD: path, size, time of change.
    pub dirty: Vec<String>,
}

/// What is different now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// Short id and subject, newest first.
    pub commits: Vec<String>,
    pub files: Vec<String>,
}

impl Changes {
    pub fn any(&self) -> bool {
        !self.commits.is_empty() || !self.files.is_empty()
    }

    /// For the next worker.
    pub fn lines(&self) -> Vec<String> {
        let list = |what: &str, names: &[String]| {
            (!names.is_empty()).then(|| {
                let more = names.len().saturating_sub(NAMED);
                let rest = if more > 0 { format!(", and {more} more") } else { String::new() };
                format!("{what}: {}{rest}", names[..names.len() - more].join(", "))
            })
        };
        list("commits", &self.commits).into_iter().chain(list("changed files", &self.files)).collect()
    }
}

fn repo(settings: &Settings, clock: &Arc<dyn Clock>) -> Result<Option<Repo>, GitError> {
    if !settings.git {
        return Ok(None);
    }
    match Repo::open(&settings.root, Arc::clone(clock)) {
        Ok(repo) => Ok(Some(repo)),
        Err(GitError::NoRepository { .. } | GitError::Bare { .. }) => Ok(None),
        Err(e) => Err(e),
    }
}

/// Looks at the project.
pub(super) fn look(settings: &Settings, clock: &Arc<dyn Clock>) -> Result<Before, GitError> {
    let at_ms = clock.now().as_millisecond();
    let Some(repo) = repo(settings, clock)? else { return Ok(Before { at_ms, ..Before::default() }) };
    let head = repo.head()?.commit.map(|id| id.to_string());
    Ok(Before { at_ms, git: true, head, dirty: dirty(&repo, settings)? })
}

/// Looks again and compares.
pub(super) fn since(
    before: &Before,
    settings: &Settings,
    clock: &Arc<dyn Clock>,
) -> Result<Changes, GitError> {
    let Some(repo) = repo(settings, clock)?.filter(|_| before.git) else {
        let start = u64::try_from(before.at_ms).unwrap_or(0);
        let files =
            touched(&settings.root, &own_folders(settings), UNIX_EPOCH + Duration::from_millis(start));
        return Ok(Changes { commits: Vec::new(), files });
    };
    let old: BTreeSet<&String> = before.dirty.iter().collect();
    let files = dirty(&repo, settings)?.into_iter().filter(|line| !old.contains(line));
    let files = files.map(|line| line.split('\t').next().unwrap_or_default().to_owned()).collect();
    let mut commits = Vec::new();
    let head = repo.head()?.commit;
    if let Some(head) = head.filter(|h| Some(h.to_string()) != before.head) {
        let from = before.head.as_deref().and_then(|id| id.parse().ok());
        commits = repo
            .commits_between(from, head)?
            .into_iter()
            .map(|c| format!("{} {}", c.short, c.subject))
            .collect();
        if commits.is_empty() {
            // The branch was put back or another one checked out: that too is a change.
            commits.push(format!("HEAD is now {}", repo.short_id(head)?));
        }
    }
    Ok(Changes { commits, files })
}

fn own_folders(settings: &Settings) -> Vec<PathBuf> {
    [PRIVATE_DIR, ".git", &settings.config.logs_dir, &settings.config.tmp_dir].map(PathBuf::from).to_vec()
}

fn dirty(repo: &Repo, settings: &Settings) -> Result<Vec<String>, GitError> {
    let prefix = repo.prefix(&settings.root)?;
    let own: Vec<PathBuf> = own_folders(settings).iter().map(|f| prefix.join(f)).collect();
    let mut lines: Vec<String> = repo
        .dirty()?
        .into_iter()
        .filter(|d| !own.iter().any(|folder| d.path.starts_with(folder)))
        .map(|d| {
            let changed =
                fs::symlink_metadata(repo.top().join(path_from_text(&d.text()))).and_then(|m| m.modified());
            let nanos =
                changed.ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok()).map_or(0, |d| d.as_nanos());
            format!("{}\t{}\t{nanos}", d.text(), d.size)
        })
        .collect();
    if lines.len() > PATHS {
        let rest = lines.len() - PATHS;
        lines.truncate(PATHS);
        lines.push(format!("{rest} more"));
    }
    Ok(lines)
}

/// Files changed since then, below `root`, without `own` and links.
fn touched(root: &Path, own: &[PathBuf], then: SystemTime) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    let mut looked = 0;
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(root.join(&folder)) else { continue };
        for entry in entries.flatten() {
            let path = folder.join(entry.file_name());
            looked += 1;
            if looked > FILES {
                return found;
            }
            let Ok(meta) = entry.metadata() else { continue };
            if own.iter().any(|o| path.starts_with(o)) {
                continue;
            }
            if meta.is_dir() {
                folders.push(path);
            } else if meta.is_file() && meta.modified().is_ok_and(|t| t >= then) {
                found.push(path.to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without git the times of files tell, and the program's own folders do not count.
    #[test]
    fn touched_files_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        for (name, text) in [("old", "o"), ("sub/new", "n"), (".orchestrator/x", "x"), ("logs/l", "l")] {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let hour = Duration::from_secs(3600);
        let old = fs::File::options().write(true).open(root.join("old")).unwrap();
        old.set_modified(SystemTime::now() - hour).unwrap();
        let own = [".orchestrator".into(), "logs".into()];
        let then = SystemTime::now() - hour / 2;
        assert_eq!(touched(root, &own, then), ["sub/new"]);
        assert_eq!(touched(root, &own, SystemTime::now() + hour), Vec::<String>::new());
    }

    #[test]
    fn lists_for_the_next_worker_are_bounded() {
        let files = (0..25).map(|n| format!("f{n}")).collect();
        let changes = Changes { commits: vec!["abc one".into()], files };
        let lines = changes.lines();
        assert_eq!(lines[0], "commits: abc one");
        assert!(lines[1].ends_with("f19, and 5 more"), "{}", lines[1]);
        assert!(!Changes::default().any() && Changes::default().lines().is_empty());
    }
}

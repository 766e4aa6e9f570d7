//! Who wrote what: the project's files before and after an attempt (workstreams.md W8).

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::setting::Setting;
use crate::clock::Clock;
use crate::sync::worktree::{GitError, PRIVATE_DIR, Repo, path_from_text};

/// Files looked at where there is no git.
const FILES: usize = 50_000;

/// What tells one version of a file from the next.
type Mark = (u64, i64, i64, u64);

/// The project at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Look {
    /// With git: what differs from HEAD; without: everything.
    files: BTreeMap<String, Option<Mark>>,
    head: Option<String>,
}

fn mark(path: &Path) -> Option<Mark> {
    let meta = fs::symlink_metadata(path).ok()?;
    Some((meta.size(), meta.mtime(), meta.mtime_nsec(), meta.ino()))
}

/// Folders whose files are the program's own.
fn own(setting: &Setting) -> Vec<PathBuf> {
    [PRIVATE_DIR, ".git", &setting.config.logs_dir, &setting.config.tmp_dir].map(PathBuf::from).to_vec()
}

fn repo(setting: &Setting, clock: &Arc<dyn Clock>) -> Option<Repo> {
    setting.git.then(|| Repo::open(&setting.root, Arc::clone(clock)).ok()).flatten()
}

pub(super) fn look(setting: &Setting, clock: &Arc<dyn Clock>) -> Result<Look, GitError> {
    let own = own(setting);
    let Some(repo) = repo(setting, clock) else {
        return Ok(Look { files: walk(&setting.root, &own), head: None });
    };
    let prefix = repo.prefix(&setting.root)?;
    let mut files = BTreeMap::new();
    for dirty in repo.dirty()? {
        // What lies outside the project is no step's.
        let Ok(path) = dirty.path.strip_prefix(&prefix) else { continue };
        if own.iter().any(|folder| path.starts_with(folder)) {
            continue;
        }
        let whole = repo.top().join(path_from_text(&dirty.text()));
        files.insert(path.to_string_lossy().into_owned(), mark(&whole));
    }
    Ok(Look { files, head: repo.head()?.commit.map(|id| id.to_string()) })
}

/// Paths, relative to the project root, that are different now.
pub(super) fn since(
    before: &Look,
    setting: &Setting,
    clock: &Arc<dyn Clock>,
) -> Result<Vec<String>, GitError> {
    let now = look(setting, clock)?;
    let mut paths: Vec<String> = now
        .files
        .iter()
        .filter(|(path, mark)| before.files.get(*path) != Some(*mark))
        .map(|(path, _)| path.clone())
        .collect();
    if let Some(repo) = repo(setting, clock) {
        let (old, new) = (before.head.as_deref(), now.head.as_deref());
        if let Some(new) = new.filter(|new| old != Some(new)) {
            let prefix = repo.prefix(&setting.root)?;
            let parse = |id: &str| id.parse().ok();
            if let Some(tip) = parse(new) {
                for name in repo.diff_stat(old.and_then(parse), tip, None)?.names {
                    if let Ok(path) = Path::new(&name).strip_prefix(&prefix) {
                        let path = path.to_string_lossy().into_owned();
                        // Committed as it lay there before, it was somebody else's.
                        if !before.files.contains_key(&path) {
                            paths.push(path);
                        }
                    }
                }
            }
        }
    } else {
        paths.extend(before.files.keys().filter(|path| !now.files.contains_key(*path)).cloned());
    }
    paths.sort();
    paths.dedup();
    Ok(paths)
}

fn walk(root: &Path, own: &[PathBuf]) -> BTreeMap<String, Option<Mark>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(root.join(&folder)) else { continue };
        for entry in entries.flatten() {
            let path = folder.join(entry.file_name());
            if found.len() >= FILES {
                return found;
            }
            if own.iter().any(|o| path.starts_with(o)) {
                continue;
            }
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(path),
                Ok(_) => {
                    let mark = mark(&root.join(&path));
                    found.insert(path.to_string_lossy().into_owned(), mark);
                }
                Err(_) => {}
            }
        }
    }
    found
}

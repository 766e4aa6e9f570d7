//! Logs and summaries that are old enough to go.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A file that may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldLog {
    pub path: PathBuf,
    pub bytes: u64,
}

/// The files of turns below `logs_dir` that were last written before `before_ms`. Other files, links and what lies
/// behind links are nobody's business here.
///
/// # Errors
/// A folder that cannot be read; a missing one has no files.
pub fn old_logs(logs_dir: &Path, before_ms: i64) -> io::Result<Vec<OldLog>> {
    let before = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(before_ms).unwrap_or(0));
    let mut found = Vec::new();
    // Branch, then role or summaries.
    walk(logs_dir, 2, before, &mut found)?;
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn walk(folder: &Path, depth: u32, before: SystemTime, found: &mut Vec<OldLog>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() && depth > 0 {
            walk(&entry.path(), depth - 1, before, found)?;
        } else if kind.is_file() && is_log(&entry.file_name().to_string_lossy()) {
            let meta = entry.metadata()?;
            if meta.modified()? < before {
                found.push(OldLog { path: entry.path(), bytes: meta.len() });
            }
        }
    }
    Ok(())
}

fn is_log(name: &str) -> bool {
    let ends = [".log", ".ndjson", "-summary.md"];
    name.starts_with("iter-") && ends.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_logs_of_turns_and_only_old_ones() {
        let dir = tempfile::tempdir().unwrap();
        let role = dir.path().join("work/ralph");
        fs::create_dir_all(&role).unwrap();
        let old = ["iter-00001_20260101_000000_main.log", "iter-00001_20260101_000000-summary.md"];
        for name in old.iter().copied().chain(["iter-00002_20260101_000000_main.log", "mine.log"]) {
            let file = fs::File::create(role.join(name)).unwrap();
            let days = if name.contains("00002") { 100 } else { 1 };
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(days * 86_400)).unwrap();
        }
        let ten_days = 10 * 86_400_000;
        let found: Vec<PathBuf> =
            old_logs(dir.path(), ten_days).unwrap().into_iter().map(|log| log.path).collect();
        assert_eq!(found, [role.join(old[1]), role.join(old[0])]);
        assert_eq!(old_logs(&dir.path().join("none"), ten_days).unwrap(), []);
    }
}

//! Where a turn's traces go (turns.md T28, T29).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use crate::clock::duration;
use crate::clock::{file_stamp, iso_seconds};

/// The logs of one role on one branch.
#[derive(Debug, Clone)]
pub struct RoleLogs {
    folder: PathBuf,
    summaries: PathBuf,
    first_role: bool,
}

/// A turn's open log.
#[derive(Debug)]
pub struct TurnLog {
    pub path: PathBuf,
    pub file: File,
    /// `iter-00017_20260120_032929`: shared with the summary.
    stem: String,
}

/// What the head of a log says.
#[derive(Debug)]
pub struct Head<'a> {
    pub role: &'a str,
    pub iteration: u64,
    pub prompt: &'a str,
    pub agent: &'a str,
    /// Masked.
    pub argv: &'a str,
    pub routing: &'a str,
    pub turn_id: &'a str,
}

impl RoleLogs {
    /// Where the logs of a branch are; no branch is called `local`.
    pub fn folder(logs_dir: &Path, branch: Option<&str>) -> PathBuf {
        logs_dir.join(branch.unwrap_or("local").replace('/', "-"))
    }

    /// `logs_dir` is absolute.
    pub fn new(logs_dir: &Path, branch: Option<&str>, role: &str, first_role: bool) -> Self {
        let place = Self::folder(logs_dir, branch);
        Self { folder: place.join(role), summaries: place.join(format!("{role}-summaries")), first_role }
    }

    /// Creates the log of a turn exclusively, and points `latest.log` at it.
    pub fn open(&self, iteration: u64, prompt: &str, now: Timestamp, head: &Head<'_>) -> io::Result<TurnLog> {
        let stem = format!("iter-{iteration:05}_{}", file_stamp(now));
        let base = if self.first_role { stem.clone() } else { format!("{stem}_{}", prompt_stem(prompt)) };
        let (path, mut file) = create_new(&self.folder, &base, "log")?;
        file.write_all(head.text(now).as_bytes())?;
        if let Some(name) = path.file_name() {
            point_latest(&self.folder, Path::new(name))?;
        }
        Ok(TurnLog { path, file, stem })
    }

    /// Writes the summary of a turn beside its log.
    pub fn summary(&self, log: &TurnLog, text: &str) -> io::Result<PathBuf> {
        let (path, mut file) = create_new(&self.summaries, &log.stem, "-summary.md")?;
        file.write_all(text.as_bytes())?;
        Ok(path)
    }
}

impl Head<'_> {
    fn text(&self, now: Timestamp) -> String {
        format!(
            "# role: {} · iteration: {} · prompt: {}\n# agent: {} · argv: {}\n# turn: {} · started: {} · routed: {}\n",
            self.role,
            self.iteration,
            self.prompt,
            self.agent,
            self.argv,
            self.turn_id,
            iso_seconds(now),
            self.routing
        )
    }
}

impl TurnLog {
    /// The head of a further try, behind what the one before it left.
    pub fn again(&mut self, head: &Head<'_>, now: Timestamp) -> io::Result<()> {
        self.file.write_all(head.text(now).as_bytes())
    }

    /// The last line: exit status and duration.
    pub fn close(&mut self, status: &str, took: Duration) -> io::Result<()> {
        let line = format!("# exit: {status} · {}\n", duration(took));
        self.file.write_all(line.as_bytes())
    }
}

/// `main.md` → `main`, `sub/x.md` → `sub-x`.
fn prompt_stem(prompt: &str) -> String {
    prompt.strip_suffix(".md").unwrap_or(prompt).replace('/', "-")
}

/// A file that did not exist before; `-2`, `-3` … on a collision. `suffix` is an extension, or an
/// ending that begins with `-`.
fn create_new(folder: &Path, base: &str, suffix: &str) -> io::Result<(PathBuf, File)> {
    let ending = if suffix.starts_with('-') { suffix.to_owned() } else { format!(".{suffix}") };
    let mut made_folder = false;
    let mut n = 1;
    loop {
        let number = if n == 1 { String::new() } else { format!("-{n}") };
        let path = folder.join(format!("{base}{number}{ending}"));
        match OpenOptions::new().append(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && n < 10_000 => n += 1,
            Err(e) if e.kind() == io::ErrorKind::NotFound && !made_folder => {
                fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
                made_folder = true;
            }
            Err(e) => return Err(e),
        }
    }
}

/// Replaces the link in one step, so that a reader always finds one.
fn point_latest(folder: &Path, name: &Path) -> io::Result<()> {
    let temporary = folder.join(".latest.tmp");
    let _ = fs::remove_file(&temporary);
    symlink(name, &temporary)?;
    fs::rename(temporary, folder.join("latest.log"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head<'static> {
        Head {
            role: "ralph",
            iteration: 17,
            prompt: "main.md",
            agent: "shell",
            argv: "sh",
            routing: "ralph's own prompt",
            turn_id: "t",
        }
    }

    /// T28: names, exclusive creation with `-2`, and the link to the newest.
    #[test]
    fn logs_are_named_by_branch_role_iteration_and_time() {
        let dir = tempfile::tempdir().unwrap();
        let at: Timestamp = "2026-01-20T03:29:29Z".parse().unwrap();
        let logs = RoleLogs::new(dir.path(), Some("feature/x"), "ralph", false);
        let mut first = logs.open(17, "main.md", at, &head()).unwrap();
        first.close("status 0", Duration::from_secs(3)).unwrap();
        let second = logs.open(17, "main.md", at, &head()).unwrap();
        let name = |p: &Path| p.strip_prefix(dir.path()).unwrap().to_string_lossy().into_owned();
        assert_eq!(name(&first.path), "feature-x/ralph/iter-00017_20260120_032929_main.log");
        assert_eq!(name(&second.path), "feature-x/ralph/iter-00017_20260120_032929_main-2.log");
        let latest = fs::read_link(dir.path().join("feature-x/ralph/latest.log")).unwrap();
        assert_eq!(latest, Path::new("iter-00017_20260120_032929_main-2.log"));
        let text = fs::read_to_string(&first.path).unwrap();
        assert!(
            text.starts_with("# role: ralph · iteration: 17 · prompt: main.md\n# agent: shell"),
            "{text}"
        );
        assert!(text.ends_with("# exit: status 0 · 3.0s\n"), "{text}");
        let summary = logs.summary(&first, "x").unwrap();
        assert_eq!(name(&summary), "feature-x/ralph-summaries/iter-00017_20260120_032929-summary.md");
        let supervisor = RoleLogs::new(dir.path(), None, "galph", true).open(1, "s.md", at, &head()).unwrap();
        assert_eq!(name(&supervisor.path), "local/galph/iter-00001_20260120_032929.log");
    }
}

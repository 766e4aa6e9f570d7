//! `.orchestrator/oneshot/<id>/`: the record, the activity log, prompts and results.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::lock::{Failed, Held, Lock, Owner};
use super::{Session, VERSION};
use crate::oneshot::error::OneshotError;
use crate::oneshot::result::Found;
use crate::sync::atomic;

/// Below the project root.
const PLACE: &str = ".orchestrator/oneshot";

/// A session's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The folder of a new session; an id that exists is an error.
    pub fn create(root: &Path, id: &str) -> Result<Self, OneshotError> {
        let place = root.join(PLACE);
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| OneshotError::Io { path, source }
        };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&place).map_err(io(&place))?;
        let path = place.join(id);
        fs::DirBuilder::new().mode(0o700).create(&path).map_err(io(&path))?;
        let folder = Self { path };
        // Whoever writes it first would make it for everybody to read.
        let log = folder.activity_log();
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&log).map_err(io(&log))?;
        Ok(folder)
    }

    pub fn of(root: &Path, id: &str) -> Self {
        Self { path: root.join(PLACE).join(id) }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn activity_log(&self) -> PathBuf {
        self.path.join("activity.ndjson")
    }

    /// What the agent wrote, as it wrote it.
    pub fn raw_log(&self, role: &str, iteration: u64) -> PathBuf {
        self.path.join(format!("{role}-{iteration}.log"))
    }

    pub fn prompt(&self, role: &str, iteration: u64) -> PathBuf {
        self.path.join(format!("{role}-{iteration}.prompt.md"))
    }

    pub fn result(&self, role: &str, iteration: u64) -> PathBuf {
        self.path.join(format!("{role}-{iteration}.result.md"))
    }

    /// What that worker run was told.
    pub fn feedback(&self, iteration: u64) -> PathBuf {
        self.path.join(format!("worker-{iteration}.feedback.md"))
    }

    /// Length of the activity log so far.
    pub fn activity_bytes(&self) -> u64 {
        fs::metadata(self.activity_log()).map_or(0, |meta| meta.len())
    }

    fn around(&self, iteration: u64) -> PathBuf {
        self.path.join(format!("worker-{iteration}.around.json"))
    }

    pub fn lock(&self, owner: &Owner) -> Result<Lock, OneshotError> {
        let path = self.path.join("lock");
        Lock::take(&path, owner).map_err(|e| match e {
            Failed::Busy(owner) => OneshotError::Busy(owner),
            Failed::Io(source) => OneshotError::Io { path, source },
        })
    }

    /// Somebody works on it, and who.
    pub fn holder(&self) -> Option<Held> {
        Lock::holder(&self.path.join("lock"))
    }

    /// Replaces the record; when this returns it is on the disk, and before that the old one is.
    pub fn save(&self, session: &Session) -> Result<(), OneshotError> {
        let path = self.path.join("session.json");
        let io = |source| OneshotError::Io { path: path.clone(), source };
        let mut text = serde_json::to_vec_pretty(session).map_err(|e| io(e.into()))?;
        text.push(b'\n');
        atomic::write(&path, &text, true).map_err(io)
    }

    pub fn load(&self) -> Result<Session, OneshotError> {
        let path = self.path.join("session.json");
        let bytes = match atomic::read(&path) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Err(OneshotError::Io { path, source: io::ErrorKind::NotFound.into() }),
            Err(source) => return Err(OneshotError::Io { path, source }),
        };
        let damaged =
            |e: serde_json::Error| OneshotError::Damaged { path: path.clone(), message: e.to_string() };
        let value: Value = serde_json::from_slice(&bytes).map_err(damaged)?;
        if let Some(found) = value["version"].as_u64().filter(|v| *v > VERSION) {
            return Err(OneshotError::Newer { path, found, known: VERSION });
        }
        serde_json::from_value(value).map_err(damaged)
    }

    /// Writes a text beside the record, durably: a record may say that it is there.
    pub fn write(&self, path: &Path, text: &str) -> Result<(), OneshotError> {
        let io = |source| OneshotError::Io { path: path.to_owned(), source };
        atomic::write(path, text.as_bytes(), true).map_err(io)
    }

    pub fn read(&self, path: &Path) -> Option<String> {
        fs::read(path).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    pub fn write_result(&self, iteration: u64, found: &Found) -> Result<(), OneshotError> {
        let beside = Found { text: String::new(), ..found.clone() };
        let path = self.around(iteration);
        let text = serde_json::to_string(&beside)
            .map_err(|e| OneshotError::Io { path: path.clone(), source: e.into() })?;
        self.write(&path, &text)?;
        self.write(&self.result("worker", iteration), &found.text)
    }

    /// The result of that worker run; empty if it left none.
    pub fn read_result(&self, iteration: u64) -> Found {
        let around = self.read(&self.around(iteration));
        let found: Found = around.and_then(|t| serde_json::from_str(&t).ok()).unwrap_or_default();
        Found { text: self.read(&self.result("worker", iteration)).unwrap_or_default(), ..found }
    }
}

/// The ids of all sessions, oldest first: an id begins with its time.
pub fn ids(root: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(root.join(PLACE)) else { return Vec::new() };
    let mut found: Vec<String> = entries
        .flatten()
        .filter(|e| e.path().join("session.json").is_file())
        .filter_map(|e| e.file_name().into_string().ok())
        .collect();
    found.sort();
    found
}

/// The session that a person means: the newest, an id, or the unique beginning or end of one.
pub fn pick(root: &Path, name: Option<&str>) -> Result<String, OneshotError> {
    let all = ids(root);
    let Some(name) = name else { return all.into_iter().next_back().ok_or(OneshotError::NoSession) };
    if all.iter().any(|id| id == name) {
        return Ok(name.to_owned());
    }
    let mut found: Vec<String> = all
        .into_iter()
        .filter(|id| !name.is_empty() && (id.starts_with(name) || id.ends_with(name)))
        .collect();
    match found.len() {
        0 => Err(OneshotError::UnknownSession(name.to_owned())),
        1 => Ok(found.remove(0)),
        _ => Err(OneshotError::Ambiguous { name: name.to_owned(), found }),
    }
}

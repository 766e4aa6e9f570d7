//! This clone's memory of the turn it runs: `.orchestrator/turn.json` (git-sync.md G5a).
//!
//! It is durable before the push it announces, and it is what makes a turn *mine* after a crash.
//! The file holds one JSON object a line, the last whole line counts: adding a line costs one flush to the disk, a new
//! file two and an inode.
//!
//! A damaged journal is an error that says what it means: guessing would run a turn twice or
//! publish one that was lost.

use std::io;
use std::path::{Path, PathBuf};

use git2::Oid;
use serde::{Deserialize, Serialize};

use super::atomic;
use crate::ids::RoleId;

/// The version this program writes; it reads none that is higher.
pub const VERSION: u32 = 1;

/// The journal inside the project's `.orchestrator/` folder.
pub fn path_in(private_dir: &Path) -> PathBuf {
    private_dir.join("turn.json")
}

/// The turn this clone runs, or ran last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    pub version: u32,
    pub turn_id: String,
    pub epoch: u64,
    pub role: RoleId,
    pub iteration: u64,
    pub mode: Mode,
    #[serde(default)]
    pub branch: Option<String>,
    /// The claim commit; `None` where the state is not committed.
    #[serde(default, with = "hex")]
    pub claim: Option<Oid>,
    /// Paths that were dirty before the turn, as text: never committed by it, also if it is
    /// resumed after a crash.
    #[serde(default)]
    pub before: Vec<String>,
    /// The agent's process, once it was started.
    #[serde(default)]
    pub agent: Option<AgentStart>,
    /// Commits made during the turn, oldest first.
    #[serde(default, with = "hex_list")]
    pub commits: Vec<Oid>,
    /// The commit that ends the turn, once made.
    #[serde(default, with = "hex")]
    pub stamp: Option<Oid>,
    /// The stamp is known to be published, or lost for good (G12): nothing is left to settle.
    #[serde(default)]
    pub confirmed: bool,
    /// The state commit that follows this entry of the journal.
    #[serde(default)]
    pub announced: Option<Announced>,
    /// How the turn ended; `None` while it runs.
    #[serde(default)]
    pub outcome: Option<Outcome>,
    /// Paths that a turn left uncommitted and named (T23, T25, T36). The next journal carries on
    /// those that are still dirty.
    #[serde(default)]
    pub left: Vec<LeftPath>,
    /// The agent's log.
    #[serde(default)]
    pub log: Option<PathBuf>,
}

/// Who decides whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    Combined,
    Role,
}

/// What identifies an agent's process after a restart: a process id alone may be someone else's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentStart {
    pub pid: i32,
    pub pgid: i32,
    /// Start time of the process as the system counts it (clock ticks since boot on Linux).
    pub started: u64,
    pub attempt: u32,
}

/// A state commit that is about to be made: enough to make it again after a crash (T14).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    /// The whole commit message.
    pub message: String,
    /// The state file's bytes.
    pub state: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Succeeded,
    Failed,
    Interrupted,
    Released,
    Fenced,
}

/// A path left uncommitted, as text (`worktree::path_text`), and whose turn left it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LeftPath {
    pub path: String,
    pub role: RoleId,
}

/// A journal that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("access the journal {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("the journal {} is damaged: {source}", path.display())]
    Damaged { path: PathBuf, source: serde_json::Error },
    #[error("the journal {} has version {version}, this program reads up to {VERSION}", path.display())]
    Newer { path: PathBuf, version: u64 },
}

impl JournalError {
    /// What it means, and how to go on.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Io { .. } => None,
            Self::Damaged { path, .. } => Some(format!(
                "it says which turn of this clone is unfinished; compare the state file and `git log`, \
                 keep the commits you need, then move {} away: a running turn then counts as another \
                 machine's",
                path.display()
            )),
            Self::Newer { path, .. } => Some(format!(
                "finish the turn with the newer program, or move {} away: a running turn then counts \
                 as another machine's",
                path.display()
            )),
        }
    }
}

impl Journal {
    /// The journal of a turn that is about to be claimed.
    pub fn new(turn_id: String, epoch: u64, role: RoleId, iteration: u64, mode: Mode) -> Self {
        Self {
            version: VERSION,
            turn_id,
            epoch,
            role,
            iteration,
            mode,
            branch: None,
            claim: None,
            before: Vec::new(),
            agent: None,
            commits: Vec::new(),
            stamp: None,
            confirmed: false,
            announced: None,
            outcome: None,
            left: Vec::new(),
            log: None,
        }
    }

    /// Reads the journal; `None` if this clone has none. Unknown fields are passed over.
    pub fn load(path: &Path) -> Result<Option<Self>, JournalError> {
        let bytes = atomic::read(path).map_err(|source| JournalError::Io { path: path.into(), source })?;
        let Some(bytes) = bytes else { return Ok(None) };
        let damaged = |source| JournalError::Damaged { path: path.into(), source };
        // The version first: a newer form may differ in any other field.
        let line = atomic::last_line(&bytes).unwrap_or(&bytes);
        // A person may have laid the text out over several lines.
        let value: serde_json::Value = serde_json::from_slice(line)
            .or_else(|e| serde_json::from_slice(&bytes).map_err(|_| e))
            .map_err(damaged)?;
        if let Some(version) = value["version"].as_u64().filter(|v| *v > u64::from(VERSION)) {
            return Err(JournalError::Newer { path: path.into(), version });
        }
        serde_json::from_value(value).map(Some).map_err(damaged)
    }

    /// Adds this entry to the journal; `durable` before a push that it announces.
    pub fn save(&self, path: &Path, durable: bool) -> Result<(), JournalError> {
        let damaged = |source| JournalError::Damaged { path: path.into(), source };
        let mut bytes = serde_json::to_vec(self).map_err(damaged)?;
        bytes.push(b'\n');
        atomic::append(path, &bytes, durable).map_err(|source| JournalError::Io { path: path.into(), source })
    }
}

/// A commit id as hexadecimal text.
pub(super) mod hex {
    use git2::Oid;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[expect(clippy::ref_option, reason = "serde's signature")]
    pub fn serialize<S: Serializer>(id: &Option<Oid>, s: S) -> Result<S::Ok, S::Error> {
        match id {
            Some(id) => s.collect_str(id),
            None => s.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Oid>, D::Error> {
        let text = Option::<String>::deserialize(d)?;
        text.map(|t| Oid::from_str(&t).map_err(|_| D::Error::custom(format!("`{t}` is no commit id"))))
            .transpose()
    }
}

mod hex_list {
    use git2::Oid;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(ids: &[Oid], s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(ids.iter().map(Oid::to_string))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<Oid>, D::Error> {
        let texts = Vec::<String>::deserialize(d)?;
        let id =
            |t: String| Oid::from_str(&t).map_err(|_| D::Error::custom(format!("`{t}` is no commit id")));
        texts.into_iter().map(id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal() -> Journal {
        let role = RoleId::parse("ralph").unwrap();
        let mut journal = Journal::new("0198-a".into(), 7, role.clone(), 3, Mode::Combined);
        let id = Oid::from_str("1111111111111111111111111111111111111111").unwrap();
        journal.claim = Some(id);
        journal.commits = vec![id, id];
        journal.agent = Some(AgentStart { pid: 10, pgid: 10, started: 123, attempt: 1 });
        journal.announced = Some(Announced { message: "[SYNC".into(), state: "{\"ü\": 1}\n".into() });
        journal.outcome = Some(Outcome::Failed);
        journal.left = vec![LeftPath { path: "\"a\\nb\"".into(), role }];
        journal
    }

    /// G5a: what was written is read, unknown fields included in the tolerance.
    #[test]
    fn a_journal_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = path_in(&folder.path().join(".orchestrator"));
        assert_eq!(Journal::load(&path).unwrap(), None);
        for durable in [false, true] {
            journal().save(&path, durable).unwrap();
            assert_eq!(Journal::load(&path).unwrap(), Some(journal()));
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let mut value: serde_json::Value = serde_json::from_str(text.lines().next_back().unwrap()).unwrap();
        value["later"] = serde_json::json!({ "x": 1 });
        std::fs::write(&path, format!("{value}\n")).unwrap();
        assert_eq!(Journal::load(&path).unwrap(), Some(journal()));
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no temporary file stays");
    }

    /// A line that a crash tore was never acknowledged: the one before it counts, and the next is read after it.
    #[test]
    fn a_torn_end_is_the_entry_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = path_in(folder.path());
        journal().save(&path, true).unwrap();
        let first = std::fs::read(&path).unwrap();
        let next = Journal { epoch: 8, ..journal() };
        next.save(&path, true).unwrap();
        assert_eq!(Journal::load(&path).unwrap(), Some(next.clone()));
        let both = std::fs::read(&path).unwrap();
        assert!(both.starts_with(&first), "added, not replaced");
        let mut zeros = first.clone();
        zeros.resize(both.len() - 1, 0);
        zeros.push(b'\n');
        for torn in (first.len()..both.len() - 1).map(|cut| both[..cut].to_vec()).chain([zeros]) {
            std::fs::write(&path, &torn).unwrap();
            assert_eq!(Journal::load(&path).unwrap(), Some(journal()), "{} bytes", torn.len());
            next.save(&path, true).unwrap();
            assert_eq!(Journal::load(&path).unwrap(), Some(next.clone()));
        }
        for epoch in 0..2000 {
            Journal { epoch, ..journal() }.save(&path, false).unwrap();
        }
        assert_eq!(Journal::load(&path).unwrap().unwrap().epoch, 1999);
        assert!(std::fs::metadata(&path).unwrap().len() < 512 * 1024, "begun anew in time");
    }

    /// A journal that lost anything is an error with a way out, never a guess.
    #[test]
    fn a_damaged_journal_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = path_in(folder.path());
        journal().save(&path, false).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for cut in 0..whole.trim_ascii_end().len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let error = Journal::load(&path).unwrap_err();
            assert!(matches!(error, JournalError::Damaged { .. }), "{cut}");
            assert!(error.hint().unwrap().contains("move"));
        }
        for bad in ["[]", "{}", "null", "{\"version\": 1, \"claim\": \"zz\"}"] {
            std::fs::write(&path, bad).unwrap();
            assert!(matches!(Journal::load(&path), Err(JournalError::Damaged { .. })), "{bad}");
        }
        std::fs::write(&path, "{\"version\": 2}").unwrap();
        assert!(matches!(Journal::load(&path), Err(JournalError::Newer { version: 2, .. })));
    }
}

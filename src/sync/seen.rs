//! What this clone has seen of the branch and must not forget: `.orchestrator/seen.json`.
//!
//! The highest epoch (a peer may drop `turn` from the state, G4), the branch's last tip (a tip
//! that does not descend from it was forced, G14), and a stop that a peer may overwrite (T6).

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use git2::Oid;
use serde::{Deserialize, Serialize};

use super::protocol::{Observation, RefName};
use super::{atomic, journal::hex};

/// The file inside the project's `.orchestrator/` folder.
pub fn path_in(private_dir: &Path) -> PathBuf {
    private_dir.join("seen.json")
}

/// What this clone has seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The highest epoch of any turn.
    #[serde(default)]
    pub epoch: u64,
    /// The commit up to which [`Seen::epoch`] covers the branch: no older one need be read again.
    #[serde(default, with = "hex")]
    pub epoch_at: Option<Oid>,
    /// The last tip of each remote branch, by ref name.
    #[serde(default, with = "hex_map")]
    pub tips: BTreeMap<String, Oid>,
    /// A stop that was seen and that no resume has followed.
    #[serde(default)]
    pub exit: Option<ExitSeen>,
    /// What a short-lived run has observed of another's turn (G13).
    #[serde(default)]
    pub observed: Option<Observation>,
    /// A lease ref that the remote refused: another one is used from then on (G3).
    #[serde(default)]
    pub refused_lease: Option<RefName>,
}

/// Where a stop was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitSeen {
    #[serde(default)]
    pub turn_id: Option<String>,
    /// The commit whose state held it; `None` where the state is not committed.
    #[serde(default, with = "hex")]
    pub commit: Option<Oid>,
    #[serde(default)]
    pub reason: Option<String>,
}

/// A memory that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SeenError {
    #[error("access {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{} is damaged: {source}", path.display())]
    Damaged { path: PathBuf, source: serde_json::Error },
}

impl SeenError {
    /// What it means, and how to go on.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Io { .. } => None,
            Self::Damaged { path, .. } => Some(format!(
                "it guards against a forced branch and a repeated epoch; check that the branch is the \
                 one you expect, then remove {}",
                path.display()
            )),
        }
    }
}

impl Seen {
    /// Reads the memory; a clone without one has seen nothing. Unknown fields are passed over.
    pub fn load(path: &Path) -> Result<Self, SeenError> {
        let bytes = atomic::read(path).map_err(|source| SeenError::Io { path: path.into(), source })?;
        let Some(bytes) = bytes else { return Ok(Self::default()) };
        serde_json::from_slice(&bytes).map_err(|source| SeenError::Damaged { path: path.into(), source })
    }

    pub fn save(&self, path: &Path, durable: bool) -> Result<(), SeenError> {
        let damaged = |source| SeenError::Damaged { path: path.into(), source };
        let mut bytes = serde_json::to_vec_pretty(self).map_err(damaged)?;
        bytes.push(b'\n');
        atomic::write(path, &bytes, durable).map_err(|source| SeenError::Io { path: path.into(), source })
    }

    /// Notes the epoch of a commit; epochs never go down.
    pub fn note_epoch(&mut self, epoch: u64, at: Option<Oid>) {
        self.epoch = self.epoch.max(epoch);
        self.epoch_at = at.or(self.epoch_at);
    }
}

mod hex_map {
    use std::collections::BTreeMap;

    use git2::Oid;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(tips: &BTreeMap<String, Oid>, s: S) -> Result<S::Ok, S::Error> {
        s.collect_map(tips.iter().map(|(name, id)| (name, id.to_string())))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<BTreeMap<String, Oid>, D::Error> {
        let texts = BTreeMap::<String, String>::deserialize(d)?;
        let tip = |(name, text): (String, String)| match Oid::from_str(&text) {
            Ok(id) => Ok((name, id)),
            Err(_) => Err(D::Error::custom(format!("`{text}` is no commit id"))),
        };
        texts.into_iter().map(tip).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// G4, G14, T6.
    #[test]
    fn what_was_seen_is_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let path = path_in(&folder.path().join(".orchestrator"));
        let mut seen = Seen::load(&path).unwrap();
        assert_eq!(seen, Seen::default());
        let id = Oid::from_str("1111111111111111111111111111111111111111").unwrap();
        seen.note_epoch(9, Some(id));
        seen.note_epoch(4, None);
        seen.tips.insert("refs/heads/main".into(), id);
        seen.exit = Some(ExitSeen { commit: Some(id), ..ExitSeen::default() });
        seen.save(&path, true).unwrap();
        let read = Seen::load(&path).unwrap();
        assert_eq!(read, seen);
        assert_eq!((read.epoch, read.epoch_at), (9, Some(id)));
        std::fs::write(&path, "{\"tips\": {\"a\": \"nonsense\"}}").unwrap();
        assert!(matches!(Seen::load(&path), Err(SeenError::Damaged { .. })));
    }
}

//! The configuration file under a running loop (turns.md T41).

use std::path::PathBuf;

use super::document::regular;
use super::load::MAX_BYTES;

/// The file as it was when the configuration was read. A start reads it once: an agent or a pull must not add hooks to
/// a live loop. So what changes later is only told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    pub path: PathBuf,
    content: Option<Vec<u8>>,
}

impl Watched {
    /// `content`: what was read from the file; `None` if there was none.
    pub(super) fn new(path: PathBuf, content: Option<Vec<u8>>) -> Self {
        Self { path, content }
    }

    /// Whether the file differs from what it was at the last look. A file that cannot be read counts as none.
    pub fn changed(&mut self) -> bool {
        // No more than a start would take.
        let now = regular(&self.path, MAX_BYTES).ok();
        if now == self.content {
            return false;
        }
        self.content = now;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// T41: each change is told once, also a file that comes or goes.
    #[test]
    fn every_change_is_seen_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("orchestration.yaml");
        let mut watched = Watched::new(path.clone(), None);
        assert!(!watched.changed());
        for text in ["a", "b", ""] {
            fs::write(&path, text).unwrap();
            assert!(watched.changed() && !watched.changed());
        }
        fs::remove_file(&path).unwrap();
        assert!(watched.changed() && !watched.changed());
    }
}

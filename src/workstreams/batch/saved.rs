//! What `--resume` needs to know of a run: its tasks as they were, and which of them were finished.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::BatchError;
use super::run::Options;
use super::task::Task;
use crate::sync::{atomic, hold};

const VERSION: u32 = 1;

/// Private to the user: prompts and environment may hold what others should not read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    pub version: u32,
    pub tasks: Vec<Task>,
    pub options: Options,
    /// Finished by earlier runs.
    pub done: BTreeSet<String>,
}

/// Where they are kept.
pub fn folder(private: &Path) -> PathBuf {
    private.join("batch")
}

fn path_in(private: &Path, run_id: &str) -> PathBuf {
    folder(private).join(format!("{run_id}.json"))
}

impl Saved {
    pub fn new(tasks: Vec<Task>, options: Options, done: BTreeSet<String>) -> Self {
        Self { version: VERSION, tasks, options, done }
    }

    /// Durable when this returns; a reader never sees half of it.
    pub(super) fn write(&self, private: &Path, run_id: &str) -> Result<(), BatchError> {
        let path = path_in(private, run_id);
        let failed = |source| BatchError::Io { path: path.clone(), source };
        let place = folder(private);
        DirBuilder::new().recursive(true).mode(0o700).create(&place).map_err(failed)?;
        let bytes = serde_json::to_vec(self).map_err(|e| failed(io::Error::from(e)))?;
        atomic::write(&path, &bytes, true).map_err(failed)
    }

    /// Keeps others from resuming the run for as long as the handle lives; `None`: somebody does, or it left nothing.
    pub fn hold(private: &Path, run_id: &str) -> Result<Option<File>, BatchError> {
        let path = path_in(private, run_id);
        match hold::hold(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            other => other.map_err(|source| BatchError::Io { path, source }),
        }
    }

    /// What the run with this id began with; none: it left nothing.
    ///
    /// # Errors
    /// The file is damaged, or a newer program's.
    pub fn read(private: &Path, run_id: &str) -> Result<Option<Self>, BatchError> {
        let path = path_in(private, run_id);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(BatchError::Io { path, source }),
        };
        let value: serde_json::Value = serde_json::from_slice(&bytes)
            .map_err(|source| BatchError::Damaged { path: path.clone(), source })?;
        // The version first: a newer form may differ in any other field.
        if let Some(version) = value["version"].as_u64().filter(|v| *v > u64::from(VERSION)) {
            return Err(BatchError::Newer { path, version: u32::try_from(version).unwrap_or(u32::MAX) });
        }
        serde_json::from_value(value).map(Some).map_err(|source| BatchError::Damaged { path, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workstreams::batch::{Form, Look, tasks};

    #[test]
    fn saved_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Saved::read(folder.path(), "r").unwrap(), None);
        let look = Look { file: &|_| Ok(None), folder: &|_| true };
        let tasks = tasks("echo 1\necho 2\n", Form::Commands, look).unwrap();
        let saved = Saved::new(tasks, Options::default(), BTreeSet::from(["1".to_owned()]));
        saved.write(folder.path(), "r").unwrap();
        assert_eq!(Saved::read(folder.path(), "r").unwrap(), Some(saved));
        let path = path_in(folder.path(), "r");
        for (text, part) in [("{", "not what a batch saves"), ("{\"version\": 9}", "newer version (form 9)")]
        {
            fs::write(&path, text).unwrap();
            let error = Saved::read(folder.path(), "r").unwrap_err().to_string();
            assert!(error.contains(part) && error.contains("r.json"), "{error}");
        }
    }
}

//! What resuming a run needs: its workstream as it was when it began, and what its steps answered.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::EngineError;
use crate::sync::{atomic, hold};
use crate::workstreams::graph::Graph;
use crate::workstreams::spec::{Spec, Workstream};

const VERSION: u32 = 1;

/// Private to the user: prompts and environment may hold what others should not read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    pub version: u32,
    pub spec: Spec,
}

/// The folder of a run.
pub fn folder(private: &Path, run_id: &str) -> PathBuf {
    private.join("workstream").join(run_id)
}

impl Saved {
    pub fn new(spec: Spec) -> Self {
        Self { version: VERSION, spec }
    }

    /// Durable when this returns; a reader never sees half of it.
    pub fn write(&self, private: &Path, run_id: &str) -> Result<(), EngineError> {
        let place = folder(private, run_id);
        let path = place.join("spec.json");
        let failed = |source| EngineError::Io { path: path.clone(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(&place).map_err(failed)?;
        let bytes = serde_json::to_vec(self).map_err(|e| failed(io::Error::from(e)))?;
        atomic::write(&path, &bytes, true).map_err(failed)
    }

    /// Keeps others from resuming the run for as long as the handle lives. The record alone cannot: between looking at
    /// it and writing the first move, another program may look too.
    pub fn hold(private: &Path, run_id: &str) -> Result<File, EngineError> {
        let path = folder(private, run_id).join("spec.json");
        match hold::hold(&path) {
            Ok(Some(held)) => Ok(held),
            Ok(None) => Err(EngineError::Live(run_id.to_owned())),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                Err(EngineError::NoWorkstream(run_id.to_owned()))
            }
            Err(source) => Err(EngineError::Io { path, source }),
        }
    }

    /// What the run with this id began with.
    pub fn read(private: &Path, run_id: &str) -> Result<Workstream, EngineError> {
        let path = folder(private, run_id).join("spec.json");
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Err(EngineError::NoWorkstream(run_id.to_owned()));
            }
            Err(source) => return Err(EngineError::Io { path, source }),
        };
        let damaged = |why: String| EngineError::Damaged { path: path.clone(), why };
        let saved: Self = serde_json::from_slice(&bytes).map_err(|e| damaged(e.to_string()))?;
        if saved.version > VERSION {
            return Err(damaged(format!("written by a newer version (form {})", saved.version)));
        }
        let spec = saved.spec;
        let place = |name: &String| spec.steps.iter().position(|s| s.id == *name);
        let places: std::collections::HashMap<&str, usize> =
            spec.steps.iter().enumerate().map(|(at, step)| (step.id.as_str(), at)).collect();
        let own = |list: &[String]| -> Option<Vec<usize>> {
            list.iter().map(|name| places.get(name.as_str()).copied().or_else(|| place(name))).collect()
        };
        let lists: Option<Vec<Vec<usize>>> = spec.steps.iter().map(|step| own(&step.depends_on)).collect();
        let lists = lists.ok_or_else(|| damaged("a step depends on one that is not there".into()))?;
        let graph = Graph::new(&lists).map_err(|e| damaged(e.to_string()))?;
        Ok(Workstream { spec, graph })
    }
}

/// Where it is kept which session does a step.
pub(super) fn session_file(private: &Path, run_id: &str, step: &str) -> PathBuf {
    folder(private, run_id).join(format!("{step}.session.json"))
}

/// What a step answered, for conditions after a restart. Losing it loses no work.
pub(super) fn keep_result(private: &Path, run_id: &str, step: &str, result: &Value) -> io::Result<()> {
    let bytes = serde_json::to_vec(result)?;
    atomic::write(&folder(private, run_id).join(format!("{step}.result.json")), &bytes, false)
}

pub(super) fn kept_result(private: &Path, run_id: &str, step: &str) -> Value {
    fs::read(folder(private, run_id).join(format!("{step}.result.json")))
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or(Value::Null)
}

//! Small JSON files of the private folder: replaced in one step, durable if asked.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A file of the private folder that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{path}: {source}", path = .path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{path}: damaged: {message}", path = .path.display())]
    Damaged { path: PathBuf, message: String },
}

/// Reads a file; `None` if there is none.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StoreError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(StoreError::Io { path: path.into(), source }),
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|e| StoreError::Damaged { path: path.into(), message: e.to_string() })
}

/// Replaces a file (0600). Without `durable` it survives a crash of the program but perhaps not
/// of the machine.
pub fn write<T: Serialize>(path: &Path, value: &T, durable: bool) -> Result<(), StoreError> {
    let io = |source| StoreError::Io { path: path.into(), source };
    let bytes = serde_json::to_vec(value).map_err(|e| io(e.into()))?;
    let temporary = path.with_extension("json.tmp");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)
        .map_err(io)?;
    file.write_all(&bytes).map_err(io)?;
    if durable {
        file.sync_all().map_err(io)?;
    }
    drop(file);
    fs::rename(&temporary, path).map_err(io)?;
    if durable {
        let folder = path.parent().unwrap_or(Path::new("."));
        File::open(folder).and_then(|f| f.sync_all()).map_err(io)?;
    }
    Ok(())
}

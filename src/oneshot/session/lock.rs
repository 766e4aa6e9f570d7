//! One process at a time works on a session.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::sync::hold;

/// Who holds a session, as written by the holder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    pub pid: u32,
    /// UTC.
    pub started: String,
}

/// Somebody works on a session; who, if it could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held(pub Option<Owner>);

/// The held lock. The kernel drops it with the process, so that a dead owner never blocks anybody
/// and a pid that was given out again misleads nobody.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Why it was not taken.
#[derive(Debug)]
pub(super) enum Failed {
    Busy(Option<Owner>),
    Io(io::Error),
}

impl Lock {
    pub(super) fn take(path: &Path, owner: &Owner) -> Result<Self, Failed> {
        let open =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
        let mut file = open.map_err(Failed::Io)?;
        let taken = hold::take(&mut file, true, Duration::ZERO, read, |owner| owner.pid);
        taken.map_err(Failed::Io)?.map_err(Failed::Busy)?;
        let text = serde_json::to_string(owner).map_err(|e| Failed::Io(e.into()))?;
        file.set_len(0).and_then(|()| file.rewind()).map_err(Failed::Io)?;
        file.write_all(text.as_bytes()).map_err(Failed::Io)?;
        Ok(Self { _file: file })
    }

    /// Whether somebody holds it, and who.
    pub(super) fn holder(path: &Path) -> Option<Held> {
        hold::look(&mut File::open(path).ok()?, read, |owner| owner.pid).err().map(Held)
    }
}

fn read(file: &mut File) -> Option<Owner> {
    let mut text = String::new();
    file.take(4096).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

//! Small files of `.orchestrator/`, replaced in one rename.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

/// No file of ours comes near this; a larger one is not ours.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Replaces `path` with `bytes`; a reader never sees half a file. With `durable`, the content and
/// its name are on the disk when this returns. The temporary name is fixed, so that crashes leave
/// at most one file behind; whoever writes holds the clone's lock.
pub(crate) fn write(path: &Path, bytes: &[u8], durable: bool) -> io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.tmp"));
    let mut file = File::create(&temporary)?;
    file.write_all(bytes)?;
    if durable {
        file.sync_all()?;
    }
    drop(file);
    fs::rename(&temporary, path)?;
    if durable {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// The bytes of `path`, `None` if there is no such file.
pub(crate) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "larger than 4 MiB"));
    }
    Ok(Some(bytes))
}

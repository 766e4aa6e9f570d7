//! Small files of `.orchestrator/`, replaced in one rename.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// No file of ours comes near this; a larger one is not ours.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// A file of lines is begun anew beyond this; one line may make it as much larger.
const MAX_LINES_BYTES: u64 = 256 * 1024;

/// Replaces `path` with `bytes`; a reader never sees half a file. With `durable`, the content and
/// its name are on the disk when this returns. The temporary name is fixed, so that crashes leave
/// at most one file behind; whoever writes holds the clone's lock.
pub(crate) fn write(path: &Path, bytes: &[u8], durable: bool) -> io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.tmp"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
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

/// Writes `text` over `path` in one call, padded with line ends to what was there: a killed program leaves the old or
/// the new text, a power cut may leave a mixture. For JSON that nothing depends on, written often.
pub(super) fn overwrite(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut open = OpenOptions::new();
    open.write(true).create(true).truncate(false);
    let file = match open.open(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
            open.open(path)?
        }
        other => other?,
    };
    let old = usize::try_from(file.metadata()?.len()).unwrap_or(0);
    let mut text = text.to_vec();
    text.resize(old.max(text.len()), b'\n');
    file.write_all_at(&text, 0)
}

/// Adds `line`, which ends in a line end, to a file of which only the last whole line counts. With `durable` it is on
/// the disk when this returns. A file that has grown large, or whose end is torn, is replaced.
pub(super) fn append(path: &Path, line: &[u8], durable: bool) -> io::Result<()> {
    let file = match OpenOptions::new().read(true).append(true).open(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return write(path, line, durable),
        other => other?,
    };
    let old = file.metadata()?.len();
    let mut end = [0];
    let whole = old > 0 && file.read_exact_at(&mut end, old - 1).is_ok() && end == *b"\n";
    if !whole || old > MAX_LINES_BYTES {
        return write(path, line, durable);
    }
    (&file).write_all(line)?;
    if durable { file.sync_data() } else { Ok(()) }
}

/// The last whole line of what [`append`] wrote. A line that a crash tore (no end, or bytes that never reached the disk)
/// was never acknowledged, so the one before it counts.
pub(super) fn last_line(bytes: &[u8]) -> Option<&[u8]> {
    let (whole, _torn) = bytes.split_at(memchr::memrchr(b'\n', bytes)? + 1);
    whole.trim_ascii_end().split(|b| *b == b'\n').rev().find(|line| !line.contains(&0))
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

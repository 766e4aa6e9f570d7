//! The state file on disk: bounded reads, durable writes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::OFlags;

use super::error::StateError;
use super::model::State;
use crate::ids::RoleId;

/// A state file larger than this is damaged.
pub const MAX_BYTES: u64 = 1024 * 1024;

/// Reads and parses the state file.
///
/// # Errors
/// [`StateError::Missing`] if there is none; any other problem names file, line and field.
pub fn read(path: &Path, roles: &[RoleId], now: Timestamp) -> Result<State, StateError> {
    parse(path, &read_bytes(path)?, roles, now)
}

/// The bytes of the state file, at most [`MAX_BYTES`].
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, StateError> {
    let io = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => StateError::Missing { path: path.into() },
        _ => StateError::Io { path: path.into(), source },
    };
    // A pipe in its place would make the program wait for ever; for a regular file the flag means nothing.
    let file = OpenOptions::new().read(true).custom_flags(flag(OFlags::NONBLOCK)).open(path).map_err(io)?;
    let meta = file.metadata().map_err(io)?;
    if !meta.is_file() {
        return Err(io(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")));
    }
    let size = meta.len();
    let mut bytes = Vec::with_capacity(usize::try_from(size.min(MAX_BYTES)).unwrap_or(0) + 1);
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(StateError::TooLarge { path: path.into(), size: size.max(bytes.len() as u64) });
    }
    Ok(bytes)
}

/// Parses bytes that came from `path` (or from a commit's version of it).
pub fn parse(path: &Path, bytes: &[u8], roles: &[RoleId], now: Timestamp) -> Result<State, StateError> {
    let bad = |problem| StateError::Bad { path: path.into(), problem };
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let line = bytes[..e.valid_up_to()].split(|b| *b == b'\n').count();
        bad(super::FieldProblem::Syntax { line, column: 1, message: "not UTF-8 text".into() })
    })?;
    State::parse(text, roles, now).map_err(bad)
}

/// Replaces `path` so that a reader never sees half a file and a crash leaves the old or the new
/// one: temporary file in the same folder, fsync, rename, fsync of the folder (T4).
///
/// The temporary name is fixed, so that a crash leaves at most one, which the next write takes
/// over; whoever writes holds the loop's lock.
pub fn write_durably(path: &Path, bytes: &[u8]) -> Result<(), StateError> {
    prepare(path, bytes)?.put()
}

/// New content that is durable under its temporary name.
#[must_use = "the file is not replaced yet"]
pub struct Prepared<'a> {
    path: &'a Path,
    temporary: PathBuf,
}

/// The first half of [`write_durably`].
pub fn prepare<'a>(path: &'a Path, bytes: &[u8]) -> Result<Prepared<'a>, StateError> {
    let io = |source| StateError::Io { path: path.into(), source };
    let folder = folder_of(path);
    let temporary = temporary_name(path);
    // Never through a link: it came with the repository and would have us write over any file of the user's.
    if temporary.is_symlink() {
        fs::remove_file(&temporary).map_err(io)?;
    }
    let flags = flag(OFlags::NOFOLLOW);
    let open =
        || OpenOptions::new().write(true).create(true).truncate(true).custom_flags(flags).open(&temporary);
    let mut file = match open() {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(folder).map_err(io)?;
            open().map_err(io)?
        }
        other => other.map_err(io)?,
    };
    file.write_all(bytes).map_err(io)?;
    file.sync_all().map_err(io)?;
    Ok(Prepared { path, temporary })
}

impl Prepared<'_> {
    /// The second half: readers see the new content from here on.
    pub fn put(self) -> Result<(), StateError> {
        let Self { path, temporary } = self;
        let io = |source| StateError::Io { path: path.into(), source };
        fs::rename(&temporary, path).map_err(io)?;
        File::open(folder_of(path)).and_then(|f| f.sync_all()).map_err(io)
    }
}

fn flag(flag: OFlags) -> i32 {
    i32::try_from(flag.bits()).unwrap_or(0)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Where [`write_durably`] prepares the new content of `path`.
pub fn temporary_name(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.tmp"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::FieldProblem;

    fn parsed(bytes: &[u8]) -> StateError {
        let roles = [RoleId::parse("galph").unwrap()];
        parse(Path::new("sync/state.json"), bytes, &roles, Timestamp::UNIX_EPOCH).unwrap_err()
    }

    /// T3: bytes that are no text are refused at their line.
    #[test]
    fn bytes_that_are_no_text() {
        let error = parsed(b"{\n  \"iteration\": 1,\n  \"note\": \"\xff\"\n}\n");
        let StateError::Bad { problem, .. } = &error else { panic!("{error}") };
        assert!(matches!(problem, FieldProblem::Syntax { .. }), "{problem:?}");
        assert_eq!(problem.line(), Some(3));
        assert!(error.to_string().contains("sync/state.json:3:1"), "{error}");
    }

    /// T3: absent, too large and unreadable are three different things.
    #[test]
    fn what_keeps_a_file_from_being_read() {
        let folder = tempfile::tempdir().unwrap();
        let missing = read_bytes(&folder.path().join("state.json")).unwrap_err();
        assert!(matches!(missing, StateError::Missing { .. }), "{missing}");
        let unreadable = read_bytes(folder.path()).unwrap_err();
        assert!(matches!(unreadable, StateError::Io { .. }), "{unreadable}");
        let large = folder.path().join("large.json");
        File::create(&large).unwrap().set_len(MAX_BYTES + 1).unwrap();
        let error = read_bytes(&large).unwrap_err();
        assert!(matches!(error, StateError::TooLarge { size, .. } if size == MAX_BYTES + 1), "{error}");
    }
}

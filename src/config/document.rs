//! Texts that the configuration names: goals, orders, prompts, templates. Whoever wrote them may have put anything there.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Far more than any model reads.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// The whole text of a regular file.
///
/// # Errors
/// Pipes, devices and folders (which could make the program wait or read for ever), more than 16 MiB, no UTF-8.
pub fn document(path: &Path) -> io::Result<String> {
    String::from_utf8(regular(path, MAX_BYTES)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not UTF-8 text"))
}

/// The bytes of a regular file, at most `most`.
pub(super) fn regular(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    // Opening a pipe would wait for a writer; for a regular file the flag means nothing.
    let flag = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = OpenOptions::new().read(true).custom_flags(flag).open(path)?;
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(meta.len().min(most)).unwrap_or(0) + 1);
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let limit = format!("larger than the limit of {} MiB", most / (1024 * 1024));
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, limit));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What would make a reader wait or never end is refused at once; a missing file stays a missing file.
    #[test]
    fn only_a_regular_file_of_a_sane_size_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let refused = |name: &str| document(&path(name)).unwrap_err().to_string();
        std::fs::write(path("text"), "words").unwrap();
        assert_eq!(document(&path("text")).unwrap(), "words");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, path("pipe"), rustix::fs::FileType::Fifo, mode, 0).unwrap();
        assert_eq!(refused("pipe"), "not a regular file");
        assert_eq!(document(Path::new("/dev/zero")).unwrap_err().to_string(), "not a regular file");
        assert!(document(folder.path()).is_err());
        std::fs::File::create(path("huge")).unwrap().set_len(MAX_BYTES + 1).unwrap();
        assert_eq!(refused("huge"), "larger than the limit of 16 MiB");
        std::fs::write(path("bytes"), [0xff]).unwrap();
        assert_eq!(refused("bytes"), "not UTF-8 text");
        assert_eq!(document(&path("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}

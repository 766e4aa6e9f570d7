//! A piece of an attempt's raw log.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::answer::{Fault, text};
use super::routes::Query;
use super::site::Site;

const PIECE: u32 = 64 * 1024;
const MOST: u32 = 1 << 20;

impl Site {
    /// `offset`: where the piece begins, in bytes; `tail`: so many bytes before the end instead.
    pub(super) fn log(&self, name: &str, query: &Query) -> Result<Vec<u8>, Fault> {
        let limit = query.limit(PIECE, MOST)?;
        let offset = query.number("offset")?.unwrap_or(0);
        let offset = u64::try_from(offset).map_err(|_| Fault::Query("`offset` is below 0".into()))?;
        let tail = query.number("tail")?.and_then(|bytes| u64::try_from(bytes).ok());
        let (ledger, attempt_id) = self.attempt_id(name)?;
        let attempt = ledger.attempt(&attempt_id)?;
        let Some(path) = attempt.and_then(|attempt| attempt.log_path) else {
            return Err(Fault::Unknown("this attempt has no log".into()));
        };
        let mut file = File::open(self.confined(&path)?).map_err(Fault::Io)?;
        let size = file.metadata().map_err(Fault::Io)?.len();
        let offset = tail.map_or(offset, |tail| size.saturating_sub(tail)).min(size);
        file.seek(SeekFrom::Start(offset)).map_err(Fault::Io)?;
        let mut bytes = Vec::new();
        file.take(u64::from(limit)).read_to_end(&mut bytes).map_err(Fault::Io)?;
        bytes.truncate(whole_characters(&bytes));
        let next = offset + bytes.len() as u64;
        text(&json!({
            "version": 1,
            "attempt_id": attempt_id,
            "path": path,
            "size": size.max(next),
            "offset": offset,
            "next": next,
            "text": String::from_utf8_lossy(&bytes),
        }))
    }

    /// Where a log that the ledger names really lies: below a folder of logs, or nowhere.
    fn confined(&self, path: &str) -> Result<PathBuf, Fault> {
        let real = self.root.join(path).canonicalize().map_err(Fault::Io)?;
        let inside = |folder: &PathBuf| folder.canonicalize().is_ok_and(|folder| real.starts_with(folder));
        if self.logs.iter().any(inside) && is_log(&real) { Ok(real) } else { Err(Fault::Confined) }
    }
}

/// Beside the logs of the private folder lie a database, sockets and a secret.
fn is_log(path: &Path) -> bool {
    path.is_file()
        && path.extension().is_some_and(|e| ["log", "ndjson", "txt", "md", "jsonl"].iter().any(|l| e == *l))
}

/// Without the beginning of a character whose rest is not there: it comes with the next piece. What is no character
/// at all stays, else there would be no next piece.
fn whole_characters(bytes: &[u8]) -> usize {
    for back in 1..=3.min(bytes.len()) {
        let byte = bytes[bytes.len() - back];
        let length = match byte {
            0xC2..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF4 => 4,
            0x80..=0xBF => continue,
            _ => return bytes.len(),
        };
        return if length > back && back < bytes.len() { bytes.len() - back } else { bytes.len() };
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_is_not_cut() {
        let euro = "a€".as_bytes();
        assert_eq!(whole_characters(&euro[..2]), 1);
        assert_eq!(whole_characters(&euro[..3]), 1);
        assert_eq!(whole_characters(euro), 4);
        assert_eq!(whole_characters(b""), 0);
        assert_eq!(whole_characters(b"ab"), 2);
        assert_eq!(whole_characters(b"a\x80\x80\x80\x80"), 5);
        assert_eq!(whole_characters(b"a\xff"), 2);
        // Nothing else is there: it is sent as it is.
        assert_eq!(whole_characters(b"\xe2"), 1);
    }
}

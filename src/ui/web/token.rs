//! The secret in the printed address. It outlives the server, so that a page that is open goes on after a restart.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::ids::random_bytes;

/// Its file in the private folder.
const FILE: &str = "serve.token";
/// 128 bits.
const BYTES: usize = 16;

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}", path = .path.display())]
pub struct TokenError {
    pub path: PathBuf,
    pub source: io::Error,
}

/// The token of this project; `anew`: another one than before.
pub fn token(private: &Path, anew: bool) -> Result<String, TokenError> {
    let path = private.join(FILE);
    let failed = |source| TokenError { path: path.clone(), source };
    if !anew {
        match fs::read_to_string(&path) {
            Ok(text) if is_token(text.trim()) => return Ok(text.trim().to_owned()),
            // What is no token is replaced by one.
            Ok(_) => {}
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::InvalidData) => {}
            Err(e) => return Err(failed(e)),
        }
    }
    let bytes: [u8; BYTES] = random_bytes().map_err(failed)?;
    let text = format!("{:032x}", u128::from_be_bytes(bytes));
    DirBuilder::new().recursive(true).mode(0o700).create(private).map_err(failed)?;
    write(&path, &text).map_err(failed)?;
    Ok(text)
}

fn is_token(text: &str) -> bool {
    text.len() == 2 * BYTES && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Under another name first: whoever reads it meanwhile sees the old one or the new one.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let unfinished = path.with_extension(format!("new-{}", std::process::id()));
    let _ = fs::remove_file(&unfinished);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(text.as_bytes())?;
    fs::rename(&unfinished, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_token_is_kept_until_another_is_wanted() {
        let dir = tempfile::tempdir().unwrap();
        let private = dir.path().join("private");
        let first = token(&private, false).unwrap();
        assert!(is_token(&first));
        assert_eq!(token(&private, false).unwrap(), first);
        let second = token(&private, true).unwrap();
        assert_ne!(first, second);
        let mode = private.join(FILE).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(private.join(FILE), "short").unwrap();
        assert!(is_token(&token(&private, false).unwrap()));
        assert_eq!(fs::read_dir(&private).unwrap().count(), 1);
    }
}

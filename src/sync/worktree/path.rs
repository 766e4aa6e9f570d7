//! Paths inside the repository as text that loses nothing.
//!
//! git's paths are bytes. Messages and the files in `.orchestrator/` are UTF-8 lines, so a path
//! that is not plain text is written as git writes it: in double quotes, with C escapes.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// The path as one line of text; different paths give different texts.
pub fn path_text(path: &Path) -> String {
    match path.to_str() {
        Some(text) if !text.chars().any(|c| c.is_control() || c == '"' || c == '\\') => text.to_owned(),
        _ => quote(path.as_os_str().as_bytes()),
    }
}

fn quote(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for &byte in bytes {
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\t' => out.push_str("\\t"),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\{byte:03o}");
            }
        }
    }
    out.push('"');
    out
}

/// The path that [`path_text`] wrote. Text it never writes is taken as it stands.
pub fn path_from_text(text: &str) -> PathBuf {
    let inner = text.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    match inner.and_then(|inner| unquote(inner.as_bytes())) {
        Some(bytes) => PathBuf::from(OsString::from_vec(bytes)),
        None => PathBuf::from(text),
    }
}

fn unquote(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(rest.len());
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let (&escape, tail) = rest.split_first()?;
        rest = tail;
        match escape {
            b'"' | b'\\' => out.push(escape),
            b'n' => out.push(b'\n'),
            b't' => out.push(b'\t'),
            b'0'..=b'7' => {
                let digits = [escape, *rest.first()?, *rest.get(1)?];
                rest = &rest[2..];
                let text = std::str::from_utf8(&digits).ok()?;
                out.push(u8::from_str_radix(text, 8).ok()?);
            }
            _ => return None,
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_paths_stay_plain() {
        for plain in ["src/main.rs", "a b/ü.md", "-x", "docs/日本.md"] {
            assert_eq!(path_text(Path::new(plain)), plain);
        }
        assert_eq!(path_text(Path::new("a\nb")), "\"a\\nb\"");
    }

    proptest! {
        #[test]
        fn any_bytes_survive(bytes in proptest::collection::vec(1u8.., 0..20)) {
            let path = PathBuf::from(OsString::from_vec(bytes));
            let text = path_text(&path);
            prop_assert!(!text.contains('\n'));
            prop_assert_eq!(path_from_text(&text), path);
        }
    }
}

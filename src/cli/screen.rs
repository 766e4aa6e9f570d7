//! Standard output and error, with every secret masked (supervision.md P14) and nothing that could steer a terminal:
//! the only way to them.

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::{Arc, OnceLock};

use crate::supervise::Redactor;

static SECRETS: OnceLock<Arc<Redactor>> = OnceLock::new();

/// What must not be seen, as soon as the configuration is known too. The first word counts.
pub(super) fn hide(secrets: &Arc<Redactor>) {
    let _ = SECRETS.set(Arc::clone(secrets));
}

fn secrets() -> Arc<Redactor> {
    SECRETS.get().cloned().unwrap_or_else(|| Arc::new(Redactor::from_env(std::env::vars_os())))
}

/// A writer that masks. Each text is masked by itself, so it has to be handed over whole.
pub(super) struct Masked<W> {
    inner: W,
    secrets: Arc<Redactor>,
}

impl<W: Write> Masked<W> {
    pub(super) fn new(inner: W) -> Self {
        Self { inner, secrets: secrets() }
    }
}

impl<W: Write> Write for Masked<W> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.inner.write_all(&tame(&self.secrets.bytes(text)))?;
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Stands where a control character stood.
const TAMED: &str = "\u{fffd}";

/// Text as a terminal may have it: colours, tabs, line ends and returns stay; titles, clipboards, cursor movements and
/// whatever else a model, a state file or a name could send are shown as a sign.
fn tame(text: &[u8]) -> Cow<'_, [u8]> {
    let wild = |b: &u8| (*b < b' ' && !matches!(b, b'\n' | b'\t' | b'\r')) || matches!(b, 0x7f | 0xc2);
    if !text.iter().any(wild) {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        let colour = if *first == 0x1b { colour_length(tail) } else { None };
        let c1 = *first == 0xc2 && tail.first().is_some_and(|b| (0x80..=0x9f).contains(b));
        rest = tail;
        if let Some(length) = colour {
            out.push(*first);
            out.extend_from_slice(&tail[..length]);
            rest = &tail[length..];
        } else if c1 {
            out.extend_from_slice(TAMED.as_bytes());
            rest = &tail[1..];
        } else if wild(first) && *first != 0xc2 {
            out.extend_from_slice(TAMED.as_bytes());
        } else {
            out.push(*first);
        }
    }
    Cow::Owned(out)
}

/// How much behind an escape is `[`, numbers and `m`.
fn colour_length(text: &[u8]) -> Option<usize> {
    let numbers = text.strip_prefix(b"[")?;
    let end = numbers.iter().position(|b| !matches!(b, b'0'..=b'9' | b';' | b':'))?;
    (numbers[end] == b'm').then_some(end + 2)
}

/// Home, and everything from there on erased.
pub(super) fn clear() {
    let mut out = anstream::stdout();
    let _ = out.write_all(b"\x1b[H\x1b[2J");
}

pub(super) fn stdout() -> Masked<impl Write> {
    Masked::new(anstream::stdout())
}

pub(super) fn stderr() -> Masked<impl Write> {
    Masked::new(anstream::stderr())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_not_steered() {
        let shown = |text: &str| String::from_utf8(tame(text.as_bytes()).into_owned()).unwrap();
        for kept in ["plain\n\ttext\r", "\u{1b}[1;31mred\u{1b}[0m", "\u{e9}\u{a0}\u{1f600}"] {
            assert_eq!(shown(kept), kept);
        }
        assert_eq!(shown("\u{1b}]0;title\u{7}a"), "\u{fffd}]0;title\u{fffd}a");
        assert_eq!(shown("\u{1b}[2Ja\u{8}\u{9b}1m\u{7f}"), "\u{fffd}[2Ja\u{fffd}\u{fffd}1m\u{fffd}");
        assert_eq!(shown("\u{1b}"), "\u{fffd}");
        assert_eq!(shown("\u{1b}["), "\u{fffd}[");
    }

    #[test]
    fn a_secret_stays_inside() {
        let secrets = Arc::new(Redactor::new([b"tok-en-4711".as_slice()]));
        let mut out = Masked { inner: Vec::new(), secrets };
        writeln!(out, "it is tok-en-4711").unwrap();
        assert_eq!(out.inner, b"it is [redacted]\n");
    }
}

//! Standard output and error, with every secret masked (supervision.md P14): the only way to them.

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
        self.inner.write_all(&self.secrets.bytes(text))?;
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
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
    fn a_secret_stays_inside() {
        let secrets = Arc::new(Redactor::new([b"tok-en-4711".as_slice()]));
        let mut out = Masked { inner: Vec::new(), secrets };
        writeln!(out, "it is tok-en-4711").unwrap();
        assert_eq!(out.inner, b"it is [redacted]\n");
    }
}

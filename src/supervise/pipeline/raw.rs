//! The raw log: a file that is there, or one that is made when there is something to write.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use super::super::request::{LogTarget, RawLog};
use super::capped::{Capped, Form};

#[derive(Debug)]
pub(super) struct Raw {
    /// Not made yet.
    later: Option<PathBuf>,
    max_bytes: u64,
    log: Option<Capped>,
    error: Option<io::Error>,
}

impl Raw {
    pub(super) fn new(log: RawLog) -> Self {
        let max_bytes = log.max_bytes;
        let (later, log) = match log.target {
            LogTarget::File(file) => (None, Some(Capped::new(file, max_bytes, Form::Raw))),
            LogTarget::New(path) => (Some(path), None),
        };
        Self { later, max_bytes, log, error: None }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) {
        if !bytes.is_empty()
            && let Some(path) = self.later.take()
        {
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
                Ok(file) => self.log = Some(Capped::new(file, self.max_bytes, Form::Raw)),
                Err(error) => self.error = Some(error),
            }
        }
        if let Some(log) = &mut self.log {
            log.write(bytes);
        }
    }

    /// Whether bytes wait to be written.
    pub(super) fn waiting(&self) -> bool {
        self.log.as_ref().is_some_and(Capped::waiting)
    }

    pub(super) fn flush(&mut self) {
        if let Some(log) = &mut self.log {
            log.flush();
        }
    }

    pub(super) fn finish(&mut self) {
        if let Some(log) = &mut self.log {
            log.finish();
        }
    }

    /// The first error, once.
    pub(super) fn take_error(&mut self) -> Option<io::Error> {
        self.error.take().or_else(|| self.log.as_mut().and_then(Capped::take_error))
    }
}

//! The stages in their order, for the streams of one child.

use std::path::PathBuf;
use std::sync::Arc;

use super::super::activity::{Kind, OutputParser, Stream};
use super::super::request::{ActivityTag, RawLog};
use super::activity_log::ActivityLog;
use super::desk::{Desk, Facts, Sink};
use super::frame::Framer;
use super::join::Joiner;
use super::raw::Raw;
use super::redact::{Redactor, StreamRedactor};

/// The time of a read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stamp {
    pub ts_ms: i64,
    pub offset_ms: u64,
}

/// The stages of one child.
pub struct Pipeline {
    redactor: Arc<Redactor>,
    raw: Option<Raw>,
    lanes: [Lane; 2],
    desk: Desk,
    /// A log lacks something.
    incomplete: bool,
}

/// The stages of one stream.
#[derive(Default)]
struct Lane {
    redact: StreamRedactor,
    framer: Framer,
    joiner: Joiner,
    bytes: u64,
}

impl Pipeline {
    /// Opens the logs; one that cannot be opened is a warning, not the end of the turn.
    pub fn new(
        redactor: Arc<Redactor>,
        raw: Option<RawLog>,
        activity_log: Option<(PathBuf, u64)>,
        tag: &ActivityTag,
        parser: Option<Box<dyn OutputParser + Send>>,
    ) -> (Self, Vec<Kind>) {
        let mut complaints = Vec::new();
        let log = activity_log.and_then(|(path, max)| match ActivityLog::open(&path, tag, max) {
            Ok(log) => Some(log),
            Err(error) => {
                let text = format!("open the activity log {}: {error}", path.display());
                complaints.push(Kind::Warning { text });
                None
            }
        });
        let desk = Desk::new(Arc::clone(&redactor), parser, log);
        let incomplete = !complaints.is_empty();
        let raw = raw.map(Raw::new);
        (Self { redactor, raw, lanes: Default::default(), desk, incomplete }, complaints)
    }

    /// Takes a read.
    pub fn read(&mut self, stream: Stream, bytes: &[u8], stamp: Stamp, sink: &mut Sink<'_>) {
        let Self { redactor, raw, lanes, desk, .. } = self;
        let Lane { redact, framer, joiner, bytes: count } = &mut lanes[stream as usize];
        *count += bytes.len() as u64;
        redact.push(redactor, bytes, &mut |clean| {
            if let Some(raw) = raw {
                raw.write(clean);
            }
            framer.push(clean, &mut |frame| desk.frame(stream, frame, joiner, stamp, sink));
        });
        desk.flush_batch(stream, stamp, sink);
        self.report_trouble(stamp, sink);
    }

    /// A stream has ended.
    pub fn end(&mut self, stream: Stream, stamp: Stamp, sink: &mut Sink<'_>) {
        let Self { redactor, raw, lanes, desk, .. } = self;
        let Lane { redact, framer, joiner, .. } = &mut lanes[stream as usize];
        redact.finish(redactor, &mut |clean| {
            if let Some(raw) = raw {
                raw.write(clean);
            }
            framer.push(clean, &mut |frame| desk.frame(stream, frame, joiner, stamp, sink));
        });
        framer.finish(&mut |frame| desk.frame(stream, frame, joiner, stamp, sink));
        joiner.flush(&mut |line| desk.parse(stream, line, stamp, sink));
        desk.flush_batch(stream, stamp, sink);
    }

    /// All streams have ended.
    pub fn finish_parser(&mut self, stamp: Stamp, sink: &mut Sink<'_>) {
        self.desk.finish_parser(stamp, sink);
    }

    /// A fact of the supervisor's own.
    pub fn say(&mut self, kind: Kind, stamp: Stamp, sink: &mut Sink<'_>) {
        self.desk.deliver(kind.into(), None, stamp, sink);
    }

    /// Whether a flush would do anything.
    pub fn waiting(&self) -> bool {
        self.raw.as_ref().is_some_and(Raw::waiting)
            || self.desk.log.as_ref().is_some_and(|log| log.file.waiting())
    }

    /// Brings everything to the files.
    pub fn flush(&mut self) {
        if let Some(raw) = &mut self.raw {
            raw.flush();
        }
        if let Some(log) = &mut self.desk.log {
            log.file.flush();
        }
    }

    /// A log that cannot be written is said once.
    pub fn report_trouble(&mut self, stamp: Stamp, sink: &mut Sink<'_>) {
        let raw = self.raw.as_mut().and_then(Raw::take_error).map(|error| ("raw log", error));
        let activity =
            self.desk.log.as_mut().and_then(|log| log.file.take_error()).map(|error| ("activity log", error));
        for (which, error) in raw.into_iter().chain(activity) {
            if !std::mem::replace(&mut self.incomplete, true) {
                let text = format!("write the {which}: {error}; the turn goes on, the logs are incomplete");
                self.say(Kind::Warning { text }, stamp, sink);
            }
        }
    }

    pub fn bytes(&self, stream: Stream) -> u64 {
        self.lanes[stream as usize].bytes
    }

    pub fn facts(&self) -> &Facts {
        &self.desk.facts
    }

    /// Closes the logs and gives what was learnt, the last lines, and whether a log lacks something.
    pub fn close(mut self) -> (Facts, Vec<String>, bool) {
        if let Some(raw) = &mut self.raw {
            raw.finish();
            self.incomplete |= raw.take_error().is_some();
        }
        if let Some(log) = &mut self.desk.log {
            log.file.finish();
            self.incomplete |= log.file.take_error().is_some();
        }
        (self.desk.facts, self.desk.last.into_lines(), self.incomplete)
    }
}

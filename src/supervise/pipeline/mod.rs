//! From the bytes of a child to facts and files, in one pass.
//!
//! A read goes through these stages, each in its own file: secrets are masked first, so that no later stage can
//! show one; the raw log gets the masked bytes; they are cut into lines and put together again where JSON was
//! pretty-printed; the agent's parser makes facts of them; what it decoded is masked once more (an escape in JSON
//! may have hidden a secret); the activity log and the subscriber get the facts.

mod activity_log;
mod capped;
pub mod frame;
mod join;
pub mod redact;
mod scan;
mod shapes;
mod tail;

use std::path::PathBuf;
use std::sync::Arc;

use self::activity_log::ActivityLog;
use self::capped::{Capped, Form};
use self::frame::{End, Frame, Framer, LONGEST_LINE};
use self::join::Joiner;
use self::redact::{Redactor, StreamRedactor};
use self::tail::LastLines;
use super::activity::{Activity, Kind, OutputParser, RateLimit, Stream, Usage};
use super::request::{ActivityTag, RawLog};

/// The time of a read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stamp {
    pub ts_ms: i64,
    pub offset_ms: u64,
}

/// Where facts go besides the files.
pub(super) type Sink<'a> = dyn FnMut(&Activity) + 'a;

/// What the agent said about itself.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub message: Option<String>,
    pub session: Option<String>,
    pub usage: Option<Usage>,
    pub rate_limit: Option<RateLimit>,
    /// Text and whether it was an error.
    pub result: Option<(Option<String>, bool)>,
}

/// The stages of one child.
pub(super) struct Pipeline {
    redactor: Arc<Redactor>,
    raw: Option<Capped>,
    lanes: [Lane; 2],
    desk: Desk,
}

/// The stages of one stream.
#[derive(Default)]
struct Lane {
    redact: StreamRedactor,
    framer: Framer,
    joiner: Joiner,
    bytes: u64,
}

/// Where lines become facts and facts are handed out.
struct Desk {
    redactor: Arc<Redactor>,
    parser: Option<Box<dyn OutputParser + Send>>,
    parsed: Vec<Activity>,
    /// Lines of plain text that wait for the end of the read.
    batch: Vec<u8>,
    log: Option<ActivityLog>,
    last: LastLines,
    facts: Facts,
    incomplete: bool,
}

impl Pipeline {
    /// Opens the logs; one that cannot be opened is a warning, not the end of the turn.
    pub(super) fn new(
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
        let desk = Desk {
            redactor: Arc::clone(&redactor),
            parser,
            parsed: Vec::new(),
            batch: Vec::new(),
            log,
            last: LastLines::default(),
            facts: Facts::default(),
            incomplete: !complaints.is_empty(),
        };
        let raw = raw.map(|log| Capped::new(log.file, log.max_bytes, Form::Raw));
        (Self { redactor, raw, lanes: Default::default(), desk }, complaints)
    }

    /// Takes a read.
    pub(super) fn read(&mut self, stream: Stream, bytes: &[u8], stamp: Stamp, sink: &mut Sink<'_>) {
        let Self { redactor, raw, lanes, desk } = self;
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
    pub(super) fn end(&mut self, stream: Stream, stamp: Stamp, sink: &mut Sink<'_>) {
        let Self { redactor, raw, lanes, desk } = self;
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
    pub(super) fn finish_parser(&mut self, stamp: Stamp, sink: &mut Sink<'_>) {
        let desk = &mut self.desk;
        if let Some(parser) = &mut desk.parser {
            parser.finish(&mut desk.parsed);
        }
        desk.deliver_parsed(None, stamp, sink);
    }

    /// A fact of the supervisor's own.
    pub(super) fn say(&mut self, kind: Kind, stamp: Stamp, sink: &mut Sink<'_>) {
        self.desk.deliver(kind.into(), None, stamp, sink);
    }

    /// Whether a flush would do anything.
    pub(super) fn waiting(&self) -> bool {
        self.raw.as_ref().is_some_and(Capped::waiting)
            || self.desk.log.as_ref().is_some_and(|log| log.file.waiting())
    }

    /// Brings everything to the files.
    pub(super) fn flush(&mut self) {
        if let Some(raw) = &mut self.raw {
            raw.flush();
        }
        if let Some(log) = &mut self.desk.log {
            log.file.flush();
        }
    }

    /// A log that cannot be written is said once.
    pub(super) fn report_trouble(&mut self, stamp: Stamp, sink: &mut Sink<'_>) {
        let raw = self.raw.as_mut().and_then(Capped::take_error).map(|error| ("raw log", error));
        let activity =
            self.desk.log.as_mut().and_then(|log| log.file.take_error()).map(|error| ("activity log", error));
        for (which, error) in raw.into_iter().chain(activity) {
            if !std::mem::replace(&mut self.desk.incomplete, true) {
                let text = format!("write the {which}: {error}; the turn goes on, the logs are incomplete");
                self.say(Kind::Warning { text }, stamp, sink);
            }
        }
    }

    pub(super) fn bytes(&self, stream: Stream) -> u64 {
        self.lanes[stream as usize].bytes
    }

    pub(super) fn facts(&self) -> &Facts {
        &self.desk.facts
    }

    /// Closes the logs and gives what was learnt, the last lines, and whether a log lacks something.
    pub(super) fn close(mut self) -> (Facts, Vec<String>, bool) {
        if let Some(raw) = &mut self.raw {
            raw.finish();
            self.desk.incomplete |= raw.take_error().is_some();
        }
        if let Some(log) = &mut self.desk.log {
            log.file.finish();
            self.desk.incomplete |= log.file.take_error().is_some();
        }
        (self.desk.facts, self.desk.last.into_lines(), self.desk.incomplete)
    }
}

impl Desk {
    fn frame(
        &mut self,
        stream: Stream,
        frame: Frame<'_>,
        joiner: &mut Joiner,
        stamp: Stamp,
        sink: &mut Sink<'_>,
    ) {
        match self.parser {
            Some(_) if frame.whole => {
                joiner.line(frame.bytes, &mut |line| self.parse(stream, line, stamp, sink));
            }
            _ => {
                joiner.flush(&mut |line| self.parse(stream, line, stamp, sink));
                self.batch.extend_from_slice(frame.bytes);
                if frame.end == End::Line {
                    self.batch.push(b'\n');
                }
                if frame.end != End::Line || !frame.whole || self.batch.len() > LONGEST_LINE {
                    self.flush_batch(stream, stamp, sink);
                }
            }
        }
    }

    fn parse(&mut self, stream: Stream, line: &[u8], stamp: Stamp, sink: &mut Sink<'_>) {
        if let Some(parser) = &mut self.parser {
            parser.line(stream, line, &mut self.parsed);
            self.deliver_parsed(Some(stream), stamp, sink);
        }
    }

    fn flush_batch(&mut self, stream: Stream, stamp: Stamp, sink: &mut Sink<'_>) {
        if self.batch.is_empty() {
            return;
        }
        let activity = Kind::Output { bytes: std::mem::take(&mut self.batch) }.into();
        if let Kind::Output { mut bytes } = self.hand_out(activity, Some(stream), stamp, sink) {
            bytes.clear();
            self.batch = bytes;
        }
    }

    fn deliver_parsed(&mut self, stream: Option<Stream>, stamp: Stamp, sink: &mut Sink<'_>) {
        let mut parsed = std::mem::take(&mut self.parsed);
        for activity in parsed.drain(..) {
            self.deliver(activity, stream, stamp, sink);
        }
        self.parsed = parsed;
    }

    /// For facts whose text did not come straight from the masked stream.
    fn deliver(&mut self, mut activity: Activity, stream: Option<Stream>, stamp: Stamp, sink: &mut Sink<'_>) {
        mask(&self.redactor, &mut activity.kind);
        self.hand_out(activity, stream, stamp, sink);
    }

    fn hand_out(
        &mut self,
        mut activity: Activity,
        stream: Option<Stream>,
        stamp: Stamp,
        sink: &mut Sink<'_>,
    ) -> Kind {
        activity.ts_ms = stamp.ts_ms;
        activity.offset_ms = stamp.offset_ms;
        activity.stream = activity.stream.or(stream);
        if let Some(log) = &mut self.log {
            log.write(&activity);
        }
        self.note(&activity.kind);
        sink(&activity);
        activity.kind
    }

    fn note(&mut self, kind: &Kind) {
        match kind {
            Kind::Output { bytes } => self.last.push(bytes),
            Kind::Message { text } => {
                self.last.push(text.as_bytes());
                self.facts.message = Some(text.clone());
            }
            Kind::Session { id } => self.facts.session = Some(id.clone()),
            Kind::Usage(usage) => {
                self.facts.usage = Some(self.facts.usage.unwrap_or_default().updated(*usage));
            }
            Kind::RateLimit(limit) => self.facts.rate_limit = Some(limit.clone()),
            Kind::Result { text, is_error } => self.facts.result = Some((text.clone(), *is_error)),
            _ => {}
        }
    }
}

fn mask(redactor: &Redactor, kind: &mut Kind) {
    let text = |text: &mut String| {
        if let std::borrow::Cow::Owned(masked) = redactor.text(text) {
            *text = masked;
        }
    };
    match kind {
        Kind::Output { bytes } => {
            if let std::borrow::Cow::Owned(masked) = redactor.bytes(bytes) {
                *bytes = masked;
            }
        }
        Kind::Message { text: t }
        | Kind::Thinking { text: t }
        | Kind::Warning { text: t }
        | Kind::Terminate { reason: t, .. }
        | Kind::Exit { error: Some(t), .. }
        | Kind::Session { id: t }
        | Kind::ToolResult { text: t, .. }
        | Kind::Result { text: Some(t), .. } => text(t),
        Kind::ToolUse { name, input, .. } => {
            text(name);
            redactor.json(input);
        }
        Kind::RateLimit(limit) => text(&mut limit.status),
        Kind::Spawn { argv, .. } => argv.iter_mut().for_each(text),
        Kind::Leak(leak) => leak.argv.iter_mut().for_each(text),
        Kind::Result { text: None, .. }
        | Kind::Stdin { .. }
        | Kind::Usage(_)
        | Kind::Heartbeat { .. }
        | Kind::Idle { .. }
        | Kind::Active
        | Kind::Exit { error: None, .. } => {}
    }
}

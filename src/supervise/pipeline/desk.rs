//! Where lines become facts and facts are handed out.

use std::sync::Arc;

use super::super::activity::{Activity, Kind, OutputParser, RateLimit, Stream, Usage};
use super::activity_log::ActivityLog;
use super::frame::{End, Frame, LONGEST_LINE};
use super::join::Joiner;
use super::mask::mask;
use super::redact::Redactor;
use super::stages::Stamp;
use super::tail::LastLines;

/// Where facts go besides the files.
pub type Sink<'a> = dyn FnMut(&Activity) + 'a;

/// What the agent said about itself.
#[derive(Debug, Default)]
pub struct Facts {
    pub message: Option<String>,
    pub session: Option<String>,
    pub usage: Option<Usage>,
    pub rate_limit: Option<RateLimit>,
    /// Text and whether it was an error.
    pub result: Option<(Option<String>, bool)>,
}

/// Where lines become facts and facts are handed out.
pub(super) struct Desk {
    redactor: Arc<Redactor>,
    parser: Option<Box<dyn OutputParser + Send>>,
    parsed: Vec<Activity>,
    /// Lines of plain text that wait for the end of the read.
    batch: Vec<u8>,
    pub(super) log: Option<ActivityLog>,
    pub(super) last: LastLines,
    pub(super) facts: Facts,
}

impl Desk {
    pub(super) fn new(
        redactor: Arc<Redactor>,
        parser: Option<Box<dyn OutputParser + Send>>,
        log: Option<ActivityLog>,
    ) -> Self {
        Self {
            redactor,
            parser,
            parsed: Vec::new(),
            batch: Vec::new(),
            log,
            last: LastLines::default(),
            facts: Facts::default(),
        }
    }

    pub(super) fn frame(
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

    pub(super) fn parse(&mut self, stream: Stream, line: &[u8], stamp: Stamp, sink: &mut Sink<'_>) {
        if let Some(parser) = &mut self.parser {
            parser.line(stream, line, &mut self.parsed);
            self.deliver_parsed(Some(stream), stamp, sink);
        }
    }

    pub(super) fn flush_batch(&mut self, stream: Stream, stamp: Stamp, sink: &mut Sink<'_>) {
        if self.batch.is_empty() {
            return;
        }
        let activity = Kind::Output { bytes: std::mem::take(&mut self.batch) }.into();
        if let Kind::Output { mut bytes } = self.hand_out(activity, Some(stream), stamp, sink) {
            bytes.clear();
            self.batch = bytes;
        }
    }

    /// The parser's last words.
    pub(super) fn finish_parser(&mut self, stamp: Stamp, sink: &mut Sink<'_>) {
        if let Some(parser) = &mut self.parser {
            parser.finish(&mut self.parsed);
        }
        self.deliver_parsed(None, stamp, sink);
    }

    fn deliver_parsed(&mut self, stream: Option<Stream>, stamp: Stamp, sink: &mut Sink<'_>) {
        let mut parsed = std::mem::take(&mut self.parsed);
        for activity in parsed.drain(..) {
            self.deliver(activity, stream, stamp, sink);
        }
        self.parsed = parsed;
    }

    /// For facts whose text did not come straight from the masked stream.
    pub(super) fn deliver(
        &mut self,
        mut activity: Activity,
        stream: Option<Stream>,
        stamp: Stamp,
        sink: &mut Sink<'_>,
    ) {
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

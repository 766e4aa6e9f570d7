//! Finds the records of a protocol among whatever else an agent prints.

use serde_json::Value;

use crate::supervise::{Activity, OutputParser, Stream};

/// A protocol: records in, facts out.
pub(super) trait Records {
    /// Reads a record. False: it is none of this protocol's, and passes through.
    fn record(&mut self, record: &Value, out: &mut Vec<Activity>) -> bool;

    /// A line that is no record, before it passes through.
    fn plain(&mut self, _stream: Stream, _line: &str, _out: &mut Vec<Activity>) {}

    /// The streams have ended.
    fn finish(&mut self, _out: &mut Vec<Activity>) {}
}

/// Reads the stdout of one agent. Its stderr is for people.
pub(super) struct Reader<R> {
    records: R,
    broken: u64,
}

impl<R: Records> Reader<R> {
    pub(super) fn new(records: R) -> Self {
        Self { records, broken: 0 }
    }
}

impl<R: Records> OutputParser for Reader<R> {
    fn line(&mut self, stream: Stream, line: &[u8], out: &mut Vec<Activity>) {
        let looks = stream == Stream::Stdout && line.trim_ascii_start().first() == Some(&b'{');
        if looks {
            match serde_json::from_slice::<Value>(line) {
                Ok(record) if self.records.record(&record, out) => return,
                Ok(_) => {}
                Err(error) => {
                    self.broken += 1;
                    // One that is said is enough; the lines themselves are all passed on.
                    if self.broken == 1 {
                        out.push(Activity::warning(format!("a broken record was passed through: {error}")));
                    }
                }
            }
        } else if let Ok(text) = std::str::from_utf8(line) {
            self.records.plain(stream, text, out);
        }
        out.push(Activity::output(line));
    }

    fn finish(&mut self, out: &mut Vec<Activity>) {
        if self.broken > 1 {
            out.push(Activity::warning(format!("{} broken records were passed through", self.broken)));
        }
        self.records.finish(out);
    }
}

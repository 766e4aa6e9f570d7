//! Redaction of a stream whose reads may cut a secret in two.

use std::ops::Range;

use super::{Look, Redactor, SHORTEST, Set, emit_masked};

/// Redaction of one stream, read by read.
#[derive(Debug, Default)]
pub struct StreamRedactor {
    /// Bytes that may turn out to be a secret's beginning.
    pub(super) held: Vec<u8>,
    /// How many of the held bytes a mask already stands for.
    covered: usize,
    /// The last byte that was let go.
    before: Option<u8>,
    /// Inside an over-long token: bytes of this kind still belong to it.
    swallow: Option<fn(u8) -> bool>,
}

impl StreamRedactor {
    /// Takes a read and lets go what is decided.
    pub fn push(&mut self, redactor: &Redactor, chunk: &[u8], out: &mut dyn FnMut(&[u8])) {
        let Some(set) = &redactor.0 else { return out(chunk) };
        let chunk = self.after_token(chunk);
        if chunk.is_empty() {
            return;
        }
        if self.held.is_empty() {
            self.scan(set, chunk, out);
        } else {
            let mut data = std::mem::take(&mut self.held);
            data.extend_from_slice(chunk);
            self.scan(set, &data, out);
        }
    }

    /// The stream has ended. What was held back is no whole secret; if it is most likely the beginning of one, it
    /// is masked all the same.
    pub fn finish(&mut self, redactor: &Redactor, out: &mut dyn FnMut(&[u8])) {
        let data = std::mem::take(&mut self.held);
        let Some(set) = &redactor.0 else { return };
        let mut spans = set.look(&data, self.before, true).spans;
        let rest = spans.last().map_or(0, |span| span.end).max(self.covered);
        if data.len() - rest >= SHORTEST {
            let from = set.undecided(&data).max(rest);
            if data.len() - from >= SHORTEST {
                spans.push(from..data.len());
            }
        }
        emit_masked(&data, &spans, self.covered, out);
        *self = Self::default();
    }

    fn after_token<'a>(&mut self, chunk: &'a [u8]) -> &'a [u8] {
        let Some(class) = self.swallow else { return chunk };
        let run = chunk.iter().take_while(|b| class(**b)).count();
        if run < chunk.len() {
            self.swallow = None;
        }
        &chunk[run..]
    }

    fn scan(&mut self, set: &Set, data: &[u8], out: &mut dyn FnMut(&[u8])) {
        let Look { spans, hold, open } = if set.quick.is_match(data) {
            set.look(data, self.before, false)
        } else {
            Look { spans: Vec::new(), hold: set.undecided(data), open: None }
        };
        // A mask that reaches into the held tail is written now; the tail remembers how far it goes.
        let cut = spans.iter().position(|span| span.start >= hold).unwrap_or(spans.len());
        let covered_to = spans[..cut].last().map_or(0, |span| span.end).max(self.covered);
        let shown: Vec<Range<usize>> =
            spans[..cut].iter().map(|span| span.start..span.end.min(hold)).collect();
        emit_masked(&data[..hold], &shown, self.covered.min(hold), out);
        if hold > 0 {
            self.before = Some(data[hold - 1]);
        }
        self.covered = covered_to.saturating_sub(hold);
        self.swallow = open;
        self.held.clear();
        self.held.extend_from_slice(&data[hold..]);
    }
}

//! Puts pretty-printed JSON objects together again, so that a parser sees one record at a time (pure).
//!
//! A line that begins an object and does not end it is held until the object is whole. As soon as it turns out to
//! be no JSON, too long, or cut off by the end of the stream, the held lines are let go one by one: a line is
//! never lost and never out of order.

use super::scan::{Scan, Seen};

/// A longer object is not put together.
const LONGEST: usize = 1 << 20;

/// One stream's lines.
#[derive(Debug, Default)]
pub(super) struct Joiner {
    held: Vec<u8>,
    scan: Scan,
}

impl Joiner {
    /// Takes a line without its line end; gives lines and whole objects.
    pub(super) fn line(&mut self, line: &[u8], out: &mut dyn FnMut(&[u8])) {
        if self.held.is_empty() {
            if self.begins(line) {
                self.held.extend_from_slice(line);
            } else {
                out(line);
            }
            return;
        }
        self.held.push(b'\n');
        self.held.extend_from_slice(line);
        let seen = if self.held.len() > LONGEST || self.scan.push(b"\n") == Seen::Broken {
            Seen::Broken
        } else {
            self.scan.push(line)
        };
        match seen {
            Seen::Open => {}
            Seen::Whole => {
                out(&self.held);
                self.held.clear();
            }
            Seen::Broken => self.release(out),
        }
    }

    /// Nothing that was held will be completed: the stream has ended, or a line came in pieces.
    pub(super) fn flush(&mut self, out: &mut dyn FnMut(&[u8])) {
        while !self.held.is_empty() {
            self.release(out);
        }
    }

    /// Lets the first held line go and looks again at the others.
    fn release(&mut self, out: &mut dyn FnMut(&[u8])) {
        let held = std::mem::take(&mut self.held);
        let mut lines = held.split(|b| *b == b'\n');
        if let Some(first) = lines.next() {
            out(first);
        }
        for line in lines {
            self.line(line, out);
        }
    }

    fn begins(&mut self, line: &[u8]) -> bool {
        if line.trim_ascii_start().first() != Some(&b'{') {
            return false;
        }
        self.scan = Scan::default();
        self.scan.push(line) == Seen::Open
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn joined(text: &str) -> Vec<String> {
        let mut out = Vec::new();
        let mut joiner = Joiner::default();
        let mut take = |line: &[u8]| out.push(String::from_utf8(line.to_vec()).unwrap());
        for line in text.split('\n') {
            joiner.line(line.as_bytes(), &mut take);
        }
        joiner.flush(&mut take);
        out
    }

    /// P12: a pretty-printed object between plain lines is one record.
    #[test]
    fn an_object_over_several_lines() {
        let out = joined("before\n{\n  \"a\": [\n    1\n  ]\n}\nafter\n{\"b\":2}");
        assert_eq!(out, ["before", "{\n  \"a\": [\n    1\n  ]\n}", "after", "{\"b\":2}"]);
    }

    /// P12: what only looked like an object does not swallow the records after it.
    #[test]
    fn a_false_start_is_let_go() {
        assert_eq!(joined("{\nnot json\n{\"a\":1}\nx"), ["{", "not json", "{\"a\":1}", "x"]);
        assert_eq!(joined("{\n\"a\":\n{\n\"b\": 1\n}"), ["{", "\"a\":", "{\n\"b\": 1\n}"]);
        assert_eq!(joined("{\"cut\":\nend"), ["{\"cut\":", "end"]);
    }

    #[test]
    fn an_endless_object_is_let_go() {
        let text = format!("{{\"a\":[\n{}", "1,\n".repeat(LONGEST / 3 + 10));
        let out = joined(&text);
        assert_eq!(out.join("\n"), text);
    }

    /// The very length that is still put together, and one byte more.
    #[test]
    fn the_longest_object_is_put_together() {
        let of = |length: usize| format!("{{\n\"a\":\"{}\"\n}}", "x".repeat(length - 10));
        assert_eq!(of(LONGEST).len(), LONGEST);
        assert_eq!(joined(&of(LONGEST)), [of(LONGEST)]);
        assert_eq!(joined(&of(LONGEST + 1)).len(), 3);
        assert_eq!(joined(&of(LONGEST + 100)).len(), 3);
    }

    proptest! {
        /// P12: nothing is dropped and nothing changes places.
        #[test]
        fn lines_in_lines_out(text in "([{}\\[\\]\":,a1\n ]{0,3}(\\{\"a\":|\n|\\}){0,2}){0,40}") {
            prop_assert_eq!(joined(&text).join("\n"), text);
        }
    }
}

//! The last lines a child said, for the message that tells how it ended.

use std::collections::VecDeque;

/// Lines kept.
const KEPT: usize = 5;
/// Bytes of a line kept.
const WIDTH: usize = 2000;

/// The last lines that are not empty, over both streams, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct LastLines(VecDeque<String>);

impl LastLines {
    /// Takes whole lines, many at once being cheap: only the last ones are looked at.
    pub(super) fn push(&mut self, mut text: &[u8]) {
        let mut new: Vec<String> = Vec::new();
        while new.len() < KEPT && !text.is_empty() {
            let body = text.strip_suffix(b"\n").unwrap_or(text);
            let start = memchr::memrchr(b'\n', body).map_or(0, |at| at + 1);
            let line = body[start..].trim_ascii_end();
            if !line.trim_ascii_start().is_empty() {
                new.push(String::from_utf8_lossy(&line[..line.len().min(WIDTH)]).into_owned());
            }
            text = &text[..start];
        }
        self.0.extend(new.into_iter().rev());
        while self.0.len() > KEPT {
            self.0.pop_front();
        }
    }

    pub(super) fn into_lines(self) -> Vec<String> {
        self.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_five_that_say_something() {
        let mut tail = LastLines::default();
        tail.push(b"one\ntwo\n\n");
        tail.push(b"  \nthree\r\n\xff\n");
        tail.push(b"five\nsix");
        assert_eq!(tail.into_lines(), ["two", "three", "\u{fffd}", "five", "six"]);
    }
}

//! Bytes to lines. Nothing is ever dropped: frames and their ends add up to the input.

use memchr::memchr;

/// A line longer than this is passed on in pieces.
pub const LONGEST_LINE: usize = 1 << 20;

/// How a frame ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With a line feed (not part of the frame).
    Line,
    /// It is a piece; the line goes on.
    Piece,
    /// With the end of the stream.
    Eof,
}

/// A line, or a piece of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    pub bytes: &'a [u8],
    pub end: End,
    /// The bytes are a line from its beginning to its end.
    pub whole: bool,
}

/// Splits one stream.
#[derive(Debug, Default)]
pub struct Framer {
    held: Vec<u8>,
    in_pieces: bool,
}

impl Framer {
    /// Takes a read.
    pub fn push(&mut self, mut bytes: &[u8], out: &mut dyn FnMut(Frame<'_>)) {
        while let Some(at) = memchr(b'\n', bytes) {
            self.rest_of_line(&bytes[..at], out);
            bytes = &bytes[at + 1..];
        }
        self.keep(bytes, out);
    }

    /// The stream has ended.
    pub fn finish(&mut self, out: &mut dyn FnMut(Frame<'_>)) {
        if !self.held.is_empty() {
            out(Frame { bytes: &self.held, end: End::Eof, whole: !self.in_pieces });
        }
        *self = Self::default();
    }

    fn rest_of_line(&mut self, bytes: &[u8], out: &mut dyn FnMut(Frame<'_>)) {
        if self.held.is_empty() && bytes.len() <= LONGEST_LINE {
            out(Frame { bytes, end: End::Line, whole: !self.in_pieces });
        } else {
            self.keep(bytes, out);
            out(Frame { bytes: &self.held, end: End::Line, whole: !self.in_pieces });
            self.held.clear();
        }
        self.in_pieces = false;
    }

    fn keep(&mut self, mut bytes: &[u8], out: &mut dyn FnMut(Frame<'_>)) {
        while self.held.len() + bytes.len() > LONGEST_LINE {
            let (head, tail) = bytes.split_at(LONGEST_LINE - self.held.len());
            self.held.extend_from_slice(head);
            out(Frame { bytes: &self.held, end: End::Piece, whole: false });
            self.held.clear();
            self.in_pieces = true;
            bytes = tail;
        }
        self.held.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Seen = Vec<(Vec<u8>, End, bool)>;

    fn frames(chunks: &[&[u8]]) -> (Seen, Vec<u8>) {
        let (mut seen, mut again) = (Vec::new(), Vec::new());
        let mut framer = Framer::default();
        let mut take = |frame: Frame<'_>| {
            again.extend_from_slice(frame.bytes);
            if frame.end == End::Line {
                again.push(b'\n');
            }
            seen.push((frame.bytes.to_vec(), frame.end, frame.whole));
        };
        for chunk in chunks {
            framer.push(chunk, &mut take);
        }
        framer.finish(&mut take);
        (seen, again)
    }

    #[test]
    fn lines_and_the_last_one_without_an_end() {
        let (seen, _) = frames(&[b"a\nb", b"c\n\nlast"]);
        let lines: Vec<&[u8]> = seen.iter().map(|(bytes, ..)| bytes.as_slice()).collect();
        assert_eq!(lines, [b"a".as_slice(), b"bc", b"", b"last"]);
        assert_eq!(seen[3].1, End::Eof);
    }

    /// P5: the very length that is still one line, and one byte more, however the reads fall.
    #[test]
    fn the_longest_line_is_whole() {
        for split in [0, 1, LONGEST_LINE - 1, LONGEST_LINE] {
            let line = vec![b'x'; LONGEST_LINE];
            let (head, tail) = line.split_at(split);
            let (seen, _) = frames(&[head, tail, b"\n"]);
            assert_eq!(seen, [(line.clone(), End::Line, true)], "split at {split}");
            let (seen, _) = frames(&[head, &[tail, b"\n"].concat()]);
            assert_eq!(seen, [(line.clone(), End::Line, true)], "split at {split}");
            let (seen, _) = frames(&[head, &[tail, b"y\n"].concat()]);
            let pieces = [(line, End::Piece, false), (b"y".to_vec(), End::Line, false)];
            assert_eq!(seen, pieces, "split at {split}");
        }
    }

    /// P5: a line longer than 1 MiB comes in pieces, whole to the byte, and the next line is whole again.
    #[test]
    fn a_long_line_comes_in_pieces() {
        let mut input = vec![b'x'; 10 * LONGEST_LINE + 5];
        input.extend_from_slice(b"\nshort\n");
        let (seen, again) = frames(&input.chunks(70_000).collect::<Vec<_>>());
        assert_eq!(again, input);
        assert!(seen.iter().all(|(bytes, ..)| bytes.len() <= LONGEST_LINE));
        let (short, long) = seen.split_last().unwrap();
        assert_eq!(short, &(b"short".to_vec(), End::Line, true));
        assert!(long.len() == 11 && long.iter().all(|(.., whole)| !whole));
    }

    proptest! {
        /// P12: framing loses no byte, however the reads fall.
        #[test]
        fn nothing_is_lost(
            input in proptest::collection::vec(prop_oneof![3 => any::<u8>(), 1 => Just(b'\n')], 0..400),
            cuts in proptest::collection::vec(1usize..50, 1..40),
        ) {
            let mut chunks = Vec::new();
            let mut rest = input.as_slice();
            for cut in cuts {
                let (head, tail) = rest.split_at(cut.min(rest.len()));
                chunks.push(head);
                rest = tail;
            }
            chunks.push(rest);
            let (_, again) = frames(&chunks);
            prop_assert_eq!(again, input);
        }
    }
}

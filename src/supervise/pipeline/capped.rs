//! A log file that takes any volume: large writes, a cap with head and tail, and a full disk that stops nothing.
//!
//! Beyond the cap the file holds head, a marker that says how much is missing, and a tail of one to two segments.
//! When the second segment is full it moves over the first (a copy of it is kept in memory, so nothing is read
//! back) and the file is cut; at every moment the file is what it claims to be.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::FileExt;

use rustix::fs::OFlags;

/// Bytes collected before a write; more than that at once is written directly.
const BUFFER: usize = 64 * 1024;
/// The tail's segments are at most this long.
const SEGMENT: u64 = 512 * 1024;

/// What the file consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Any bytes; cut anywhere.
    Raw,
    /// Lines of JSON; only whole lines are kept.
    Lines,
}

/// The file.
#[derive(Debug)]
pub(super) struct Capped {
    file: File,
    form: Form,
    buffer: Vec<u8>,
    /// Where the next byte goes.
    at: u64,
    head_end: u64,
    segment: u64,
    tail: Option<Tail>,
    /// Bytes that could not be written and are not yet spoken of in the file.
    lost: u64,
    error: Option<io::Error>,
}

#[derive(Debug)]
struct Tail {
    marker_at: u64,
    first_at: u64,
    /// Set once the first segment is full.
    second_at: Option<u64>,
    /// What the second segment holds.
    second: Vec<u8>,
    left_out: u64,
}

impl Capped {
    /// Continues `file` at its end with at most `max` bytes.
    pub(super) fn new(file: File, max: u64, form: Form) -> Self {
        // In append mode every write goes to the end, and the tail could not move.
        if let Ok(flags) = rustix::fs::fcntl_getfl(&file)
            && flags.contains(OFlags::APPEND)
        {
            let _ = rustix::fs::fcntl_setfl(&file, flags - OFlags::APPEND);
        }
        let at = file.metadata().map_or(0, |meta| meta.len());
        let segment = SEGMENT.min(max / 8);
        let head = max.saturating_sub(2 * segment + marker(form, 0).len() as u64);
        let mut log = Self {
            file,
            form,
            buffer: Vec::new(),
            at,
            head_end: at + head,
            segment,
            tail: None,
            lost: 0,
            error: None,
        };
        if form == Form::Lines && at > 0 && !log.ends_a_line() {
            log.put(b"\n");
        }
        log
    }

    pub(super) fn write(&mut self, bytes: &[u8]) {
        if self.buffer.len() + bytes.len() > BUFFER {
            self.flush();
            if bytes.len() >= BUFFER {
                return self.store(bytes);
            }
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether bytes wait to be written.
    pub(super) fn waiting(&self) -> bool {
        !self.buffer.is_empty()
    }

    pub(super) fn flush(&mut self) {
        if !self.buffer.is_empty() {
            let mut bytes = std::mem::take(&mut self.buffer);
            self.store(&bytes);
            bytes.clear();
            self.buffer = bytes;
        }
    }

    /// Writes what waits and leaves the file's position at its end.
    pub(super) fn finish(&mut self) {
        self.flush();
        if self.lost > 0 {
            self.say_lost();
        }
        let _ = self.file.seek(SeekFrom::Start(self.at));
    }

    /// The first error, once.
    pub(super) fn take_error(&mut self) -> Option<io::Error> {
        self.error.take()
    }

    fn store(&mut self, mut bytes: &[u8]) {
        if self.tail.is_none() {
            let fits = self.fitting(bytes, self.head_end.saturating_sub(self.at));
            if fits > 0 {
                self.put(&bytes[..fits]);
                bytes = &bytes[fits..];
            }
            if bytes.is_empty() {
                return;
            }
            self.begin_tail();
        }
        while !bytes.is_empty() {
            let used = self.store_in_tail(bytes);
            bytes = &bytes[used..];
        }
    }

    fn begin_tail(&mut self) {
        let marker_at = self.at;
        self.put(&marker(self.form, 0));
        self.tail =
            Some(Tail { marker_at, first_at: self.at, second_at: None, second: Vec::new(), left_out: 0 });
    }

    /// Stores a beginning of `bytes` and says how long it was; at least one byte.
    fn store_in_tail(&mut self, bytes: &[u8]) -> usize {
        let Some(mut tail) = self.tail.take() else { return bytes.len() };
        let used_space = tail.second_at.map_or(self.at - tail.first_at, |_| tail.second.len() as u64);
        let fits = self.fitting(bytes, self.segment - used_space.min(self.segment));
        let taken = if fits > 0 {
            if self.put(&bytes[..fits]) && tail.second_at.is_some() {
                tail.second.extend_from_slice(&bytes[..fits]);
            }
            fits
        } else if used_space == 0 {
            // A line longer than a segment.
            let line = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |end| end + 1);
            tail.left_out += line as u64;
            self.update_marker(&tail);
            line
        } else {
            self.next_segment(&mut tail);
            0
        };
        self.tail = Some(tail);
        if taken == 0 { self.store_in_tail(bytes) } else { taken }
    }

    fn next_segment(&mut self, tail: &mut Tail) {
        let Some(second_at) = tail.second_at else {
            tail.second_at = Some(self.at);
            return;
        };
        tail.left_out += second_at - tail.first_at;
        if self.file.write_all_at(&tail.second, tail.first_at).is_ok() {
            self.at = tail.first_at + tail.second.len() as u64;
            let _ = self.file.set_len(self.at);
            self.update_marker(tail);
        }
        tail.second_at = Some(self.at);
        tail.second.clear();
    }

    fn update_marker(&self, tail: &Tail) {
        let _ = self.file.write_all_at(&marker(self.form, tail.left_out), tail.marker_at);
    }

    /// How much of `bytes` goes into `space`.
    fn fitting(&self, bytes: &[u8], space: u64) -> usize {
        let space = usize::try_from(space).unwrap_or(usize::MAX).min(bytes.len());
        match self.form {
            Form::Raw => space,
            Form::Lines => memchr::memrchr(b'\n', &bytes[..space]).map_or(0, |end| end + 1),
        }
    }

    /// Writes at the end. A write that fails leaves no half behind.
    fn put(&mut self, bytes: &[u8]) -> bool {
        if self.lost > 0 && !self.say_lost() {
            self.lost += bytes.len() as u64;
            return false;
        }
        match self.file.write_all_at(bytes, self.at) {
            Ok(()) => {
                self.at += bytes.len() as u64;
                true
            }
            Err(error) => {
                let _ = self.file.set_len(self.at);
                self.lost += bytes.len() as u64;
                self.error.get_or_insert(error);
                false
            }
        }
    }

    fn say_lost(&mut self) -> bool {
        let note = lost_marker(self.form, self.lost);
        let said = self.file.write_all_at(&note, self.at).is_ok();
        if said {
            self.at += note.len() as u64;
            self.lost = 0;
        } else {
            let _ = self.file.set_len(self.at);
        }
        said
    }

    fn ends_a_line(&self) -> bool {
        let mut last = [0];
        self.file.read_exact_at(&mut last, self.at - 1).is_ok_and(|()| last == *b"\n")
    }
}

/// Fixed in length, so that it can be rewritten in place.
fn marker(form: Form, left_out: u64) -> Vec<u8> {
    match form {
        Form::Raw => format!("\n[orchestrator: {left_out:020} bytes left out here]\n").into_bytes(),
        Form::Lines => {
            format!("{{\"kind\":\"warning\",\"data\":{{\"text\":\"log limit reached, lines left out here\",\"bytes\":{left_out:>20}}}}}\n")
                .into_bytes()
        }
    }
}

fn lost_marker(form: Form, lost: u64) -> Vec<u8> {
    match form {
        Form::Raw => format!("\n[orchestrator: {lost} bytes could not be written here]\n").into_bytes(),
        Form::Lines => {
            format!("{{\"kind\":\"warning\",\"data\":{{\"text\":\"lines could not be written here\",\"bytes\":{lost}}}}}\n")
                .into_bytes()
        }
    }
}

#[cfg(test)]
mod tests;

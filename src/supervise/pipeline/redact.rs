//! Secrets leave no trace: every writer gets bytes that have passed here.
//!
//! Literal values (of environment variables with telling names) and known token shapes are searched in one pass
//! by a fast automaton; only a chunk in which it finds something is looked at closely, overlaps included. At a
//! chunk's end, what could be the beginning of a secret is held back until more bytes decide it, so a value
//! split over two writes is caught as one.

mod stream;

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};

pub(super) use self::stream::StreamRedactor;
use super::shapes::{self, SHAPES, Shape};

/// What stands where a secret stood.
pub const MASK: &str = "[redacted]";

/// Values shorter than this are words, not secrets.
const SHORTEST: usize = 8;

/// A run of token bytes longer than this is masked without waiting for its end.
const LONGEST_RUN: usize = 4096;

/// The set of what must not be seen.
#[derive(Debug)]
pub struct Redactor(Option<Set>);

#[derive(Debug)]
struct Set {
    /// Says quickly that a chunk is clean.
    quick: AhoCorasick,
    /// Finds every occurrence, overlapping ones too.
    all: AhoCorasick,
    needles: Vec<Needle>,
}

#[derive(Debug)]
struct Needle {
    bytes: Vec<u8>,
    /// A needle of this kind is only a token's beginning.
    shape: Option<&'static Shape>,
}

impl Redactor {
    /// Hides nothing at all.
    pub fn none() -> Self {
        Self(None)
    }

    /// Hides these values and the known token shapes.
    pub fn new<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut needles: Vec<Needle> = SHAPES
            .iter()
            .map(|shape| Needle { bytes: shape.prefix.as_bytes().to_vec(), shape: Some(shape) })
            .collect();
        for value in values {
            for bytes in spellings(value) {
                if bytes.len() >= SHORTEST && !needles.iter().any(|n| n.shape.is_none() && n.bytes == bytes) {
                    needles.push(Needle { bytes, shape: None });
                }
            }
        }
        let build = |kind| {
            AhoCorasickBuilder::new().match_kind(kind).build(needles.iter().map(|n| n.bytes.as_slice()))
        };
        match (build(MatchKind::LeftmostFirst), build(MatchKind::Standard)) {
            (Ok(quick), Ok(all)) => Self(Some(Set { quick, all, needles })),
            // Only an environment of gigabytes gets here; literal search over it would not be usable either.
            (Err(error), _) | (_, Err(error)) => {
                tracing::warn!("secrets cannot be masked: {error}");
                Self(None)
            }
        }
    }

    /// Hides the values of variables whose names match `*KEY*|*TOKEN*|*SECRET*|*PASSWORD*`.
    pub fn from_env(vars: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let values: Vec<OsString> =
            vars.into_iter().filter(|(name, _)| names_a_secret(name)).map(|(_, value)| value).collect();
        Self::new(values.iter().map(|value| value.as_bytes()))
    }

    /// Masks whole bytes.
    pub fn bytes<'a>(&self, data: &'a [u8]) -> Cow<'a, [u8]> {
        let Some(set) = &self.0 else { return Cow::Borrowed(data) };
        if !set.quick.is_match(data) {
            return Cow::Borrowed(data);
        }
        let spans = set.look(data, None, true).spans;
        if spans.is_empty() {
            return Cow::Borrowed(data);
        }
        let mut out = Vec::with_capacity(data.len());
        emit_masked(data, &spans, 0, &mut |part| out.extend_from_slice(part));
        Cow::Owned(out)
    }

    /// Masks a whole text.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.bytes(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }

    /// Masks every string within a JSON value.
    pub fn json(&self, value: &mut serde_json::Value) {
        use serde_json::Value;
        match value {
            Value::String(text) => {
                if let Cow::Owned(masked) = self.text(text) {
                    *text = masked;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.json(item)),
            Value::Object(fields) => {
                let tainted = fields.keys().any(|key| matches!(self.text(key), Cow::Owned(_)));
                if tainted {
                    let old = std::mem::take(fields);
                    fields.extend(old.into_iter().map(|(key, item)| (self.text(&key).into_owned(), item)));
                }
                fields.values_mut().for_each(|item| self.json(item));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// Whether a variable of this name holds a secret.
pub fn names_a_secret(name: &OsStr) -> bool {
    let upper = name.as_bytes().to_ascii_uppercase();
    ["KEY", "TOKEN", "SECRET", "PASSWORD"]
        .iter()
        .any(|word| memchr::memmem::find(&upper, word.as_bytes()).is_some())
}

/// The forms in which a value shows up: without outer blanks, through a terminal, within JSON as the common
/// serialisers write it (slashes escaped, HTML characters escaped, everything but ASCII escaped).
fn spellings(value: &[u8]) -> Vec<Vec<u8>> {
    let trimmed = value.trim_ascii();
    let mut forms = vec![trimmed.to_vec()];
    if let Ok(text) = std::str::from_utf8(trimmed) {
        let quoted = serde_json::Value::from(text).to_string();
        let inner = quoted.trim_start_matches('"').len();
        let escaped = quoted[quoted.len() - inner..].strip_suffix('"').unwrap_or_default();
        forms.push(escaped.as_bytes().to_vec());
        forms.push(escaped.replace('/', "\\/").into_bytes());
        forms.push(with_units(escaped, |c| matches!(c, '<' | '>' | '&')));
        forms.push(with_units(escaped, |c| !c.is_ascii()));
        forms.push(with_units(escaped, |c| !c.is_ascii() || matches!(c, '<' | '>' | '&')));
        forms.push(text.replace('\n', "\r\n").into_bytes());
    }
    forms
}

/// Some characters as JSON's `\uXXXX`.
fn with_units(text: &str, which: impl Fn(char) -> bool) -> Vec<u8> {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if which(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to memory does not fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out.into_bytes()
}

impl Set {
    /// Looks closely. With `ended` nothing is left undecided.
    fn look(&self, data: &[u8], before: Option<u8>, ended: bool) -> Look {
        let mut hold = data.len();
        let mut open = None;
        let mut found = Vec::new();
        for hit in self.all.find_overlapping_iter(data) {
            let Some(shape) = self.needles[hit.pattern().as_usize()].shape else {
                found.push(hit.start()..hit.end());
                continue;
            };
            if !shapes::boundary(if hit.start() == 0 { before } else { Some(data[hit.start() - 1]) }) {
                continue;
            }
            let run = data[hit.end()..].iter().take_while(|b| (shape.class)(**b)).count();
            let end = hit.end() + run;
            if end == data.len() && !ended && run < LONGEST_RUN {
                hold = hold.min(hit.start());
            } else if run >= shape.least {
                found.push(hit.start()..end);
                if end == data.len() && !ended {
                    open = Some(shape.class);
                }
            }
        }
        if open.is_some() {
            hold = data.len();
        } else if !ended {
            hold = hold.min(self.undecided(data));
        }
        Look { spans: merged(found), hold, open }
    }

    /// Where the longest tail of `data` begins that is the beginning of a needle.
    fn undecided(&self, data: &[u8]) -> usize {
        let mut from = data.len();
        for needle in &self.needles {
            let longest = (needle.bytes.len() - 1).min(data.len());
            let window = data.len() - longest;
            let tail = &data[window..];
            for at in memchr::memchr_iter(needle.bytes[0], tail) {
                if window + at >= from {
                    break;
                }
                if needle.bytes.starts_with(&tail[at..]) {
                    from = window + at;
                    break;
                }
            }
        }
        from
    }
}

/// What a close look found.
struct Look {
    /// To be masked; sorted and disjoint.
    spans: Vec<Range<usize>>,
    /// From here on the data is undecided.
    hold: usize,
    /// A token that is masked up to the very end and may go on with bytes of this kind.
    open: Option<fn(u8) -> bool>,
}

fn merged(mut spans: Vec<Range<usize>>) -> Vec<Range<usize>> {
    spans.sort_by_key(|span| (span.start, span.end));
    let mut out: Vec<Range<usize>> = Vec::with_capacity(spans.len());
    for span in spans {
        match out.last_mut() {
            Some(last) if span.start < last.end => last.end = last.end.max(span.end),
            _ => out.push(span),
        }
    }
    out
}

/// Writes `data` with a mask in place of each span; what lies before `covered` has its mask already.
fn emit_masked(data: &[u8], spans: &[Range<usize>], covered: usize, out: &mut dyn FnMut(&[u8])) {
    let mut at = covered;
    for span in spans {
        if span.start > at {
            out(&data[at..span.start]);
        }
        if span.start >= covered {
            out(MASK.as_bytes());
        }
        at = at.max(span.end);
    }
    if at < data.len() {
        out(&data[at..]);
    }
}

#[cfg(test)]
mod tests;

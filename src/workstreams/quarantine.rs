//! When a run is set aside instead of being tried on (workstreams.md W8). Pure.

use std::collections::{BTreeMap, VecDeque};

/// Attempts of a step that are looked back on.
const WINDOW: usize = 4;
/// Longer lines are compared by their beginning.
const LINE: usize = 300;

/// Why, and what shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    pub reason: String,
    pub evidence: Vec<String>,
}

/// What is remembered of a run.
#[derive(Debug, Default)]
pub struct Guard {
    /// Equal errors that are one too many; 0: never.
    same_error: u64,
    errors: BTreeMap<String, Vec<String>>,
    outputs: BTreeMap<usize, VecDeque<u64>>,
}

impl Guard {
    pub fn new(same_error: u64) -> Self {
        Self { same_error, ..Self::default() }
    }

    /// An attempt failed. `who`: its step and number.
    pub fn failed(&mut self, signature: &str, who: &str) -> Option<Reason> {
        let seen = self.errors.entry(signature.to_owned()).or_default();
        seen.push(who.to_owned());
        let count = u64::try_from(seen.len()).unwrap_or(u64::MAX);
        (self.same_error > 0 && count >= self.same_error).then(|| Reason {
            reason: format!("the same error {count} times: {signature}"),
            evidence: seen.clone(),
        })
    }

    /// An attempt of a step left this, by a hash of it.
    pub fn output(&mut self, step: usize, hash: u64) -> Option<Reason> {
        let seen = self.outputs.entry(step).or_default();
        seen.push_back(hash);
        if seen.len() > WINDOW {
            seen.pop_front();
        }
        let count = seen.iter().filter(|h| **h == hash).count();
        (count >= 2).then(|| Reason {
            reason: format!("the same output {count} times within the last {} attempts", seen.len()),
            evidence: vec![format!("hash {hash:016x}")],
        })
    }
}

/// The kind of an error and its first line, without what differs from one time to the next.
pub fn signature(kind: &str, first_line: &str) -> String {
    let mut out = format!("{kind}: ");
    let mut word = String::new();
    let flush = |word: &mut String, out: &mut String| {
        let number = word.chars().any(|c| c.is_ascii_digit());
        // Numbers, addresses, ids and times of day; a name with a digit keeps its letters.
        let bare = word.strip_prefix("0x").unwrap_or(word);
        let hex = number && word.len() > 4 && bare.chars().all(|c| c.is_ascii_hexdigit());
        if hex {
            out.push('#');
        } else {
            let mut digits = false;
            for c in word.chars() {
                if c.is_ascii_digit() {
                    if !std::mem::replace(&mut digits, true) {
                        out.push('#');
                    }
                } else {
                    digits = false;
                    out.extend(c.to_lowercase());
                }
            }
        }
        word.clear();
    };
    for c in first_line.trim().chars().take(LINE) {
        if c.is_alphanumeric() {
            word.push(c);
            continue;
        }
        flush(&mut word, &mut out);
        if !(c.is_whitespace() && out.ends_with(' ')) {
            out.push(if c.is_whitespace() { ' ' } else { c });
        }
    }
    flush(&mut word, &mut out);
    out.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_error_is_known_again() {
        let a = signature("exit 1", "Error at 12:04:33 in /tmp/x91/main.rs:14:  cannot  open 0x7ffd12aa");
        let b = signature("exit 1", "error at 23:59:01 in /tmp/x7/main.rs:9: cannot open 0x0042beef ");
        assert_eq!(a, b);
        assert_ne!(a, signature("exit 2", "error at 23:59:01 in /tmp/x7/main.rs:9: cannot open 0x0042beef"));
        assert_ne!(signature("exit 1", "cannot open a"), signature("exit 1", "cannot open b"));
        assert_eq!(signature("signal 9", ""), "signal #:".replace('#', "9"));
    }

    #[test]
    fn only_what_differs_is_taken_out() {
        for (line, expected) in [
            ("Two  blanks,\tone", "k: two blanks, one"),
            ("ab12 is a name", "k: ab# is a name"),
            ("ab123 is a number", "k: # is a number"),
            ("abcde is a word", "k: abcde is a word"),
            ("0xab is short", "k: #xab is short"),
        ] {
            assert_eq!(signature("k", line), expected);
        }
    }

    /// W8: three times by default, off with 0; whose they were is the evidence.
    #[test]
    fn equal_errors_are_counted() {
        let mut guard = Guard::new(3);
        assert_eq!(guard.failed("x", "a/1"), None);
        assert_eq!(guard.failed("y", "b/1"), None);
        assert_eq!(guard.failed("x", "a/2"), None);
        let reason = guard.failed("x", "c/1").unwrap();
        assert_eq!(reason.reason, "the same error 3 times: x");
        assert_eq!(reason.evidence, ["a/1", "a/2", "c/1"]);
        let mut off = Guard::new(0);
        assert!((0..9).all(|_| off.failed("x", "a").is_none()));
    }

    /// W8: twice within the last four attempts of one step.
    #[test]
    fn returning_outputs_are_seen() {
        let mut guard = Guard::new(3);
        assert!([1, 2, 3, 4, 1].into_iter().all(|hash| guard.output(0, hash).is_none()));
        assert!(guard.output(1, 1).is_none(), "another step");
        assert!(guard.output(0, 3).is_some());
        let mut swinging = Guard::new(3);
        assert!(swinging.output(0, 1).is_none() && swinging.output(0, 2).is_none());
        assert!(swinging.output(0, 1).is_some());
    }
}

//! What must hold of every input, one function a target. `fuzz/` calls the same functions.

mod config;
mod framing;
mod protocol;
mod redaction;
mod router;
mod state;
mod verdict;
mod workstream;

pub use config::config;
pub use framing::framing;
pub use protocol::protocol;
pub use redaction::redaction;
pub use router::router;
pub use state::state;
pub use verdict::verdict;
pub use workstream::workstream;

/// A problem's line lies in the text (the end of the file counts as one more).
fn in_range(line: usize, text: &str) {
    let lines = text.split('\n').count() + text.matches(['\r', '\u{85}', '\u{2028}', '\u{2029}']).count();
    assert!((1..=lines + 1).contains(&line), "line {line} of {lines}");
}

/// What is shown on a terminal moves no cursor.
fn printable(shown: &str) {
    assert!(!shown.chars().any(char::is_control), "control character in {shown:?}");
}

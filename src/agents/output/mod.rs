//! Output protocols: what an agent prints, read into facts as it comes (agents.md A5).
//!
//! Each protocol is one small reader of records behind `reader`, which finds the records among plain lines. A reader
//! keeps a few numbers and names, never the stream. It fails no turn: what it does not know passes through, what is
//! broken is said and passes through. Nothing here has a clock, a file or a process.
//!
//! Rate limits come from structured records alone; the words of a model decide nothing.

mod claude;
mod codex;
mod cursor;
mod fields;
mod gemini;
mod opencode;
mod protocol;
mod reader;
#[cfg(test)]
mod tests;
mod tools;

pub use protocol::Protocol;

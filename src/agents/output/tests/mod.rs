//! The parsers over what the real CLIs printed (tests/fixtures/transcripts), and over what no CLI should print.

mod facts;
mod hostile;
mod records;
mod transcripts;

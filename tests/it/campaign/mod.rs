//! Broken on purpose, engine by engine: what `tests/campaign/README.md` lists and no other suite has.

#![expect(clippy::print_stdout, reason = "campaigns report their counts")]

#[cfg(target_os = "linux")]
mod clocks;
mod damage;
mod engines;
mod every_byte;
mod full;
mod stopped;
mod twice;

pub use crate::remote::scale;

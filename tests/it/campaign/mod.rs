//! Broken on purpose, engine by engine: what `tests/campaign/README.md` lists and no other suite has.

#![expect(clippy::print_stdout, reason = "campaigns report their counts")]

mod damage;
mod every_byte;
mod twice;

pub use crate::remote::scale;

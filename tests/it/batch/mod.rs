//! Batches through the program (workstreams.md W1 to W4).

#![expect(clippy::print_stdout, reason = "campaigns report their counts")]

mod interrupts;
mod kills;
mod limits;
mod resume;
mod worktrees;

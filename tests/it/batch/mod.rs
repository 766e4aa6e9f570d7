//! Batches through the program (workstreams.md W1 to W4).

mod interrupts;
mod kills;
mod limits;
mod resume;
mod worktrees;

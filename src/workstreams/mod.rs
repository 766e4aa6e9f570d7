//! Many agents: batches side by side (workstreams.md §1).

pub mod batch;

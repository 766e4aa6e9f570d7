//! What became of a run of any kind, from the ledger alone (workstreams.md W23), and drawings of graphs.

mod facts;
pub mod graph;
mod html;
mod markdown;
mod picture;

pub use facts::{AttemptFacts, Facts, Routed, StepFacts, Told};
pub use html::html;
pub use markdown::markdown;

use serde_json::Value;

/// The report for programs.
pub fn json(facts: &Facts) -> Value {
    // Rows of the ledger have nothing that JSON has not.
    serde_json::to_value(facts).unwrap_or(Value::Null)
}

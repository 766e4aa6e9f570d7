//! The record of everything that ran on this machine: runs, attempts and events, in SQLite.
//!
//! The ledger is a record, not the truth: the loop's truth is its state file. So nothing here may end or hold a
//! run. An engine talks to a [`Recorder`] (or to a [`Writer`] itself), which puts entries into a bounded queue; one
//! thread writes them. If the file cannot be written, that is said once and the run goes on.
//!
//! - `schema`: opening, migrations. `state`, `model`: what may become what; the rows.
//! - `change`: a transition and its event, in one transaction, by compare-and-set on the old state.
//! - `steps`: steps of workstreams, and what is remembered of tools.
//! - `queue`, `writer`, `store`: the thread, and what it does when the file is ill. `aside`: a damaged file.
//! - `mapping`, `recorder`: from events to changes. `crash`: rows of dead owners. `mask`: secrets.
//! - `read`, `tail`, `follow`, `export`: for whoever looks; a subscriber reads from `seq`, so it cannot slow a run.
//! - `gc`: what is old.
//!
//! No engine writes SQL, and nothing here runs an agent.

mod aside;
mod change;
mod crash;
mod error;
mod export;
mod follow;
mod gc;
mod mapping;
mod mask;
mod model;
mod owner;
mod queue;
mod read;
mod recorder;
mod schema;
mod state;
mod steps;
mod store;
mod tail;
mod wake;
mod writer;

pub use change::{AttemptEnd, Change, Entry, NewAttempt, NewRun, Record, RunMove};
pub use crash::CRASH;
pub use error::LedgerError;
pub use export::export;
pub use follow::Follower;
pub use gc::Forgotten;
pub use mask::Mask;
pub use model::{AttemptRow, EventRow, RunRow};
pub use owner::Owner;
pub use read::{EventFilter, Found, RunFilter};
pub use recorder::Recorder;
pub use schema::{FILE, Ledger, VERSION};
pub use state::{AttemptState, IllegalMove, RunKind, RunState, StepState, UnknownWord};
pub use steps::{NewWorkstream, StepEnd, StepMove, StepRow, StepStart, ToolHealth};
pub use tail::Printed;
pub use wake::Wake;
pub use writer::{Options, Ticket, Writer};

#[cfg(test)]
mod tests;

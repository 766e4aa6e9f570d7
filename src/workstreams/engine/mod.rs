//! A workstream in motion: what the pure parts decide is done here, over the supervisor.
//!
//! - `run`: the loop. `begin`: what comes before it. `finish`: what comes after.
//! - `step`, `process`, `audited`, `gate`: one attempt at a step. `catalog`: what can be given a step. `tools`: how it
//!   fares.
//! - `limits`: who is kept away by a rate limit. `book`: the ledger and whoever watches. `saved`: what resuming needs. `watch`: who wrote what.
//!
//! A process is spawned only after its attempt's start cannot be undone by a kill, so everything that ever ran is in
//! the ledger.

mod audited;
mod begin;
mod book;
mod catalog;
mod error;
mod finish;
mod gate;
mod limits;
mod process;
mod release;
mod request;
mod run;
mod saved;
mod setting;
mod step;
mod tools;
mod watch;

pub use begin::{Begin, prepare, resume};
pub use catalog::{Catalog, Means};
pub use error::EngineError;
pub use finish::{Outcome, Report};
pub use release::{Released, cancel_waiting, release};
pub use request::Request;
pub use run::run;
pub use saved::Saved;
pub use setting::{ProgressCell, Setting, World};
pub use tools::Tools;

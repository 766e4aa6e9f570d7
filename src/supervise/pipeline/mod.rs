//! From the bytes of a child to facts and files, in one pass.
//!
//! A read goes through these stages, each in its own file: secrets are masked first, so that no later stage can
//! show one; the raw log gets the masked bytes; they are cut into lines and put together again where JSON was
//! pretty-printed; the agent's parser makes facts of them; what it decoded is masked once more (an escape in JSON
//! may have hidden a secret); the activity log and the subscriber get the facts.

mod activity_log;
mod capped;
mod desk;
mod frame;
mod join;
mod mask;
mod raw;
pub mod redact;
mod scan;
mod shapes;
mod stages;
mod tail;

pub use self::stages::{Pipeline, Stamp};

//! One task to its end: a worker does it, an auditor judges it, until it is done, impossible or out of budget.
//!
//! Pure: [`machine`] (the states), [`verdict`] (what an auditor said), `result` and `echo` (what an agent said),
//! `recovery` (what a worker that ended early left). The shell around: [`Engine`] does what the machine asks for and
//! saves every transition before its action; `session` is the file it is saved in; `changes` and `store` look for
//! work where no message tells of it.
//!
//! Nothing here prints, and nothing here runs a process but through [`crate::agents`] and [`crate::supervise`]. Who
//! wants to know what happens is an [`Observer`].

mod changes;
mod echo;
mod engine;
mod error;
mod fact;
pub mod machine;
mod prompts;
mod recovery;
mod result;
pub mod session;
mod settings;
mod store;
pub mod verdict;

pub use engine::{Engine, Resume, World};
pub use error::{End, OneshotError};
pub use fact::{Fact, Observer, Role};
pub use prompts::{TemplateError, Templates};
pub use settings::Settings;

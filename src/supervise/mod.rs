//! Runs, watches, ends and records one child process; every child of the program runs here.
//!
//! `run` takes a [`Request`] and gives an [`Outcome`], whatever the child does. One owner conducts each child:
//! every input (bytes, end, deadline, wish to stop) is one event, in an order of precedence that keeps the record
//! honest (`events`). Pure machines decide: `lifecycle` (the states), `watch` (the limits), `course` (how it
//! ends), `circling`, `judge` (what it was worth). `conduct` does what they say. `pipeline` turns bytes into files
//! and facts. `tree` is the operating system.
//!
//! Nothing here knows an agent: output protocols are read behind [`OutputParser`].

mod activity;
mod circling;
mod conduct;
mod course;
mod events;
mod judge;
mod kin;
mod lifecycle;
mod outcome;
mod owner;
mod pipeline;
mod process;
mod procfs;
mod pty;
mod request;
mod stop;
mod streams;
mod survivors;
mod table;
mod terminal;
mod tree;
mod watch;

pub use self::activity::{Activity, Kind, Leak, OutputParser, RateLimit, Stream, Usage};
pub use self::circling::{Circle, Circling};
pub use self::kin::{ANCESTRY_VAR, ATTEMPT_VAR, KEEP_VAR, OWNER_VAR, PROJECT_VAR};
pub use self::lifecycle::{Edge, Failure, IllegalEdge, Lifecycle};
pub use self::outcome::{ErrorKind, Exit, Outcome};
pub use self::owner::run;
pub use self::pipeline::redact::{MASK, Redactor, names_a_secret};
pub use self::pipeline::{Pipeline, Stamp};
pub use self::request::{ActivityTag, Limits, LogTarget, RawLog, Repeat, Request, Stdin};
pub use self::stop::{Stop, StopReason};
pub use self::survivors::{Killed, end_session, start_of, sweep_survivors};

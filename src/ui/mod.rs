//! What a person sees. Consumers of events; nothing here changes a run.

pub mod bar;
pub mod console;
pub mod json;
mod progress;
#[cfg(feature = "web")]
pub mod web;

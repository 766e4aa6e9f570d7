//! What a person sees. Consumers of events; nothing here changes a run.

pub mod bar;
pub mod console;
pub mod json;
mod progress;
#[cfg(feature = "tui")]
pub mod tui;
#[cfg(feature = "web")]
pub mod web;

//! `orchestration.yaml` and what overrides it (turns.md T32 to T34).
//!
//! The text becomes a [`tree`] with positions, the tree is held against the one table of [`keys`],
//! and only what passed is turned into the typed [`Config`]. Flags and environment pass the same
//! table. Nothing here knows what the settings are for.

mod check;
mod diagnostic;
mod document;
pub mod duration;
mod edit;
mod effective;
mod env;
mod form;
mod globs;
mod http;
pub mod keys;
mod layers;
mod live;
mod load;
mod model;
mod places;
mod rules;
mod scalar;
mod schema;
mod suggest;
mod table;
mod tree;

pub use diagnostic::{ConfigError, Diagnostic, plain};
pub use document::document;
pub use duration::parse_duration;
pub use edit::with_consent;
pub use effective::EffectiveKey;
pub use env::env_names;
pub use form::{Form, did_you_mean, form};
pub use globs::glob_set;
pub use layers::{Override, Source};
pub use live::Watched;
pub use load::{FILE_NAME, Loaded, find_root, load};
pub use model::*;
pub use schema::schema;

/// A commented configuration with the defaults, as `init` writes it.
pub const EXAMPLE_YAML: &str = include_str!("example.yaml");

#[cfg(test)]
mod tests;

//! The local repository, on real ones.

mod dirt;
pub mod fixture;
mod history;
mod places;
mod preflight;
mod rescue;
mod sanitize;
mod state_commits;

//! The local repository, on real ones.

mod cost;
mod cut_move;
mod dirt;
pub(crate) mod fixture;
mod history;
mod places;
mod preflight;
mod rescue;
mod sanitize;
mod state_commits;

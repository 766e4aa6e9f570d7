//! The local repository, on real ones.

mod fixture;
mod state_commits;

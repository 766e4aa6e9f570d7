//! The commands beside role mode's loop.

mod audit;
mod clones;
mod takeover;
mod tell;

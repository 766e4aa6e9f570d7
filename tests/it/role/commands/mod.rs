//! The commands beside role mode's loop.

mod audit;
mod clones;
mod publish;
mod takeover;
mod tell;
mod timer;

//! turns

pub mod shipped;

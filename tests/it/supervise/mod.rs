//! The supervisor with real processes.

mod ends;
mod hang;
mod harness;

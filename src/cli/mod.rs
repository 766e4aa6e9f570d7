//! The command line: arguments in, exit code out. One file per command; exit codes and hints only
//! in [`error`].

pub mod args;
pub mod error;

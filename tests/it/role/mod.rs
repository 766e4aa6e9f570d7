//! Role mode: real processes in clones of one bare repository.

mod commands;
mod turns;

//! Role mode: real processes in clones of one bare repository.

mod commands;
mod crash;
mod facts;
mod ground;
mod stopping;
mod turns;

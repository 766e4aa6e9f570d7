//! Role mode: real processes in clones of one bare repository.

mod crash;
mod facts;
mod ground;
mod stopping;
mod turns;

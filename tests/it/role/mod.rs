//! Role mode: real processes in clones of one bare repository.

mod crash;
mod facts;
mod ground;
mod scope;
mod stopping;
mod turns;

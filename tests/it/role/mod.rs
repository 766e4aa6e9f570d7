//! Role mode: real processes in clones of one bare repository.

mod crash;
mod facts;
mod ground;
mod limits;
mod scope;
mod starts;
mod stopping;
mod turns;

//! Role mode: real processes in clones of one bare repository.

mod turns;

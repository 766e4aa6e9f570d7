//! Role mode: real processes in clones of one bare repository.

mod alternate;
mod cron;
mod fence;
mod heritage;
mod kills;
mod network;
mod observer;
mod proxy;
mod stage;
mod turns;

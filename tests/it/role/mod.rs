//! Role mode: real processes in clones of one bare repository.

mod alternate;
mod commands;
mod crash;
mod cron;
mod facts;
mod fence;
mod folder;
mod ground;
mod heritage;
mod interrupts;
mod kills;
mod limits;
mod network;
mod observer;
mod page;
mod proxy;
mod scope;
mod stage;
mod starts;
mod stopping;
mod turns;

pub use self::ground::{Ground, wait_until};
pub use self::stage::Dice;

//! Whether a branch's history of the state is a chain of legal turns (git-sync.md G17): pure.
//!
//! Every commit of the first-parent line that changed the state is held against the one way from one state to the
//! next, [`transition`](crate::state::transition), and against the claims and hand-offs before it:
//!
//! | commit | has to be |
//! | --- | --- |
//! | one with a subject of G5 | the transition that the subject names, with the subject's iteration and commit |
//! | one of this program's (trailer `Orchestrator`) | also what its trailers `Turn-Id`, `Epoch` and `Role` say |
//! | a claim | of a turn id never seen and an epoch above all before it |
//! | a hand-off | the only one of its turn id and epoch |
//! | any other | some legal transition: a person may edit the file, not invent turns |
//!
//! The earlier orchestrator writes neither `turn` nor trailers: what is not there is not held against it. After a wrong
//! commit the chain goes on from the state that it made, so that one mistake is told once.

mod judge;
mod walk;

#[cfg(test)]
mod tests;

pub use walk::{Entry, Problem, Report, audit};

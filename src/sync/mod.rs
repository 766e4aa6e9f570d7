//! Machines share nothing but a git remote, whose ref update is the only arbiter. This room takes
//! turns through it: the protocol and the lease decide, purely; the rest does what they say.

pub mod lease;
pub mod protocol;

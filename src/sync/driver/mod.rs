//! The shell around the protocol: what [`Machine`](super::protocol::Machine) says is done here, on a
//! real repository, a real remote and a real clock, and nothing is decided.
//!
//! [`Driver::run`] is one loop in one thread. The lease has its own thread (`renewer`), and so has the
//! turn while it runs: the caller's [`Runner`], which knows prompts and agents. Every note (signal,
//! stop request, lost lease, started agent) comes as mail to the main loop.
//!
//! | file | does |
//! | --- | --- |
//! | `sight` | listings; what a tip shows |
//! | `backdrop` | what explains a message |
//! | `build` | claims, stamps, control commits |
//! | `place` | where the branch goes; rescue; how an agent left HEAD |
//! | `disk` | journal and memory |
//! | `renewer` | the lease's thread |
//! | `shell` | each action, one after the other |
//! | `drive` | the loop |

mod backdrop;
mod build;
mod disk;
mod drive;
mod exit;
mod host;
mod inbox;
mod place;
mod renewer;
mod setup;
mod shell;
mod sight;

pub use backdrop::{Backdrop, Failed, LeaseNote};
pub use drive::{Doing, Driver, Finish, Site};
pub use exit::asked_to_exit;
pub use host::{Claimed, Desk, Details, Exit, Listener, Runner, Said, Work};
pub use inbox::Handle;
pub use setup::{DriverError, Setup, World, lease_ref_of};
pub use sight::view_of;

//! The remote: list a ref, fetch it, compare-and-swap it. Three ways, one contract (G18).
//!
//! | way | reaches | compares |
//! | --- | --- | --- |
//! | [`Way::Smart`] | git://, http(s), ssh, by libgit2 | the server, and the negotiation callback |
//! | [`Way::Local`] | a path, `file://` | `reference_matching`, under the ref's lock |
//! | [`Way::Program`] | whatever `git` reaches | `--force-with-lease` with the exact old id |
//!
//! libgit2's own push to a path compares nothing, and its `push` returns `Ok` for a refused ref:
//! neither is believed here. What a swap says is not believed either by who calls it; a listing
//! afterwards is (G12). Nothing prompts, nothing a repository configures is run (G22), and nothing
//! waits longer than the time-out for a sign of life (G15).

mod choose;
mod cli;
mod cli_words;
mod command;
mod connector;
mod contract;
mod copy;
mod credentials;
mod error;
mod hostkeys;
mod local;
mod place;
mod server_clock;
mod smart;
mod ssh_config;
mod stale;
mod surroundings;
mod survey;
mod worker;

pub use choose::{Choice, Findings, Way, Why, choose};
pub use connector::{Connector, Limits};
pub use contract::{Probe, Refusal, Remote, Swap, Swapped, extends, swap_branch};
pub use error::{Passing, RemoteError};
pub use place::{BadUrl, Place};
pub use stale::on_local_disk;
pub use surroundings::Surroundings;
pub use worker::Cancel;

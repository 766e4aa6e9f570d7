//! The web page (interface.md I7 to I9): one page and a JSON API over the ledger, read-only.
//!
//! - `auth`: who is let in. Pure. `token`: the secret in the printed address, kept beside the ledger.
//! - `page`: the page, put together when the program is built. `answer`: documents and refusals over HTTP.
//! - `routes`: which address means what. `records`, `log`, `costs`: what stands behind them.
//! - `feed`: the one reader of the ledger that all open pages share; `parts` makes messages of rows. Pure.
//! - `watch`: the one look at the state for all pages. `stream`: what one page is sent, from the ledger or from the feed.
//!
//! What belongs to other rooms (the state as `status` says it, the steps of a workstream, what is secret) is handed
//! in as a [`Project`]. Nothing here writes into the project, and nothing a page does can reach a run.

mod answer;
mod auth;
mod costs;
mod feed;
mod log;
mod page;
mod parts;
mod records;
mod routes;
mod site;
mod stream;
mod token;
mod watch;

pub use auth::Door;
pub use routes::serve;
pub use site::{Project, Site};
pub use token::{TokenError, token};

//! `orchestrator gc`: forgets what is old.

use super::args::Global;
use super::error::{Failure, OK};
use super::record::{open, time_ago};
use super::record_args::GcArgs;
use super::setup::{Machine, setup_beside};
use crate::clock::Clock;

pub(super) fn gc(global: &Global, args: &GcArgs) -> Result<u8, Failure> {
    let settings = setup_beside(global)?.settings;
    let now = Machine::new().clock.now();
    let before = time_ago("--keep", &args.keep, now)?;
    let mut ledger = open(&settings)?;
    let _ = ledger.forget(before)?;
    Ok(OK)
}

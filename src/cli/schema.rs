//! `orchestrator schema`: the JSON Schema of the configuration (turns.md T33).

use super::error::{Failure, OK};
use crate::config;

pub(super) fn schema() -> Result<u8, Failure> {
    super::print(&format!("{:#}\n", config::schema()))?;
    Ok(OK)
}

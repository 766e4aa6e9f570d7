//! Limits of a whole loop (agents.md A9); `None` is no limit.

use serde::{Deserialize, Serialize};

use crate::config::duration::Secs;

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Budget {
    pub turns: Option<u64>,
    pub wall_secs: Option<Secs>,
    pub tokens: Option<u64>,
    pub cost_usd: Option<f64>,
    /// Turns in a row without a commit, a changed file or a change of state besides the stamp.
    pub no_progress_turns: Option<u64>,
}

//! Commands run on events (interface.md I11).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The argv of each event that has one.
pub type Hooks = BTreeMap<HookPoint, Vec<String>>;

/// The events that a command can be bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HookPoint {
    TurnStart,
    /// The turn succeeded.
    TurnEnd,
    TurnFailed,
    Waiting,
    Takeover,
    Fenced,
    RunEnded,
    BudgetReached,
}

//! Which prompt runs (turns.md T9, T10).

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RouterConfig {
    pub enabled: bool,
    pub mode: RouterMode,
    pub prompt: Option<String>,
    pub review_every_n: Option<u64>,
    /// Empty: any prompt that exists.
    pub allowlist: Vec<String>,
}

/// When the router prompt's answer counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouterMode {
    #[default]
    RouterDefault,
    RouterFirst,
    RouterOnly,
}

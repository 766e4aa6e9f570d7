//! Limits of one agent process (supervision.md P6 to P9, P13, P17; agents.md A6).

use serde::{Deserialize, Serialize};

use crate::config::duration::Secs;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Supervision {
    pub idle_secs: Secs,
    /// `None`: 900 s, 1800 s for agents whose output is plain text. 0: never.
    pub inactivity_secs: Option<Secs>,
    pub tool_secs: Secs,
    /// 0: no limit.
    pub timeout_secs: Secs,
    pub result_grace_secs: Secs,
    pub grace_secs: Secs,
    pub rate_limit: RateLimit,
    pub repeat: Repeat,
    pub log_max_bytes: u64,
    pub pty: Pty,
}

impl Default for Supervision {
    fn default() -> Self {
        Self {
            idle_secs: Secs::new(30),
            inactivity_secs: None,
            tool_secs: Secs::new(3600),
            timeout_secs: Secs::new(0),
            result_grace_secs: Secs::new(10),
            grace_secs: Secs::new(5),
            rate_limit: RateLimit::Wait,
            repeat: Repeat::Warn,
            log_max_bytes: 1 << 30,
            pty: Pty::Auto,
        }
    }
}

/// Limits that a role or an agent sets for itself; what is `None` is inherited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    pub idle_secs: Option<Secs>,
    pub inactivity_secs: Option<Secs>,
    pub tool_secs: Option<Secs>,
    pub timeout_secs: Option<Secs>,
    pub result_grace_secs: Option<Secs>,
    pub grace_secs: Option<Secs>,
    /// Of an agent only: how many of it may run at once.
    pub max_parallel: Option<u64>,
}

/// What a rate limit does to the turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RateLimit {
    #[default]
    Wait,
    Fallback,
    Fail,
}

/// What going in circles does to the turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repeat {
    #[default]
    Warn,
    Interrupt,
}

/// Whether an agent runs under a pseudo-terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pty {
    #[default]
    Auto,
    Always,
    Never,
}

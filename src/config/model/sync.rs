//! Taking turns through a git remote (git-sync.md).

use serde::{Deserialize, Serialize};

use crate::config::duration::Secs;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sync {
    pub transport: Transport,
    pub lease_secs: Secs,
    /// Added to the lease before a standby takes over (G13).
    pub margin_secs: Secs,
    /// `None`: the side ref of G3.
    pub lease_ref: Option<String>,
    pub poll_interval: Secs,
    pub takeover: Takeover,
    /// How long transient failures are retried; 0: not at all (G15).
    pub retry_secs: Secs,
    /// How often a failed turn is claimed again by a start that nobody watches (T20).
    pub retry_failed: u64,
    pub network_timeout_secs: Secs,
    pub clock_skew_secs: Secs,
    pub message_suffix: Option<String>,
    /// Between the lines a waiting role prints (T19).
    pub heartbeat_secs: Secs,
}

impl Default for Sync {
    fn default() -> Self {
        Self {
            transport: Transport::Auto,
            lease_secs: Secs::new(600),
            margin_secs: Secs::new(60),
            lease_ref: None,
            poll_interval: Secs::new(5),
            takeover: Takeover::Auto,
            retry_secs: Secs::new(900),
            retry_failed: 0,
            network_timeout_secs: Secs::new(60),
            clock_skew_secs: Secs::new(60),
            message_suffix: None,
            heartbeat_secs: Secs::new(600),
        }
    }
}

/// How the remote is reached (G18).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    #[default]
    Auto,
    Git2,
    Git,
}

/// Who takes over a turn whose holder looks dead (G13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Takeover {
    #[default]
    Auto,
    Manual,
    Never,
}

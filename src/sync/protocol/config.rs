//! What a run was asked to do.

use std::time::Duration;

use crate::ids::RoleId;

use super::action::Control;
use super::names::{BootId, RefName};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Config {
    pub goal: Goal,
    pub role: RoleId,
    /// Whether this is the workflow's first role, which creates a missing state (T18).
    pub first: bool,
    pub start: Start,
    /// Turns to run (`--sync-loops`); `None`: until stopped.
    pub turns: Option<u64>,
    pub takeover: Takeover,
    /// How often a failed turn is claimed again without being asked (`sync.retry_failed`).
    pub retry_failed: u64,
    /// Where this machine keeps its own lease.
    pub lease_ref: RefName,
    pub boot: BootId,
    pub timing: Timing,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Goal {
    /// Take turns.
    Loop,
    /// Publish one state commit (`stop`, `resume`, `takeover`, `init --publish`).
    Once(Control),
}

/// How the run was started: what it does when it is not its turn, or the turn failed (T19, T20).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Start {
    ByHand,
    /// `--stop-on-failure`
    StopOnFailure,
    /// `--if-turn`
    IfTurn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Takeover {
    Auto,
    /// Only by command.
    Manual,
    Never,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Timing {
    /// Between listings while waiting; drawn from ± 20 % (G7).
    pub poll: Duration,
    /// Beyond the holder's own lease before a take-over (G13).
    pub margin: Duration,
    /// What a wall clock may be off by across a reboot (G13).
    pub skew: Duration,
    /// How long passing trouble is retried (G15).
    pub retry: Duration,
    /// How long a branch must look rewritten, in three listings or more (G14).
    pub suspect: Duration,
    /// `--max-wait-sec`
    pub max_wait: Option<Duration>,
    /// Between two lines of a waiting role (`--heartbeat-secs`).
    pub heartbeat: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(5),
            margin: Duration::from_secs(60),
            skew: Duration::from_secs(60),
            retry: Duration::from_secs(900),
            suspect: Duration::from_secs(30),
            max_wait: None,
            heartbeat: Duration::from_secs(600),
        }
    }
}

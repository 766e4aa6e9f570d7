//! Shells that do one thing wrong. A simulator that does not catch each of them proves nothing.
//!
//! The protocol itself has no switches: a wrong shell lies to it, or does other than it was told.
//! So what is tested is the code that ships, and the rules it cannot enforce by itself (who asks,
//! what is compared, what is counted) are shown to matter where they are kept: in the shell.

use super::plan::{Plan, Transport};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// As it should be.
    No,
    /// A fenced holder rebases its work and its old stamp on the tip and pushes both (G11e).
    StaleRebase,
    /// A claim counts as won once it was sent (G8, G12).
    ClaimIgnored,
    /// Whether HEAD descends from the claim is not looked at, neither after the run nor above
    /// the transport (G11, G18).
    NoDescent,
    /// Epochs are counted from the state alone (G4).
    StateEpoch,
    /// A lease value that stands still is enough, whoever's turn it is (G13).
    LeaseOnly,
    /// A push that compares nothing, only goes forward, by agents who merge what they find.
    PlainForward,
}

impl Broken {
    pub const ALL: [Self; 6] = [
        Self::StaleRebase,
        Self::ClaimIgnored,
        Self::NoDescent,
        Self::StateEpoch,
        Self::LeaseOnly,
        Self::PlainForward,
    ];

    /// Some faults show only where nothing else would stop them.
    pub fn arrange(self, plan: &mut Plan) {
        match self {
            Self::NoDescent => plan.transport = Transport::Swap,
            Self::PlainForward => {
                plan.transport = Transport::Forward;
                plan.agent.merge = 0.9;
                plan.stale = 0.3;
                plan.pause = 0.03;
                plan.agent.touch_state = 0.0;
            }
            _ => (),
        }
    }
}

//! The pure heart of taking turns through a git remote (git-sync.md): what is seen goes in, what
//! is to be done comes out. No file, clock, process, network or randomness.
//!
//! [`Machine::step`] takes one [`Event`] and returns [`Action`]s, in order; [`Action`] has the
//! contract. It is made of tables that stand alone:
//!
//! - `judge`: the ladder of G11, for claims and stamps;
//! - `decide`: whether a turn may be claimed;
//! - `takeover`: when silence counts as death;
//! - `retry`: back-off.
//!
//! The lease has its own machine ([`super::lease`]), since it has its own thread.
//!
//! | errand | begins | look leads to | ends |
//! | --- | --- | --- | --- |
//! | poll | start, after each turn | [`decide`] | bid, or exit |
//! | bid | a free turn | (a commit is built) | claim |
//! | claim | claim journalled | [`judge_claim`] | run, or poll |
//! | run | claim won | (the agent runs) | publish, or rescue |
//! | publish | stamp built | [`judge_stamp`] | poll, rescue, or exit |
//! | rescue | fenced, conflict, astray | settle | exit, or publish as failed |
//! | control | stop, create, a command | published or made anew | poll, or exit |

mod action;
mod claim;
mod config;
mod control;
mod decide;
mod event;
mod journal;
mod judge;
mod look;
mod machine;
mod names;
mod poll;
mod publish;
mod rescue;
mod retry;
mod say;
mod takeover;
#[cfg(test)]
mod tests;
mod view;

pub use action::{Action, Base, ClaimKind, Control, LeaseOrder, Order, Target};
pub use config::{Config, Goal, Start, Takeover, Timing};
pub use decide::{Decision, Outlook, Waiting, decide};
pub use event::{Ended, Event, How, Line, Lost, Obstacle, Saved, Signal};
pub use journal::{
    AgentMark, End, Journal, Memory, Observation, OpenTurn, Outcome, Rescue, RescueWhy, SentClaim,
};
pub use judge::{ClaimFate, Rung, judge_claim, judge_stamp};
pub use machine::Machine;
pub use names::{BadCommitId, BootId, CommitId, RefName, TurnId};
pub use say::{Message, Reason};
pub use takeover::{Now, Sight, is_ripe, observe};
pub use view::{AtTip, Facts, Listing, PushReply, Relation, StateView, Status, Trouble, TurnView};

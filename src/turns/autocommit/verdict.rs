//! What left-over files mean for a turn (T23) and for a claim (T23a).

use super::plan::{Left, Plan, Why};
use crate::sync::journal::Mode;
use crate::sync::message::Group;

/// What the files that stay dirty mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Clean,
    /// Go on, and name them.
    Warn(Vec<Left>),
    /// The turn fails, or nothing is claimed; these are why.
    Stop(Vec<Left>),
}

/// After a turn. Work over its cap fails any turn. In role mode the first role has to leave a
/// clean tree unless `tolerate` (`--tolerate-doc-dirty`): its documents are what the others act
/// on. Secrets, submodules and filtered files are named and stop nobody.
pub fn after_turn(plan: &Plan, mode: Mode, first_role: bool, tolerate: bool) -> Verdict {
    let strict = mode == Mode::Role && first_role && !tolerate;
    let stops = |left: &&Left| match &left.why {
        Why::FileTooLarge { group: Group::Work, .. } | Why::GroupFull { group: Group::Work, .. } => true,
        Why::Before | Why::Secret(_) | Why::Submodule | Why::Filtered => false,
        Why::Unclaimed
        | Why::GroupOff(_)
        | Why::FileTooLarge { .. }
        | Why::GroupFull { .. }
        | Why::Conflicted
        | Why::Unreadable => strict,
    };
    verdict(plan, stops)
}

/// Before a claim, by a plan of [`Scope::Steering`](super::Scope::Steering) whose `before` is what
/// turns left and named. In combined mode a person's files are a warning; in role mode they stop
/// the claim, for it would publish a turn made on files nobody else has.
pub fn before_claim(plan: &Plan, mode: Mode) -> Verdict {
    let exempt = |left: &Left| matches!(left.why, Why::Before | Why::Submodule | Why::Filtered);
    verdict(plan, |left| mode == Mode::Role && !exempt(left))
}

fn verdict(plan: &Plan, stops: impl Fn(&&Left) -> bool) -> Verdict {
    let stopping: Vec<Left> = plan.left.iter().filter(stops).cloned().collect();
    if !stopping.is_empty() {
        return Verdict::Stop(stopping);
    }
    let named: Vec<Left> = plan.left.iter().filter(|l| l.why != Why::Before).cloned().collect();
    if named.is_empty() { Verdict::Clean } else { Verdict::Warn(named) }
}

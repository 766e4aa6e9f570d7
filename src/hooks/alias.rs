//! Which events hooks may be bound to: the one table. Pure.

use crate::config::HookPoint;
use crate::event::{Ended, Event};

/// The hook that an event calls, if any. A turn calls one of `turn_end` and `turn_failed`, or, interrupted, none.
pub fn point_of(event: &Event) -> Option<HookPoint> {
    match event {
        Event::AttemptStarted { .. } => Some(HookPoint::TurnStart),
        Event::AttemptEnded { outcome: Ended::Succeeded, .. } => Some(HookPoint::TurnEnd),
        Event::AttemptEnded { outcome: Ended::Failed, .. } => Some(HookPoint::TurnFailed),
        Event::Waiting { .. } => Some(HookPoint::Waiting),
        Event::Takeover { .. } => Some(HookPoint::Takeover),
        Event::Fenced { .. } => Some(HookPoint::Fenced),
        Event::RunEnded { .. } => Some(HookPoint::RunEnded),
        Event::BudgetReached { .. } => Some(HookPoint::BudgetReached),
        _ => None,
    }
}

/// The word of the configuration.
pub fn name(point: HookPoint) -> &'static str {
    match point {
        HookPoint::TurnStart => "turn_start",
        HookPoint::TurnEnd => "turn_end",
        HookPoint::TurnFailed => "turn_failed",
        HookPoint::Waiting => "waiting",
        HookPoint::Takeover => "takeover",
        HookPoint::Fenced => "fenced",
        HookPoint::RunEnded => "run_ended",
        HookPoint::BudgetReached => "budget_reached",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::AttemptResult;

    /// I11: success calls `turn_end`, failure `turn_failed`, never both; an interrupted turn was neither.
    #[test]
    fn an_ended_turn_calls_one_hook() {
        let ended = |outcome| Event::AttemptEnded {
            role: "ralph".into(),
            line: String::new(),
            outcome,
            result: AttemptResult::default(),
        };
        let points = [Ended::Succeeded, Ended::Failed, Ended::Canceled].map(|o| point_of(&ended(o)));
        assert_eq!(points, [Some(HookPoint::TurnEnd), Some(HookPoint::TurnFailed), None]);
    }

    #[test]
    fn names_are_those_of_the_configuration() {
        let name_in_file = |point| serde_json::to_value(point).unwrap();
        for point in [HookPoint::TurnStart, HookPoint::RunEnded, HookPoint::BudgetReached] {
            assert_eq!(name_in_file(point), name(point));
        }
    }
}

//! What a schedule says of itself, moment by moment.

use super::*;

fn lanes<'g>(graph: &'g Graph, lanes: &[usize], limit: usize) -> Schedule<'g> {
    let items = lanes.iter().map(|lane| Item { lane: *lane, on_failure: OnFailure::Abort }).collect();
    let scopes = vec![None; lanes.iter().max().map_or(0, |most| most + 1)];
    let pending = vec![StepState::Pending; lanes.len()];
    Schedule::new(graph, items, scopes, vec![1; lanes.len()], limit, pending)
}

fn next(schedule: &mut Schedule<'_>) -> Option<usize> {
    schedule.next(&mut |_| true).unwrap().map(|(step, _)| step)
}

fn working(schedule: &Schedule<'_>) -> Vec<usize> {
    schedule.working().collect()
}

fn waiting(schedule: &Schedule<'_>) -> Vec<usize> {
    schedule.waiting_again().collect()
}

#[test]
fn who_works_and_who_waits_for_another_attempt() {
    let graph = Graph::new(&vec![vec![]; 4]).unwrap();
    let mut schedule = lanes(&graph, &[0, 0, 0, 0], 3);
    schedule.begin().unwrap();
    assert_eq!((working(&schedule), waiting(&schedule)), (vec![], vec![]));
    assert_eq!([next(&mut schedule), next(&mut schedule), next(&mut schedule)], [Some(0), Some(1), Some(2)]);
    assert_eq!((next(&mut schedule), working(&schedule)), (None, vec![0, 1, 2]));
    schedule.pause(1);
    assert_eq!((working(&schedule), waiting(&schedule)), (vec![0, 2], vec![1]));
    assert!(!schedule.is_held(), "its time has not come");
    schedule.resume(2);
    schedule.resume(3);
    assert!(!schedule.is_held(), "one works, and one was never begun");
    schedule.resume(1);
    assert!(schedule.is_held());
    assert_eq!(next(&mut schedule), Some(1), "before what is new");
    assert_eq!((working(&schedule), waiting(&schedule), schedule.is_held()), (vec![0, 1, 2], vec![], false));
    for step in 0..3 {
        schedule.ended(step, End::Succeeded).unwrap();
        assert!(!schedule.is_over());
    }
    assert_eq!((next(&mut schedule), working(&schedule)), (Some(3), vec![3]));
    schedule.ended(3, End::Succeeded).unwrap();
    assert!(schedule.is_over());
}

/// An attempt that waits is one that ends: it is not begun once more.
#[test]
fn an_end_takes_a_waiting_attempt_along() {
    let graph = Graph::new(&vec![vec![]; 2]).unwrap();
    let mut schedule = lanes(&graph, &[0, 0], 1);
    schedule.begin().unwrap();
    assert_eq!(next(&mut schedule), Some(0));
    schedule.pause(0);
    schedule.resume(0);
    schedule.ended(0, End::Succeeded).unwrap();
    assert!(!schedule.is_held());
    assert_eq!((next(&mut schedule), next(&mut schedule)), (Some(1), None));
}

/// A limit of none is one, or nothing would ever end.
#[test]
fn something_is_always_begun() {
    let graph = Graph::new(&vec![vec![]; 2]).unwrap();
    let mut schedule = lanes(&graph, &[0, 1], 0);
    schedule.begin().unwrap();
    assert_eq!((next(&mut schedule), next(&mut schedule)), (Some(0), None));
}

/// A lane that was refused is looked at once until something changes.
#[test]
fn a_refused_lane_is_held() {
    let graph = Graph::new(&vec![vec![]; 3]).unwrap();
    let mut schedule = lanes(&graph, &[0, 0, 1], 3);
    schedule.begin().unwrap();
    let mut asked = Vec::new();
    let begun = schedule.next(&mut |step| {
        asked.push(step);
        step == 2
    });
    assert_eq!((begun.unwrap().map(|(step, _)| step), asked), (Some(2), vec![0, 2]));
    assert!(schedule.is_held());
    assert_eq!(next(&mut schedule), None);
    schedule.look_again();
    assert!(!schedule.is_held());
    assert_eq!(next(&mut schedule), Some(0));
}

/// W11: a halt is told once, and nothing is begun after it.
#[test]
fn a_halt_ends_what_was_not_begun() {
    let graph = Graph::new(&[vec![], vec![0], vec![]]).unwrap();
    let mut schedule = lanes(&graph, &[0, 0, 0], 1);
    schedule.begin().unwrap();
    assert_eq!(next(&mut schedule), Some(0));
    let ended: Vec<_> = schedule.halt().unwrap().iter().map(|s| (s.step, s.from, s.to, s.why)).collect();
    let canceled = |step, from| (step, from, StepState::Canceled, Why::Halted);
    assert_eq!(ended, [canceled(1, StepState::Pending), canceled(2, StepState::Ready)]);
    assert!(schedule.is_halted() && schedule.halt().unwrap().is_empty() && !schedule.is_over());
    schedule.ended(0, End::Succeeded).unwrap();
    assert_eq!((next(&mut schedule), schedule.is_over()), (None, true));
    assert_eq!(schedule.state(1), StepState::Canceled);
}

#[test]
fn what_counts_as_done() {
    use StepState::{Canceled, Failed, Pending, Ready, Running, Skipped, Succeeded};
    for state in [Pending, Ready, Running, Succeeded, Failed, Skipped, Canceled] {
        for policy in [OnFailure::Abort, OnFailure::SkipDependents, OnFailure::Continue] {
            let done = match state {
                Succeeded | Skipped => true,
                Failed => policy == OnFailure::Continue,
                _ => false,
            };
            assert_eq!(Schedule::counts_as_done(state, policy), done, "{state} {policy:?}");
        }
    }
}

//! The schedule beside a simple model, and at size.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::workstreams::graph::random;

const POLICIES: [OnFailure; 3] = [OnFailure::Abort, OnFailure::SkipDependents, OnFailure::Continue];

fn items(policies: &[OnFailure]) -> Vec<Item> {
    policies.iter().map(|on_failure| Item { lane: 0, on_failure: *on_failure }).collect()
}

fn plain(graph: &Graph, limit: usize) -> Schedule<'_> {
    let count = graph.len();
    let rank = graph.ranks(|_| 1);
    let items = items(&vec![OnFailure::Abort; count]);
    Schedule::new(graph, items, vec![None], rank, limit, vec![StepState::Pending; count])
}

fn start(schedule: &mut Schedule<'_>) -> Vec<usize> {
    let mut begun = Vec::new();
    while let Some((step, _)) = schedule.next(&mut |_| true).unwrap() {
        begun.push(step);
    }
    begun
}

/// W10: no barrier between levels; the longest way first, then the file's order; the limit.
#[test]
fn a_step_starts_the_moment_it_can() {
    // 0 and 1 are free; 2 needs 1, 3 needs 2, 4 needs 0.
    let graph = Graph::new(&[vec![], vec![], vec![1], vec![2], vec![0], vec![]]).unwrap();
    let mut schedule = plain(&graph, 2);
    assert_eq!(schedule.begin().unwrap().len(), 3);
    assert_eq!(start(&mut schedule), [1, 0], "the longest way first");
    schedule.ended(1, End::Succeeded).unwrap();
    assert_eq!(start(&mut schedule), [2], "0 still runs");
    schedule.ended(0, End::Succeeded).unwrap();
    assert_eq!(start(&mut schedule), [4], "equal ways in the order of the file");
    schedule.ended(4, End::Succeeded).unwrap();
    assert_eq!(start(&mut schedule), [5]);
    schedule.ended(2, End::Succeeded).unwrap();
    assert_eq!(start(&mut schedule), [3]);
    schedule.ended(5, End::Succeeded).unwrap();
    schedule.ended(3, End::Succeeded).unwrap();
    assert!(schedule.is_over());
    let again = schedule.ended(3, End::Failed).unwrap_err().to_string();
    assert_eq!(again, "a step that is succeeded cannot become failed: terminal state");
}

/// W11, each policy on the same graph: 0 fails; 1 needs 0, 2 needs 1, 3 runs beside, 4 waits for 3.
#[test]
fn what_a_failure_does() {
    use StepState::{Canceled, Failed, Pending, Ready, Running, Skipped};
    let graph = Graph::new(&[vec![], vec![0], vec![1], vec![], vec![3]]).unwrap();
    let expected = [
        [Failed, Canceled, Canceled, Running, Canceled],
        [Failed, Skipped, Skipped, Running, Pending],
        [Failed, Ready, Pending, Running, Pending],
    ];
    for (policy, expected) in POLICIES.into_iter().zip(expected) {
        let rank = graph.ranks(|_| 1);
        let pending = vec![Pending; 5];
        let mut schedule = Schedule::new(&graph, items(&[policy; 5]), vec![None], rank, 2, pending);
        schedule.begin().unwrap();
        assert_eq!(start(&mut schedule), [0, 3]);
        schedule.ended(0, End::Failed).unwrap();
        assert_eq!(schedule.state, expected, "{policy:?}");
        assert_eq!(schedule.is_halted(), policy == OnFailure::Abort);
    }
}

/// A retry frees the place and keeps the scope.
#[test]
fn a_retry_keeps_its_scope() {
    let graph = Graph::new(&vec![vec![]; 3]).unwrap();
    let scope = || Some(Scope::new(&["a/**".to_owned()]).unwrap());
    let lanes = vec![scope(), scope(), None];
    let items = (0..3).map(|lane| Item { lane, on_failure: OnFailure::Abort }).collect();
    let mut schedule = Schedule::new(&graph, items, lanes, vec![1; 3], 1, vec![StepState::Pending; 3]);
    schedule.begin().unwrap();
    assert_eq!(start(&mut schedule), [0]);
    schedule.pause(0);
    assert_eq!(start(&mut schedule), [2], "1 would write where 0 does");
    schedule.ended(2, End::Succeeded).unwrap();
    assert_eq!(start(&mut schedule), Vec::<usize>::new());
    assert_eq!(schedule.waiting_again().collect::<Vec<_>>(), [0]);
    schedule.resume(0);
    assert_eq!(start(&mut schedule), [0]);
    schedule.ended(0, End::Succeeded).unwrap();
    assert_eq!(start(&mut schedule), [1]);
}

/// A held tool holds its lane and no other; when it is free again the lane goes on.
#[test]
fn a_full_tool_holds_its_lane_alone() {
    let graph = Graph::new(&vec![vec![]; 4]).unwrap();
    let items = (0..4).map(|n| Item { lane: n % 2, on_failure: OnFailure::Abort }).collect();
    let mut schedule =
        Schedule::new(&graph, items, vec![None, None], vec![1; 4], 4, vec![StepState::Pending; 4]);
    schedule.begin().unwrap();
    let mut asked = 0;
    let mut even_is_full = |step: usize| {
        asked += 1;
        step % 2 == 1
    };
    assert_eq!(schedule.next(&mut even_is_full).unwrap().map(|(s, _)| s), Some(1));
    assert_eq!(schedule.next(&mut even_is_full).unwrap().map(|(s, _)| s), Some(3));
    assert_eq!(schedule.next(&mut even_is_full).unwrap(), None);
    assert_eq!(asked, 3, "a held lane is asked once");
    assert!(schedule.is_held());
    schedule.look_again();
    assert_eq!(start(&mut schedule), [0, 2]);
}

/// What the model knows of a run.
#[derive(Debug, Clone)]
struct Case {
    dependencies: Vec<Vec<usize>>,
    policies: Vec<usize>,
    /// 0 to 3: succeeded, succeeded, failed, skipped by its condition.
    fates: Vec<usize>,
    scopes: Vec<usize>,
    limit: usize,
    seed: u64,
}

fn cases() -> impl Strategy<Value = Case> {
    (1usize..14, 1usize..5, any::<u64>()).prop_flat_map(|(n, limit, seed)| {
        (
            prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 0..3), n),
            prop::collection::vec(0usize..3, n),
            prop::collection::vec(0usize..4, n),
            prop::collection::vec(0usize..5, n),
        )
            .prop_map(move |(raw, policies, fates, scopes)| {
                let own = |(step, list): (usize, Vec<prop::sample::Index>)| {
                    let set: BTreeSet<usize> =
                        list.into_iter().filter(|_| step > 0).map(|i| i.index(step.max(1))).collect();
                    set.into_iter().collect()
                };
                let dependencies = raw.into_iter().enumerate().map(own).collect();
                Case { dependencies, policies, fates, scopes, limit, seed }
            })
    })
}

const GLOBS: [Option<&str>; 5] = [None, Some("a/**"), Some("a/b/*"), Some("c"), Some("**")];

/// Runs a case to its end; every order of ends that the seed makes. The account of it.
fn play(case: &Case) -> (Vec<StepState>, Vec<String>) {
    let graph = Graph::new(&case.dependencies).unwrap();
    let count = graph.len();
    let scopes: Vec<Option<Scope>> =
        GLOBS.iter().map(|g| g.map(|g| Scope::new(&[g.to_owned()]).unwrap())).collect();
    let items =
        (0..count).map(|n| Item { lane: case.scopes[n], on_failure: POLICIES[case.policies[n]] }).collect();
    let rank = graph.ranks(|_| 1);
    let pending = vec![StepState::Pending; count];
    let mut schedule = Schedule::new(&graph, items, scopes.clone(), rank, case.limit, pending);
    let mut account = Vec::new();
    let mut seed = case.seed;
    let mut running: Vec<usize> = Vec::new();
    let mut started: BTreeMap<usize, usize> = BTreeMap::new();
    let mut fresh = schedule.begin().unwrap();
    loop {
        // Conditions are looked at when a step becomes ready, which may make others ready.
        while let Some(shift) = fresh.pop() {
            account.push(format!("{shift:?}"));
            if shift.to == StepState::Ready && case.fates[shift.step] == 3 {
                fresh.extend(schedule.skip(shift.step).unwrap());
            }
        }
        while let Some((step, _)) = schedule.next(&mut |_| true).unwrap() {
            // Never before its dependencies, never twice, never beside one that writes there too.
            for d in &case.dependencies[step] {
                assert!(
                    matches!(schedule.state(*d), StepState::Succeeded | StepState::Skipped)
                        || (schedule.state(*d) == StepState::Failed
                            && POLICIES[case.policies[*d]] == OnFailure::Continue),
                    "{step} began before {d}"
                );
            }
            *started.entry(step).or_default() += 1;
            for other in &running {
                if let (Some(a), Some(b)) = (&scopes[case.scopes[step]], &scopes[case.scopes[*other]]) {
                    assert!(!a.overlaps(b), "{step} beside {other}");
                }
            }
            running.push(step);
            account.push(format!("start {step}"));
        }
        assert!(running.len() <= case.limit);
        if running.is_empty() {
            break;
        }
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let at = usize::try_from(seed >> 40).unwrap() % running.len();
        let step = running.remove(at);
        let end = match (schedule.is_halted(), case.fates[step]) {
            (true, _) => End::Canceled,
            (false, 2) => End::Failed,
            (false, _) => End::Succeeded,
        };
        fresh = schedule.ended(step, end).unwrap();
    }
    assert!(schedule.is_over(), "{:?}", schedule.state);
    assert!(started.values().all(|n| *n == 1));
    (schedule.state.clone(), account)
}

/// What a run comes to, step by step in the order of the file, if nothing aborts.
fn model(case: &Case) -> Vec<StepState> {
    let mut states: Vec<StepState> = Vec::new();
    // Skipped because of a failure, which passes on; a condition does not.
    let mut tainted: Vec<bool> = Vec::new();
    for step in 0..case.fates.len() {
        let bad = case.dependencies[step]
            .iter()
            .any(|d| tainted[*d] || (states[*d] == StepState::Failed && case.policies[*d] == 1));
        let state = match (bad, case.fates[step]) {
            (true, _) | (false, 3) => StepState::Skipped,
            (false, 2) => StepState::Failed,
            (false, _) => StepState::Succeeded,
        };
        tainted.push(bad);
        states.push(state);
    }
    states
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// W11, W13: every step ends in a terminal state, in one the model names, and the same again gives the same.
    #[test]
    fn as_the_model_has_it(case in cases()) {
        let (states, account) = play(&case);
        prop_assert!(states.iter().all(|s| s.is_over()));
        let expected = model(&case);
        let aborts = (0..states.len()).any(|n| states[n] == StepState::Failed && case.policies[n] == 0);
        for (step, (state, expected)) in states.iter().zip(&expected).enumerate() {
            if *state == StepState::Canceled {
                prop_assert!(aborts, "{step} was canceled for nothing");
            } else {
                prop_assert_eq!(state, expected, "step {}", step);
            }
        }
        prop_assert_eq!(play(&case).1, account);
    }
}

fn run_all(graph: &Graph, limit: usize) -> usize {
    let mut schedule = plain(graph, limit);
    schedule.begin().unwrap();
    let mut running = std::collections::VecDeque::new();
    let mut count = 0;
    loop {
        running.extend(start(&mut schedule));
        let Some(step) = running.pop_front() else { break };
        schedule.ended(step, End::Succeeded).unwrap();
        count += 1;
    }
    assert!(schedule.is_over());
    count
}

/// W12: on a small stack, and without a list that is gone through again and again (minutes instead of a moment).
#[test]
fn deep_wide_and_many() {
    let work = || {
        let chain: Vec<Vec<usize>> =
            (0..50_000usize).map(|n| n.checked_sub(1).into_iter().collect()).collect();
        assert_eq!(run_all(&Graph::new(&chain).unwrap(), 4), 50_000);
        let mut wide = vec![vec![0]; 10_001];
        wide[0] = Vec::new();
        assert_eq!(run_all(&Graph::new(&wide).unwrap(), 10_000), 10_001);
        assert_eq!(run_all(&Graph::new(&random(100_000, 3, 5)).unwrap(), 8), 100_000);
        // The first fails: everything else is skipped, without recursion.
        let graph = Graph::new(&chain).unwrap();
        let rank = graph.ranks(|_| 1);
        let pending = vec![StepState::Pending; 50_000];
        let own = items(&vec![OnFailure::SkipDependents; 50_000]);
        let mut schedule = Schedule::new(&graph, own, vec![None], rank, 1, pending);
        schedule.begin().unwrap();
        start(&mut schedule);
        assert_eq!(schedule.ended(0, End::Failed).unwrap().len(), 50_000);
        assert!(schedule.is_over());
    };
    std::thread::Builder::new().stack_size(256 * 1024).spawn(work).unwrap().join().unwrap();
}

/// W12: 10 000 steps that all write to one place run one after the other, in near-linear time.
#[test]
fn one_scope_for_all() {
    let graph = Graph::new(&vec![vec![]; 10_000]).unwrap();
    let own = items(&vec![OnFailure::Abort; 10_000]);
    let lanes = vec![Some(Scope::new(&["docs/**".to_owned()]).unwrap())];
    let mut schedule =
        Schedule::new(&graph, own, lanes, vec![1; 10_000], 8, vec![StepState::Pending; 10_000]);
    schedule.begin().unwrap();
    for expected in 0..10_000 {
        assert_eq!(start(&mut schedule), [expected]);
        schedule.ended(expected, End::Succeeded).unwrap();
    }
}

//! The runs.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::broken::Broken;
use super::check::Violation;
use super::plan::Plan;
use super::search::{Budget, Lie, Search};
use super::world::{Stats, World};

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|v| v.parse().ok())
}

fn simulate(seed: u64, broken: Broken) -> (Result<(), Violation>, Stats) {
    let mut world = World::new(seed, None, broken, false);
    let outcome = world.run();
    (outcome, world.stats)
}

/// Each kind of broken promise: its lowest seed, and how many seeds broke it.
type Tally = BTreeMap<&'static str, (u64, Violation, u64)>;

/// Runs the seeds on all cores until one fails as expected (`until`, empty: in any way); all of
/// them if `SIM_ALL` is set.
fn sweep(from: u64, count: u64, broken: Broken, until: &[&str]) -> (Tally, Stats) {
    let to_the_end = std::env::var_os("SIM_ALL").is_some();
    let next = AtomicU64::new(from);
    let failed = Mutex::new(Tally::new());
    let total = Mutex::new(Stats::default());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut stats = Stats::default();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let expected = |name: &&str| until.is_empty() || until.contains(name);
                    let over = !to_the_end && failed.lock().unwrap().keys().any(expected);
                    if over || seed >= from + count {
                        break;
                    }
                    let (outcome, found) = simulate(seed, broken);
                    stats.add(&found);
                    if let Err(violation) = outcome {
                        let mut failed = failed.lock().unwrap();
                        let entry = failed.entry(violation.name).or_insert((seed, violation.clone(), 0));
                        entry.2 += 1;
                        if seed < entry.0 {
                            (entry.0, entry.1) = (seed, violation);
                        }
                    }
                }
                total.lock().unwrap().add(&stats);
            });
        }
    });
    (failed.into_inner().unwrap(), total.into_inner().unwrap())
}

/// G1, G2 and the work kept, over many schedules.
#[test]
fn every_schedule_keeps_the_promises() {
    let count = number("SIM_SEEDS").unwrap_or(100_000);
    let (failed, stats) = sweep(number("SIM_FROM").unwrap_or(0), count, Broken::No, &[]);
    println!("{count} schedules: {stats:?}");
    for (name, (seed, violation, times)) in &failed {
        println!(
            "{name}: {times} times, first\n  {}\n  SIM_SEED={seed} cargo test --test sim replay -- --nocapture",
            violation.what
        );
    }
    assert!(failed.is_empty());
}

/// Prints the schedule of `SIM_SEED`, and fails if it fails.
#[test]
fn replay() {
    let Some(seed) = number("SIM_SEED") else { return };
    let name = std::env::var("SIM_BROKEN").unwrap_or_default();
    let broken = Broken::ALL.into_iter().find(|b| format!("{b:?}") == name).unwrap_or(Broken::No);
    let mut world = World::new(seed, None, broken, true);
    println!("{:#?}", world.plan);
    let outcome = world.run();
    for line in world.trace.unwrap_or_default() {
        println!("{line}");
    }
    println!("{outcome:?} {:?}", world.stats);
    assert_eq!(outcome, Ok(()));
}

/// Without faults the roles simply alternate.
#[test]
fn a_quiet_world_alternates() {
    let mut world = World::new(1, Some(Plan::quiet()), Broken::No, false);
    assert_eq!(world.run(), Ok(()));
    assert!(world.stats.handed_off >= 6, "{:?}", world.stats);
    assert_eq!((world.stats.lost_races, world.stats.fenced), (0, 0));
}

/// The seeds within which a broken shell must be found out.
const WITHIN: u64 = 5_000;

fn is_caught(broken: Broken, by: &[&str]) {
    let (failed, _) = sweep(0, WITHIN, broken, by);
    let name = failed.keys().find(|name| by.contains(name));
    assert!(name.is_some(), "{broken:?} was not caught as one of {by:?}: {failed:?}");
}

/// G11e.
#[test]
fn a_stale_holder_that_rebases_and_pushes_is_caught() {
    is_caught(Broken::StaleRebase, &["fenced-work-published", "illegal"]);
}

/// G8, G12.
#[test]
fn an_ignored_failed_claim_is_caught() {
    is_caught(Broken::ClaimIgnored, &["ran-unclaimed"]);
}

/// G11, G18.
#[test]
fn a_missing_descent_check_is_caught() {
    is_caught(Broken::NoDescent, &["overwritten"]);
}

/// G4.
#[test]
fn epochs_counted_from_the_state_alone_are_caught() {
    is_caught(Broken::StateEpoch, &["epoch-repeated", "epoch-handed-off-twice"]);
}

/// G13.
#[test]
fn a_lease_watched_without_its_turn_is_caught() {
    is_caught(Broken::LeaseOnly, &["hasty-takeover"]);
}

/// G18: why a smart transport, too, has to compare what it expects.
#[test]
fn a_forward_push_that_compares_nothing_is_caught() {
    is_caught(Broken::PlainForward, &["sidelined"]);
}

/// Every schedule within the budget; what was found wrong, and how much was met on the way.
fn search(roles: &[&str], of: [usize; 2], lie: Lie, budget: Budget) -> (Option<&'static str>, Search) {
    let mut search = Search::new(roles, of, lie);
    let found = search.run(budget);
    if let (Err((violation, path)), Lie::None) = (&found, lie) {
        panic!("{violation:?}\n{path:#?}");
    }
    (found.err().map(|(violation, _)| violation.name), search)
}

fn steps(default: u64) -> u32 {
    u32::try_from(number("SIM_STEPS").unwrap_or(default)).unwrap()
}

/// G1 for two machines that want the same turn.
#[test]
fn all_schedules_of_two_machines_of_one_role() {
    let budget = Budget { steps: steps(14), crashes: 1, faults: 1, leaps: 1, outsiders: 1 };
    let (_, met) = search(&["ralph"], [0, 0], Lie::None, budget);
    println!("{met}");
    assert!(met.places > 100_000 && met.taken_over > 1_000 && met.fenced > 10, "{met}");
}

/// G1 for two machines that alternate.
#[test]
fn all_schedules_of_two_roles() {
    let budget = Budget { steps: steps(14), crashes: 1, faults: 1, leaps: 1, outsiders: 1 };
    let (_, met) = search(&["galph", "ralph"], [0, 1], Lie::None, budget);
    println!("{met}");
    assert!(met.places > 100_000 && met.handed_off > 1_000, "{met}");
}

/// The search finds what it is there to find.
#[test]
fn the_search_catches_lies() {
    let budget = Budget { steps: 14, crashes: 0, faults: 0, leaps: 1, outsiders: 0 };
    let (found, _) = search(&["ralph"], [0, 0], Lie::StillMine, budget);
    assert_eq!(found, Some("fenced-work-published"));
    let budget = Budget { steps: 9, crashes: 1, faults: 0, leaps: 0, outsiders: 0 };
    let (found, _) = search(&["ralph"], [0, 0], Lie::ForgetClaim, budget);
    assert_eq!(found, Some("own-turn-abandoned"));
}

/// A crash between any two actions of an otherwise quiet world.
#[test]
fn a_crash_at_every_action() {
    let mut quiet = World::new(1, Some(Plan::quiet()), Broken::No, false);
    assert_eq!(quiet.run(), Ok(()));
    for k in 1..=quiet.stats.actions {
        let mut world = World::new(1, Some(Plan::quiet()), Broken::No, false);
        world.crash_at = Some(k);
        assert_eq!(world.run(), Ok(()), "crash before action {k}");
        assert_eq!(world.stats.crashes, 1);
    }
}

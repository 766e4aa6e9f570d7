//! The runs.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::broken::Broken;
use super::check::Violation;
use super::plan::Plan;
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

/// Runs the seeds on all cores until one fails; all of them if `SIM_ALL` is set.
fn sweep(from: u64, count: u64, broken: Broken) -> (Tally, Stats) {
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
                    let over = !to_the_end && !failed.lock().unwrap().is_empty();
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
    let count = number("SIM_SEEDS").unwrap_or(1_000);
    let (failed, stats) = sweep(number("SIM_FROM").unwrap_or(0), count, Broken::No);
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
    let mut world = World::new(seed, None, Broken::No, true);
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

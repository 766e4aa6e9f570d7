//! The program stopped (SIGSTOP) and continued at random moments, as a laptop's lid, a debugger or Ctrl-Z do: no limit
//! has run out meanwhile, and every piece of work is done once.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::engines::{Engine, Kind};
use crate::role::{Dice, Ground};
use crate::supervise::times;

/// After so many of them a run may end in peace, however slow the machine.
const MOST: usize = 200;

fn campaign(kind: Kind) {
    let mut dice = Dice::new(kind as u64);
    let (runs, mut stops) = (times(20), 0);
    for _ in 0..runs {
        let engine = Engine::new(kind, "sleep 0.02");
        let mut child = engine.project.start(engine.first());
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        for _ in 0..MOST {
            std::thread::sleep(Duration::from_micros(dice.below(30_000)));
            if child.try_wait().unwrap().is_some() {
                break;
            }
            kill_process(pid, Signal::STOP).unwrap();
            std::thread::sleep(Duration::from_micros(dice.below(60_000)));
            kill_process(pid, Signal::CONT).unwrap();
            stops += 1;
        }
        engine.end(child).expect(0);
        engine.check();
    }
    println!("{kind:?}: {stops} times stopped and continued in {runs} runs");
}

#[test]
fn a_loop() {
    campaign(Kind::Loop);
}

#[test]
fn a_oneshot() {
    campaign(Kind::Oneshot);
}

#[test]
fn a_batch() {
    campaign(Kind::Batch);
}

#[test]
fn a_workstream() {
    campaign(Kind::Workstream);
}

/// G1: two machines, either stopped for a while now and then, within their leases.
#[test]
fn two_roles() {
    let rounds = times(20);
    let ground = Ground::new("", "sleep 0.05", "sleep 0.05");
    let loops = rounds.to_string();
    let mut sides = ["galph", "ralph"].map(|role| ground.start(role, role, &["--sync-loops", &loops]));
    let (mut dice, mut stops) = (Dice::new(9), 0);
    while stops < MOST * rounds && sides.iter_mut().any(|side| !side.over()) {
        std::thread::sleep(Duration::from_micros(dice.below(60_000)));
        let side = &mut sides[usize::try_from(dice.below(2)).unwrap()];
        if side.over() {
            continue;
        }
        side.signal(Signal::STOP);
        std::thread::sleep(Duration::from_micros(dice.below(90_000)));
        side.signal(Signal::CONT);
        stops += 1;
    }
    for side in sides {
        side.end().expect(0);
    }
    let done = ground.subjects().iter().filter(|s| s.contains("status=ok")).count();
    assert_eq!(done, 2 * rounds, "{:?}", ground.subjects());
    let claims = ground.subjects().iter().filter(|s| s.contains("status=running")).count();
    assert_eq!(claims, done, "nothing was taken over: {:?}", ground.subjects());
    println!("roles: {stops} times stopped and continued in {done} turns");
}

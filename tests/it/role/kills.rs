//! `kill -9` at random moments: no turn is published twice, none is lost, and the next start goes on
//! (git-sync.md G1, G2, G9, G11, G12).

use std::time::{Duration, Instant};

use super::alternate::QUICK;
use super::fence::SHORT;
use super::observer::observe;
use super::stage::{Dice, Proc, Stage, await_that, report, times};
use crate::remote::ground::Kind;

/// Both sides, killed in turn and started again at once.
fn campaign(kind: Kind, kills: usize) {
    let stage = Stage::new(kind, QUICK).unwrap();
    let roles = ["galph", "ralph"];
    let start = |role: &str| stage.role(role, role, &["--sync-loops", "0"]);
    let mut sides = roles.map(|role| {
        stage.clone(role);
        start(role)
    });
    let mut dice = Dice::new(kind as u64);
    for n in 0..kills {
        // From far shorter than a turn to far longer.
        let most = [30_000, 300_000, 1_200_000][usize::try_from(dice.below(3)).unwrap()];
        std::thread::sleep(Duration::from_micros(dice.below(most)));
        let side = usize::try_from(dice.below(2)).unwrap();
        if let Some(ended) = sides[side].kill() {
            panic!("kill {n}: {} ended by itself with {ended}\n{}", roles[side], sides[side].said());
        }
        sides[side] = start(roles[side]);
    }
    let said = |sides: &[Proc; 2]| sides.iter().map(Proc::said).collect::<String>();
    let goal = stage.iteration() + 2;
    await_that("two more iterations", || stage.iteration() >= goal, || said(&sides));
    let stopped = stage.command("galph", &["stop"]).output().unwrap();
    assert!(stopped.status.success(), "{}", String::from_utf8_lossy(&stopped.stderr));
    for side in &mut sides {
        side.expect(0);
    }
    let seen = observe(&stage);
    assert_eq!((seen.done[0].0, seen.fails), (1, 0));
    assert!(seen.rescued.is_empty(), "nobody took anything over");
    let locks = said(&sides).matches("notice: removed ").count();
    let (claims, turns) = (seen.claims, seen.done.len());
    report(&format!("{kills} kills over {kind:?}, {claims} claims of {turns} turns, {locks} locks removed"));
}

#[test]
fn either_side_over_a_path() {
    campaign(Kind::Path, times(12, 150));
}

#[test]
fn either_side_over_http() {
    campaign(Kind::Http, times(8, 150));
}

/// Three machines for one role, one of them killed again and again, some for longer than a lease: what they
/// leave is taken over, and an old holder that comes back is told so and goes on (G13).
#[test]
fn one_of_three_is_killed() {
    let stage = Stage::new(Kind::Path, SHORT).unwrap();
    let names = ["one", "two", "three"];
    for name in ["galph", "one", "two", "three"] {
        stage.clone(name);
        stage.agent(name, if name == "galph" { "" } else { "sleep 0.5" });
    }
    let loops = times(2, 50) as u64;
    let mut galph = stage.role("galph", "galph", &["--sync-loops", "0"]);
    let start = |name: &str| stage.role(name, "ralph", &["--sync-loops", "0"]);
    let mut running = names.map(|name| Some(start(name)));
    let mut back = [Instant::now(); 3];
    let mut dice = Dice::new(3);
    let (mut next, mut kills, mut fenced) = (Instant::now() + Duration::from_secs(1), 0, 0);
    let begun = Instant::now();
    while stage.iteration() <= loops {
        assert!(begun.elapsed().as_secs() < 60 + 20 * loops, "{}", galph.said());
        assert_eq!(galph.ended(), None, "{}", galph.said());
        for (n, slot) in running.iter_mut().enumerate() {
            match slot.as_mut().map(|side| (side.ended(), side.said())) {
                Some((Some(5), _)) => (fenced, *slot) = (fenced + 1, Some(start(names[n]))),
                Some((Some(code), said)) => panic!("{} ended with {code}\n{said}", names[n]),
                None if Instant::now() >= back[n] => *slot = Some(start(names[n])),
                _ => {}
            }
        }
        if Instant::now() >= next {
            // Whoever holds the turn; a standby now and then.
            let entries = stage.entries();
            let holder = entries.iter().rfind(|e| e.role == "ralph").map_or("one", |e| &e.clone);
            let guess = names.iter().position(|n| *n == holder).unwrap();
            let victim = if dice.below(4) == 0 { usize::try_from(dice.below(3)).unwrap() } else { guess };
            if let Some(mut side) = running[victim].take() {
                assert!(side.kill().is_none_or(|s| s.code() == Some(5)), "{}", side.said());
                kills += 1;
            }
            back[victim] = Instant::now() + Duration::from_millis(dice.below(9000));
            next = Instant::now() + Duration::from_millis(1000 + dice.below(5000));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let stopped = stage.command("galph", &["stop"]).output().unwrap();
    assert!(stopped.status.success(), "{}", String::from_utf8_lossy(&stopped.stderr));
    galph.expect(0);
    for (n, slot) in running.iter_mut().enumerate() {
        let mut side = slot.take().unwrap_or_else(|| start(names[n]));
        while side.wait() == 5 {
            side = start(names[n]);
        }
        side.expect(0);
    }
    let seen = observe(&stage);
    assert!(seen.done.len() as u64 >= 2 * loops, "{:?}", seen.done);
    assert_eq!(seen.fails, 0);
    assert!(kills > 0);
    report(&format!("{kills} kills, {fenced} fenced, {} claims of {} turns", seen.claims, seen.done.len()));
}

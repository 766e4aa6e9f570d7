//! Many writers and one ref: no acknowledged update is lost (G18).

use std::sync::{Arc, Barrier};
use std::thread;

use git2::Oid;
use orchestrator::sync::remote::{Swap, Swapped, swap_branch};

use super::ground::{Ground, Kind, MAIN};
use super::scale;

/// Each contender extends what it last saw until it has won `wins` times; what each won.
fn contend(ground: &Ground, contenders: usize, wins: usize) -> Vec<Vec<Oid>> {
    let start = Arc::new(Barrier::new(contenders));
    thread::scope(|scope| {
        let threads: Vec<_> = (0..contenders)
            .map(|n| {
                let start = Arc::clone(&start);
                scope.spawn(move || {
                    let clone = ground.clone(&format!("clone{n}"));
                    let mut remote = ground.open(&clone);
                    let mut won = Vec::new();
                    start.wait();
                    for attempt in 0.. {
                        assert!(attempt < 400 * wins, "{n} starves");
                        let tip = remote.list(&[MAIN]).unwrap()[0];
                        let new_tip = tip.filter(|t| !clone.has(*t));
                        if new_tip.is_some_and(|tip| remote.fetch(MAIN, tip).is_err()) {
                            continue;
                        }
                        let new = clone.commit(tip, &format!("{n}-{attempt}"));
                        let swap = Swap { reference: MAIN, expected: tip, new };
                        match swap_branch(&mut *remote, &clone.repo, &swap).unwrap() {
                            Swapped::Swapped => won.push(new),
                            Swapped::Lost { .. } => {}
                            Swapped::Refused(why) => panic!("{why}"),
                        }
                        if won.len() == wins {
                            return won;
                        }
                    }
                    won
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    })
}

/// Every acknowledged update is in the chain, and the chain holds nothing else.
fn judge(ground: &Ground, won: &[Vec<Oid>]) {
    ground.assert_sound();
    let remote = git2::Repository::open(ground.bare()).unwrap();
    let mut walk = remote.revwalk().unwrap();
    walk.simplify_first_parent().unwrap();
    walk.push(ground.value(MAIN).unwrap()).unwrap();
    let mut chain: Vec<Oid> = walk.flatten().collect();
    let mut acknowledged = won.concat();
    chain.sort();
    acknowledged.sort();
    assert_eq!(acknowledged, chain);
}

fn race(kind: Kind, contenders: usize, wins: usize) {
    let Some(ground) = Ground::new(kind) else { return };
    let won = contend(&ground, contenders, wins);
    judge(&ground, &won);
}

/// Two push at once from the same tip: exactly one wins, every time.
fn duel(kind: Kind, rounds: u32) {
    let Some(ground) = Ground::new(kind) else { return };
    let clones = [ground.clone("ann"), ground.clone("bob")];
    let mut remotes = clones.each_ref().map(|c| ground.open(c));
    let mut tip = None;
    for round in 0..rounds {
        let start = Barrier::new(2);
        let news = [0, 1].map(|n| clones[n].commit(tip, &format!("{round}-{n}")));
        let said: Vec<Swapped> = thread::scope(|scope| {
            let start = &start;
            let send = |(remote, new): (&'_ mut Box<dyn orchestrator::sync::remote::Remote>, Oid)| {
                start.wait();
                remote.swap(&Swap { reference: MAIN, expected: tip, new }).unwrap()
            };
            let threads: Vec<_> =
                remotes.iter_mut().zip(news).map(|pair| scope.spawn(move || send(pair))).collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        let winners: Vec<usize> = (0..2).filter(|n| said[*n] == Swapped::Swapped).collect();
        let [winner] = winners[..] else { panic!("{kind:?}, round {round}: {said:?}") };
        assert_eq!(ground.value(MAIN), Some(news[winner]));
        tip = Some(news[winner]);
        remotes[1 - winner].fetch(MAIN, news[winner]).unwrap();
    }
    ground.assert_sound();
}

macro_rules! on_each {
    ($($name:ident $kind:ident;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn of_two_exactly_one_wins() {
                duel(Kind::$kind, 20 * scale());
            }

            #[test]
            fn nothing_acknowledged_is_lost() {
                let wins = if scale() > 1 { 4 } else { 1 };
                // A handshake of ssh is a second of work on a busy machine.
                let slow = matches!(Kind::$kind, Kind::Ssh | Kind::GitOnSsh) && scale() == 1;
                let crowds = if slow { &[3][..] } else { &[2, 4, 8, 16] };
                for contenders in crowds {
                    race(Kind::$kind, *contenders, wins);
                }
            }
        }
    )*};
}

on_each! {
    path Path;
    file File;
    daemon Daemon;
    http Http;
    ssh Ssh;
    git_on_path GitOnPath;
    git_on_http GitOnHttp;
    git_on_ssh GitOnSsh;
}

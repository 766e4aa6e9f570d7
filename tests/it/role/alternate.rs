//! Strict turns on every kind of remote (T18, T19; git-sync.md G1, G5).

use super::observer::observe;
use super::stage::{Stage, times};
use crate::remote::ground::Kind;

pub const QUICK: &str = "poll_interval: 0.02, retry_secs: 60, network_timeout_secs: 20";

fn alternate(kind: Kind, few: usize) {
    let Some(stage) = Stage::new(kind, QUICK) else { return };
    let rounds = times(few, 20);
    let loops = rounds.to_string();
    let mut sides = ["galph", "ralph"].map(|role| {
        stage.clone(role);
        stage.role(role, role, &["--sync-loops", &loops])
    });
    for side in &mut sides {
        side.expect(0);
    }
    let seen = observe(&stage);
    assert_eq!(seen.done.len(), 2 * rounds);
    assert_eq!((seen.done[0].0, seen.claims, seen.fails), (1, 2 * rounds, 0), "one claim for each turn");
    assert_eq!(seen.work.len(), 2 * rounds);
    assert_eq!(stage.iteration(), rounds as u64 + 1);
    assert!(seen.rescued.is_empty());
}

#[test]
fn over_a_path() {
    alternate(Kind::Path, 2);
}

#[test]
fn over_http() {
    alternate(Kind::Http, 2);
}

#[test]
fn over_ssh() {
    alternate(Kind::Ssh, 1);
}

//! Where a window ends, a memory forgets and a warning comes again.

use serde_json::json;

use super::*;

/// Takes calls by number; the numbers of those at which something was noticed, from 1 on.
fn noticed(guard: &mut Circling, calls: &[usize]) -> Vec<usize> {
    let mut found = Vec::new();
    for (at, n) in calls.iter().enumerate() {
        if guard.call("Bash", &json!({ "n": n })).is_some() {
            found.push(at + 1);
        }
    }
    found
}

/// Twenty calls in which `n` stands at these places, from 1 on, among others that are new.
fn at(places: &[usize], n: usize, fresh: &mut usize) -> Vec<usize> {
    let last = places.last().copied().unwrap_or(0);
    let mut other = || {
        *fresh += 1;
        *fresh
    };
    (1..=last).map(|place| if places.contains(&place) { n } else { other() }).collect()
}

#[test]
fn the_window_is_twenty_calls() {
    let mut fresh = 100;
    assert_eq!(noticed(&mut Circling::default(), &at(&[1, 6, 11, 16, 20], 1, &mut fresh)), [20]);
    assert!(noticed(&mut Circling::default(), &at(&[1, 6, 11, 16, 21], 1, &mut fresh)).is_empty());
}

#[test]
fn a_circle_that_ended_may_be_told_again() {
    let mut guard = Circling::default();
    assert_eq!(noticed(&mut guard, &[1, 1, 1, 1, 1, 2, 1]), [5], "something else between is no end of it");
    let others: Vec<usize> = (10..30).collect();
    assert!(noticed(&mut guard, &others).is_empty());
    assert_eq!(noticed(&mut guard, &[1, 1, 1, 1, 1]), [5]);
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut guard = Circling::default();
    let many: Vec<usize> = (0..REMEMBERED).collect();
    assert!(noticed(&mut guard, &many).is_empty());
    assert_eq!((guard.seen.len(), guard.order.len()), (REMEMBERED, REMEMBERED));
    guard.call("Bash", &json!({"n": 0}));
    assert_eq!(guard.stale, 1, "the oldest is still known");
    guard.call("Bash", &json!({"n": REMEMBERED}));
    assert_eq!((guard.seen.len(), guard.order.len(), guard.stale), (REMEMBERED, REMEMBERED, 0));
    guard.call("Bash", &json!({"n": 0}));
    assert_eq!(guard.stale, 0, "it was forgotten for the newest");
}

#[test]
fn a_circle_has_words() {
    let same = Circle::Same { tool: "Bash".into(), times: 5 };
    assert_eq!(same.text(), "going in circles: the same `Bash` call 5 times within 20 calls");
    let stale = Circle::NothingNew { calls: 50 };
    assert_eq!(stale.text(), "going in circles: 50 tool calls and none of them new");
}

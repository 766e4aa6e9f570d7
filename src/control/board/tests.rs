use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::clock::ManualClock;

type Count = Arc<AtomicUsize>;

fn counter(count: &Count) -> impl Fn(&str) + Send + 'static {
    let count = Arc::clone(count);
    move |why| {
        assert_eq!(why, "orchestrator interrupt");
        count.fetch_add(1, Ordering::SeqCst);
    }
}

fn board(run: &Count) -> (Board, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(jiff::Timestamp::UNIX_EPOCH));
    let info = RunInfo {
        id: "r".into(),
        kind: "turns".into(),
        mode: "combined".into(),
        pid: 7,
        started_at: "then".into(),
    };
    (Board::new(info, clock.clone(), counter(run)), clock)
}

fn info(id: &str) -> AttemptInfo {
    AttemptInfo {
        id: id.into(),
        role: "galph".into(),
        iteration: Some(3),
        prompt: "main.md".into(),
        agent: "claude".into(),
    }
}

fn interrupt(board: &Board, attempt: Option<&str>) -> Reply {
    board.answer(Request::Interrupt { attempt: attempt.map(str::to_owned) })
}

/// P18: an interrupt ends the one that is named, once, and nobody else.
#[test]
fn exactly_once_and_only_it() {
    let (run, one, two) = (Count::default(), Count::default(), Count::default());
    let counts = || [&run, &one, &two].map(|count| count.load(Ordering::SeqCst));
    let (board, _) = board(&run);
    let first = board.begin(info("one"), counter(&one));
    let _second = board.begin(info("two"), counter(&two));
    assert_eq!(interrupt(&board, Some("one")), Reply::done());
    assert_eq!(interrupt(&board, Some("one")), Reply::already());
    assert_eq!(counts(), [0, 1, 0]);
    drop(first);
    assert!(!interrupt(&board, Some("one")).ok, "it has ended");
    assert_eq!(interrupt(&board, None), Reply::done());
    assert_eq!(interrupt(&board, None), Reply::already());
    assert_eq!(interrupt(&board, Some("two")), Reply::already(), "the run's end is its end");
    assert_eq!(counts(), [1, 1, 0]);
}

#[test]
fn status_counts_from_the_last_sign_of_life() {
    let (board, clock) = board(&Count::default());
    let attempt = board.begin(info("one"), |_| ());
    clock.advance(Duration::from_secs(2));
    attempt.spawned(99);
    clock.advance(Duration::from_secs(40));
    attempt.fell_idle();
    let seen = board.status().attempts.remove(0);
    assert_eq!((seen.pid, seen.running_ms, seen.silent_ms, seen.idle), (Some(99), 40_000, 40_000, true));
    attempt.heard();
    clock.advance(Duration::from_secs(1));
    let seen = board.status().attempts.remove(0);
    assert_eq!((seen.running_ms, seen.silent_ms, seen.idle), (41_000, 1_000, false));
    drop(attempt);
    assert!(board.status().attempts.is_empty());
}

#[tokio::test]
async fn a_stop_is_heard_at_once_and_once() {
    let (board, _) = board(&Count::default());
    let waiting = board.clone();
    let ask = async {
        board.answer(Request::Stop { reason: Some("lunch".into()), turn_id: None });
    };
    let (asked, ()) = tokio::join!(waiting.wait_stop(), ask);
    assert_eq!(asked.reason.as_deref(), Some("lunch"));
    assert!(board.status().stop_asked);
    board.stop_answered();
    assert_eq!(board.stop_asked(), None);
}

//! Waiting for others: what is told, observed and written down, and when.

use super::*;

/// A look at an unchanged branch whose lease ref has this value, some seconds later.
fn told_again(bench: &mut Bench, after: u64, lease: u8) -> Vec<Action> {
    bench.secs += after;
    told(bench, Event::Woke);
    let lease = Some(commit(lease));
    told(bench, Event::Listed(Ok(Listing { branch: Some(commit(1)), lease, rescue: None })))
}

/// A machine that waits for what it has seen at tip 1.
fn watching(config: Config, seen: &StateView) -> (Bench, Vec<Action>) {
    let mut bench = started(config, Memory::default());
    let lease = Some(commit(7));
    told(&mut bench, Event::Listed(Ok(Listing { branch: Some(commit(1)), lease, rescue: None })));
    let answer = told(&mut bench, Event::Fetched(Ok(facts(1, seen, &[], false))));
    (bench, answer)
}

/// The last sign of each wait that is told.
fn says_waiting(answer: &[Action]) -> Vec<Option<i64>> {
    let sign = |a: &Action| match a {
        Action::Say(Message::Waiting { sign, .. }) => Some(*sign),
        _ => None,
    };
    answer.iter().filter_map(sign).collect()
}

/// G7: a wait is told at its beginning, and then once in a while; a poll may be a fifth early or late.
#[test]
fn a_wait_is_told_now_and_then() {
    let (mut bench, answer) =
        watching(config(), &state("galph", Status::Running(role("galph")), Some(("s", 1))));
    assert_eq!(says_waiting(&answer), [Some(1_000)], "with the last sign of the other's turn");
    let wait = Action::Wait { least: Duration::from_secs(4), most: Duration::from_secs(6) };
    assert_eq!(answer.last(), Some(&wait));
    assert_eq!(told_again(&mut bench, 599, 7), std::slice::from_ref(&wait));
    assert_eq!(says_waiting(&told_again(&mut bench, 1, 8)), [Some(1_600)]);
    assert_eq!(told_again(&mut bench, 1, 8), [wait], "a long run keeps what it observed in mind");
    bench.secs += 1;
    told(&mut bench, Event::Woke);
    told(&mut bench, listing(Some(2)));
    let changed = failed(None);
    let answer = told(&mut bench, Event::Fetched(Ok(facts(2, &changed, &[(1, Relation::Contained)], false))));
    assert_eq!(says_waiting(&answer), [None], "another cause is told at once: {answer:?}");
}

/// G13: a long run writes nothing of what it observes, a short one just what changed.
#[test]
fn what_is_observed_is_written_for_short_runs_only() {
    let (mut long, _) = watching(config(), &running("other", 7));
    let later = told_again(&mut long, 10, 8);
    assert!(!later.iter().any(|a| matches!(a, Action::WriteMemory(_))), "{later:?}");
    let cron = || Config { start: Start::IfTurn, ..config() };
    let (short, first) = watching(cron(), &running("other", 7));
    assert!(first.iter().any(|a| matches!(a, Action::WriteMemory(m) if m.observed.is_some())), "{first:?}");
    let mut same = Bench::new(cron(), Journal::default(), short.machine.memory.clone());
    same.secs = 1_010;
    told(&mut same, Event::Started);
    let lease = Some(commit(7));
    told(&mut same, Event::Listed(Ok(Listing { branch: Some(commit(1)), lease, rescue: None })));
    let seen = facts(1, &running("other", 7), &[(1, Relation::Same)], false);
    let again = told(&mut same, Event::Fetched(Ok(seen)));
    assert!(!again.iter().any(|a| matches!(a, Action::WriteMemory(_))), "{again:?}");
}

/// G13: a turn that nobody here may take over is called dead once, when it is ripe.
#[test]
fn a_dead_turn_is_named_once() {
    let dead = |answer: &[Action]| {
        answer.iter().find_map(|a| match a {
            Action::Say(Message::LooksDead { turn, sign }) => Some((turn.clone(), *sign)),
            _ => None,
        })
    };
    let manual = Config { takeover: Takeover::Manual, ..config() };
    let others = state("galph", Status::Running(role("galph")), Some(("other", 7)));
    for (config, seen) in [(manual, running("other", 7)), (config(), others)] {
        let (mut bench, answer) = watching(config, &seen);
        assert_eq!(dead(&answer), None);
        assert_eq!(dead(&told_again(&mut bench, 659, 7)), None);
        assert_eq!(dead(&told_again(&mut bench, 1, 7)), Some((TurnId::new("other"), Some(1_000))));
        assert_eq!(dead(&told_again(&mut bench, 5, 7)), None);
    }
}

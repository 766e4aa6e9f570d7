//! Commits that a command asks for: create, stop, resume, release, hand off (T6, T18, T31, G13).

use super::*;

/// A command's run up to what it does about this state.
fn commanded(what: &Control, state: &StateView) -> (Bench, Vec<Action>) {
    let mut bench = started(Config { goal: Goal::Once(what.clone()), ..config() }, Memory::default());
    let answer = bench.look(1, state, &[]);
    (bench, answer)
}

fn hand_off(over: Option<(&str, u64)>) -> Control {
    Control::HandOff {
        outcome: Outcome::Succeeded,
        over: over.map(|(turn, epoch)| (TurnId::new(turn), epoch)),
    }
}

/// One commit on the tip where it says something new; nothing where it holds already; a reason where it cannot be.
#[test]
fn a_command_acts_once_or_says_why_not() {
    let with_exit = || StateView { exit: true, ..waiting() };
    let bare = || state("ralph", Status::Running(role("ralph")), None);
    let galphs = || state("galph", Status::Idle, None);
    let release = |epoch| Control::Release { turn: TurnId::new("t"), epoch };
    let blocked = |why: &str| Err(Reason::Blocked(vec![why.to_owned()]));
    let elsewhere = "another machine runs the turn (orchestrator status --remote)";
    let cases = [
        (Control::Create, waiting(), Err(Reason::Done)),
        (Control::Stop, waiting(), Ok(())),
        (Control::Stop, with_exit(), Err(Reason::Done)),
        (Control::Resume, with_exit(), Ok(())),
        (Control::Resume, waiting(), Ok(())),
        (release(7), running("t", 7), Ok(())),
        (release(6), running("t", 7), Err(Reason::Done)),
        (release(7), waiting(), Err(Reason::Done)),
        (Control::ReleaseBare { iteration: 1 }, bare(), Ok(())),
        (Control::ReleaseBare { iteration: 2 }, bare(), Err(Reason::Done)),
        (Control::ReleaseBare { iteration: 1 }, running("t", 7), Err(Reason::Done)),
        (hand_off(None), waiting(), Ok(())),
        (hand_off(None), with_exit(), blocked("exit is set (orchestrator resume)")),
        (hand_off(None), galphs(), blocked("it is galph's turn, not ralph's")),
        (hand_off(None), running("t", 7), blocked(elsewhere)),
        (hand_off(Some(("t", 6))), running("t", 7), blocked(elsewhere)),
        (hand_off(Some(("t", 7))), running("t", 7), Ok(())),
    ];
    for (what, state, expected) in cases {
        let (_, answer) = commanded(&what, &state);
        let wanted = match expected {
            Ok(()) => Action::Build(Order::Control { what: what.clone(), tip: Some(commit(1)) }),
            Err(reason) => Action::Exit(reason),
        };
        assert_eq!(answer, [wanted], "{what:?} on {state:?}");
    }
}

/// T3: what cannot be read is not written over, and what was removed is not made anew by a side door.
#[test]
fn without_a_state_there_is_nothing_to_change() {
    for (at_tip, reason) in [
        (AtTip::Damaged("line 3".into()), Reason::Damaged("line 3".into())),
        (AtTip::Missing { removed: true }, Reason::NoState { removed: true }),
        (AtTip::Missing { removed: false }, Reason::NoState { removed: false }),
    ] {
        let mut bench = started(Config { goal: Goal::Once(Control::Stop), ..config() }, Memory::default());
        bench.step(listing(Some(1)));
        let facts = Facts {
            tip: commit(1),
            state: at_tip.clone(),
            epoch: 0,
            resumed: false,
            relations: Vec::new(),
            limit: None,
        };
        assert_eq!(bench.step(Event::Fetched(Ok(facts))), [Action::Exit(reason)]);
    }
    let mut bench = started(Config { goal: Goal::Once(Control::Resume), ..config() }, Memory::default());
    assert_eq!(bench.step(listing(None)), [Action::Exit(Reason::NoState { removed: false })]);
    let mut bench = started(Config { goal: Goal::Once(Control::Create), ..config() }, Memory::default());
    let order = Order::Control { what: Control::Create, tip: None };
    assert_eq!(bench.step(listing(None)), [Action::Build(order)]);
}

/// G12: only the next look tells what became of the commit.
#[test]
fn a_command_ends_when_its_commit_is_seen() {
    let push = |on| Action::Push { to: Target::Branch, expected: Some(commit(on)), new: commit(4) };
    let sent = || {
        let (mut bench, _) = commanded(&Control::Stop, &waiting());
        assert_eq!(bench.step(Event::Built(commit(4))), [push(1)]);
        bench
    };
    let mut bench = sent();
    bench.step(Event::Pushed(PushReply::Unsure));
    let there = StateView { exit: true, ..waiting() };
    assert_eq!(bench.look(4, &there, &[(1, Relation::Contained)]), [Action::Exit(Reason::Done)]);
    assert_eq!(bench.machine.memory.exit, Some(commit(4)), "obeyed here too");
    let mut bench = sent();
    bench.step(Event::Pushed(PushReply::Unsure));
    let behind = bench.look(5, &waiting(), &[(1, Relation::Contained), (4, Relation::Apart)]);
    let order = Order::Control { what: Control::Stop, tip: Some(commit(5)) };
    assert_eq!(behind, [Action::Build(order)], "made anew on what came between");
    let mut bench = sent();
    bench.step(Event::Pushed(PushReply::Refused("hook declined".into())));
    let refused = bench.look(1, &waiting(), &[(4, Relation::Extends)]);
    assert_eq!(refused, [Action::Exit(Reason::Refused("hook declined".into()))]);
    let mut bench = sent();
    bench.step(Event::Pushed(PushReply::Unsure));
    let lost = bench.look(1, &waiting(), &[(4, Relation::Extends)]);
    assert!(matches!(lost[..], [Action::Wait { .. }]), "{lost:?}");
    assert_eq!(bench.step(Event::Woke), [push(1)]);
}

/// T36: a command that is interrupted leaves before it writes.
#[test]
fn an_interrupt_ends_a_command() {
    let mut bench = started(Config { goal: Goal::Once(Control::Stop), ..config() }, Memory::default());
    bench.step(Event::Interrupted(Signal::Interrupt));
    let left = bench.look(1, &waiting(), &[]);
    assert_eq!(left, [Action::Exit(Reason::Interrupted(Signal::Interrupt))]);
}

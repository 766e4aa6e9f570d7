//! Single values that neither the promises nor the exit codes show: how long, which ref, which file.

use super::*;

fn look_with_lease(bench: &mut Bench, tip: u8, lease: u8, state: &StateView) -> Vec<Action> {
    let lease = Some(commit(lease));
    bench.step(Event::Listed(Ok(Listing { branch: Some(commit(tip)), lease, rescue: None })));
    bench.step(Event::Fetched(Ok(Facts {
        tip: commit(tip),
        state: AtTip::State(Arc::new(state.clone())),
        epoch: state.epoch(),
        resumed: false,
        relations: vec![(commit(1), Relation::Contained)],
        limit: None,
    })))
}

/// A claim on its way: turn `t`, epoch 1, claim 2, on a tip whose state is this.
fn claiming(before: &StateView) -> Bench {
    let mut bench = started(config(), Memory::default());
    bench.look(1, before, &[]);
    bench.step(Event::ClaimBuilt { turn: TurnId::new("t"), commit: commit(2) });
    bench.step(Event::Pushed(PushReply::Unsure));
    bench
}

/// G8: after a lost race at most a fifth of a poll passes.
#[test]
fn a_lost_race_is_followed_by_a_short_rest() {
    let mut bench = claiming(&waiting());
    let lost = bench.look(3, &state("galph", Status::Idle, None), &[(1, Relation::Contained)]);
    let most = Timing::default().poll / 5;
    assert_eq!(lost.last(), Some(&Action::Wait { least: Duration::ZERO, most }));
    assert_eq!(bench.machine.journal, Journal::default());
}

/// G10: the first renewal goes on the value that was listed, if it is our own ref that was listed.
#[test]
fn the_lease_begins_on_the_value_that_was_seen() {
    let found = |answer: &[Action]| {
        answer.iter().find_map(|a| match a {
            Action::StartLease(order) => Some(order.found),
            _ => None,
        })
    };
    let mut bench = claiming(&waiting());
    assert_eq!(found(&look_with_lease(&mut bench, 2, 7, &running("t", 1))), Some(Some(commit(7))));

    let mut before = state("ralph", Status::Waiting(role("ralph")), Some(("s", 0)));
    before.turn.as_mut().unwrap().lease_ref = Some(RefName::new("refs/orchestrator/lease/elsewhere"));
    let mut bench = claiming(&before);
    assert_eq!(found(&look_with_lease(&mut bench, 2, 7, &running("t", 1))), Some(None));
}

/// G5a: which processes are ours is written down, and the next start ends them first.
#[test]
fn an_agent_that_runs_is_in_the_journal() {
    let mark = AgentMark { group: 17, started: "then".into() };
    let mut bench = Bench::run(config());
    let noted = bench.step(Event::AgentStarted(mark.clone()));
    assert_eq!(noted, [Action::WriteJournal(bench.machine.journal.clone())]);
    assert_eq!(bench.machine.journal.turn.as_ref().and_then(|t| t.agent.clone()), Some(mark.clone()));

    let mut next = Bench::new(config(), bench.machine.journal.clone(), Memory::default());
    assert_eq!(next.step(Event::Started)[0], Action::EndOldAgent(mark.clone()));
    bench.end(How::Succeeded, false);
    assert_eq!(bench.step(Event::AgentStarted(mark)), [], "a run that is over has no agent");
}

/// G11d: work of a crashed turn that does not fit is put aside only while the turn is ours.
#[test]
fn a_resume_that_does_not_fit_is_put_aside() {
    let conflict = || Event::NotBuilt(Obstacle::TurnConflict(vec!["a.rs".into()]));
    let journal = Bench::run(config()).machine.journal.clone();
    let mut ours = Bench::new(config(), journal, Memory::default());
    ours.step(Event::Started);
    let order = ours.look(2, &running("t", 1), &[(2, Relation::Same)]);
    assert!(matches!(order[..], [Action::Build(Order::Claim { kind: ClaimKind::Resume, .. })]), "{order:?}");
    assert!(matches!(ours.step(conflict()).last(), Some(Action::Rescue { from: 1, .. })));

    let mut free = started(config(), Memory::default());
    free.look(1, &waiting(), &[]);
    assert_eq!(exit(&free.step(conflict())), Some((4, Reason::Blocked(vec!["a.rs".into()]))));
}

/// G13: a turn without an id is given back only as it was seen: running, bare, and of that iteration.
#[test]
fn a_bare_release_fits_only_what_was_seen() {
    let release = |iteration| {
        let goal = Goal::Once(Control::ReleaseBare { iteration });
        started(Config { goal, ..config() }, Memory::default())
    };
    let bare = state("ralph", Status::Running(role("ralph")), None);
    let built = release(1).look(1, &bare, &[]);
    assert!(matches!(built[..], [Action::Build(Order::Control { .. })]), "{built:?}");
    for (iteration, seen) in [
        (2, bare.clone()),
        (1, running("t", 1)),
        (1, waiting()),
        (1, state("ralph", Status::Running(role("galph")), None)),
    ] {
        assert_eq!(exit(&release(iteration).look(1, &seen, &[])), Some((0, Reason::Done)), "{seen:?}");
    }
}

fn by_hand(over: Option<(&str, u64)>) -> Config {
    let over = over.map(|(turn, epoch)| (TurnId::new(turn), epoch));
    let goal = Goal::Once(Control::HandOff { outcome: Outcome::Succeeded, over });
    Config { goal, ..config() }
}

/// T31: a turn is handed off by hand where it is ours to take, and nowhere else.
#[test]
fn a_hand_off_by_hand_takes_no_turn_from_another() {
    let exiting = StateView { exit: true, ..waiting() };
    let seen = Memory { exit: Some(commit(9)), ..Memory::default() };
    let none = Memory::default;
    for (over, memory, seen, why) in [
        (None, none(), exiting, "exit is set (orchestrator resume)"),
        (None, seen, waiting(), "exit is set (orchestrator resume)"),
        (None, none(), state("galph", Status::Idle, None), "it is galph's turn, not ralph's"),
        (None, none(), running("t", 1), "another machine runs the turn (orchestrator status --remote)"),
        (
            Some(("t", 2)),
            none(),
            running("t", 1),
            "another machine runs the turn (orchestrator status --remote)",
        ),
    ] {
        let memory = Memory { tip: None, ..memory };
        let left = exit(&started(by_hand(over), memory).look(1, &seen, &[]));
        assert_eq!(left, Some((4, Reason::Blocked(vec![why.into()]))));
    }
    for (over, seen) in [(None, waiting()), (Some(("t", 1)), running("t", 1))] {
        let built = started(by_hand(over), Memory::default()).look(1, &seen, &[]);
        assert!(matches!(built[..], [Action::Build(Order::Control { .. })]), "{built:?}");
    }
}

/// T31: what this clone had begun of the turn ends with it, all of it.
#[test]
fn a_hand_off_by_hand_clears_the_journal() {
    let turn = Bench::run(config()).machine.journal.turn.clone();
    let claim = claiming(&waiting()).machine.journal.claim.clone();
    assert!(turn.is_some() && claim.is_some());
    for (turn, claim) in [(None, None), (turn.clone(), None), (None, claim.clone()), (turn, claim)] {
        let begun = turn.is_some() || claim.is_some();
        let mut bench = Bench::new(by_hand(None), Journal { turn, claim, rescue: None }, Memory::default());
        bench.step(Event::Started);
        bench.look(1, &waiting(), &[]);
        bench.step(Event::Built(commit(4)));
        bench.step(Event::Pushed(PushReply::Unsure));
        let done = bench.look(4, &state("galph", Status::Complete, None), &[(1, Relation::Contained)]);
        assert_eq!(exit(&done), Some((0, Reason::Done)));
        assert_eq!(done.contains(&Action::WriteJournal(Journal::default())), begun);
        assert_eq!(bench.machine.journal, Journal::default());
    }
}

/// One look at a tip, all facts given.
fn look_at(bench: &mut Bench, facts: Facts) -> Vec<Action> {
    bench.step(listing(Some(1)));
    bench.step(Event::Fetched(Ok(facts)))
}

/// A start with something unfinished says so; any other does not.
#[test]
fn only_what_is_unfinished_is_settled() {
    let settling = |journal: Journal| {
        let now = Now { mono: Duration::from_secs(1_000), wall: 0 };
        let mut machine = Machine::new(Arc::new(config()), journal, Memory::default());
        machine.step(now, Event::Started).contains(&Action::Say(Message::Settling))
    };
    assert!(!settling(Journal::default()));
    assert!(settling(claiming(&waiting()).machine.journal));
    assert!(settling(Bench::stamped(config()).machine.journal));
    assert!(!settling(Bench::run(config()).machine.journal), "a turn to be resumed is polled for");
}

/// G14: three listings *and* 30 s; each alone is only suspicious.
#[test]
fn neither_haste_nor_patience_alone_condemns_a_branch() {
    let half = Timing::default().suspect / 2;
    for pause in [1, 3_600] {
        let mut bench = started(config(), Memory { tip: Some(commit(5)), ..Memory::default() });
        for _ in 0..2 {
            let answer = bench.step(listing(None));
            assert_eq!(answer, [Action::Wait { least: half, most: half }]);
            bench.secs += pause;
            bench.step(Event::Woke);
        }
        let third = bench.step(listing(None));
        assert_eq!(exit(&third).is_some(), pause > 1, "{third:?}");
    }
}

/// G11c: the same commit again, at once on a tip that moved below it, else after a rest.
#[test]
fn an_unseen_stamp_is_sent_again() {
    let push = |on: u8| Action::Push { to: Target::Branch, expected: Some(commit(on)), new: commit(4) };
    let mut bench = Bench::stamped(config());
    let rest = bench.look(2, &running("t", 1), &[(2, Relation::Same), (4, Relation::Extends)]);
    assert!(matches!(rest[..], [Action::Wait { least: Duration::ZERO, .. }]), "{rest:?}");
    assert_eq!(bench.step(Event::Woke), [push(2)]);
    bench.step(Event::Pushed(PushReply::Unsure));
    // The agent had pushed a part of its work by itself.
    let moved = bench.look(3, &running("t", 1), &[(2, Relation::Contained), (4, Relation::Extends)]);
    assert_eq!(moved, [push(3)]);
}

/// G12: a rescue that no listing shows is sent again after a rest.
#[test]
fn an_unseen_rescue_is_sent_again() {
    let mut bench = Bench::stamped(config());
    bench.look(9, &running("u", 2), &[(2, Relation::Contained), (4, Relation::Apart)]);
    let name = RefName::new("refs/heads/orchestrator/rescue/t");
    let sent = bench.step(Event::Rescued(vec![Saved { name: name.clone(), commit: commit(3), number: 1 }]));
    let push = Action::Push { to: Target::Rescue(name), expected: None, new: commit(3) };
    assert_eq!(sent, std::slice::from_ref(&push));
    bench.step(Event::Pushed(PushReply::Unsure));
    assert!(matches!(bench.step(listing(Some(9)))[..], [Action::Wait { .. }]));
    assert_eq!(bench.step(Event::Woke), [push]);
}

/// T6: whether a resume followed is asked from the exit that is about to be found published.
#[test]
fn a_resume_is_looked_for_behind_our_own_exit() {
    let asked = |answer: &[Action]| match answer.last() {
        Some(Action::Fetch { exit, .. }) => *exit,
        other => panic!("{other:?}"),
    };
    let mut bench = Bench::run(config());
    bench.end(How::Succeeded, true);
    bench.step(Event::Built(commit(4)));
    bench.step(Event::Pushed(PushReply::Unsure));
    assert_eq!(asked(&bench.step(listing(Some(4)))), Some(commit(4)));
    let mut plain = Bench::stamped(config());
    assert_eq!(asked(&plain.step(listing(Some(4)))), None);
    let mut stop = stopping(Memory::default());
    assert_eq!(asked(&stop.step(listing(Some(4)))), Some(commit(4)));
}

/// A stop that was asked for in a wait: the commit 4 that says so was sent.
fn stopping(memory: Memory) -> Bench {
    let mut bench = started(config(), memory);
    bench.step(Event::StopRequested);
    let built = bench.look(1, &state("galph", Status::Idle, None), &[(9, Relation::Contained)]);
    assert!(matches!(built[..], [Action::Build(Order::Control { what: Control::Stop, .. })]), "{built:?}");
    bench.step(Event::Built(commit(4)));
    bench.step(Event::Pushed(PushReply::Unsure));
    bench
}

/// T6: our own exit is obeyed also where a peer dropped the field, unless it was resumed since.
#[test]
fn our_own_exit_is_obeyed_without_being_shown() {
    let dropped = state("galph", Status::Idle, None);
    let relations = [(1, Relation::Contained), (4, Relation::Contained), (9, Relation::Contained)];
    for (before, resumed, after) in [
        (None, false, Some(commit(4))),
        (None, true, None),
        (Some(commit(9)), false, Some(commit(9))),
        (Some(commit(9)), true, None),
    ] {
        let mut bench = stopping(Memory { exit: before, ..Memory::default() });
        let done = look_at(&mut bench, facts(5, &dropped, &relations, resumed));
        assert_eq!(done[0], Action::StopPublished, "{done:?}");
        assert_eq!(bench.machine.memory.exit, after, "{before:?} {resumed}");
    }
}

/// T20: a start by hand claims the failure it finds, and no other.
#[test]
fn only_the_failure_found_at_the_start_is_claimed_again() {
    let claims = |answer: &[Action]| matches!(answer, [Action::Build(Order::Claim { .. })]);
    for turn in [Some(("t", 1)), None] {
        assert!(claims(&started(config(), Memory::default()).look(1, &failed(turn), &[])));

        let mut later = started(config(), Memory::default());
        later.look(1, &state("galph", Status::Idle, None), &[]);
        later.step(Event::Woke);
        let seen = later.look(2, &failed(turn), &[(1, Relation::Contained)]);
        assert!(matches!(seen[..], [Action::Wait { .. }]), "{seen:?}");
    }
    let mut another = started(config(), Memory::default());
    another.look(1, &state("galph", Status::Failed, Some(("s", 1))), &[]);
    another.step(Event::Woke);
    let seen = another.look(2, &failed(Some(("t", 2))), &[(1, Relation::Contained)]);
    assert!(matches!(seen[..], [Action::Wait { .. }]), "{seen:?}");
}

/// In a record of what happened the first four bytes of a commit are enough.
#[test]
fn a_commit_is_short_in_a_trace() {
    assert_eq!(format!("{:?}", commit(0xab)), "abababab");
}

/// G11d: the first replay goes at once, each further one after a longer rest, up to 16 s.
#[test]
fn a_busy_branch_is_given_more_and_more_time() {
    let mut bench = Bench::stamped(config());
    let mut rests = Vec::new();
    for tip in 10..20 {
        let relations = [(2, Relation::Contained), (4, Relation::Apart), (tip - 1, Relation::Contained)];
        let mut answer = bench.look(tip, &running("t", 1), &relations);
        if let Some(Action::Wait { least: Duration::ZERO, most }) = answer.first() {
            rests.push(most.as_millis());
            bench.step(Event::Woke);
            answer = bench.look(tip, &running("t", 1), &relations);
        }
        let base = Base::Replay(commit(tip));
        assert!(
            matches!(&answer[..], [Action::Build(Order::Stamp { base: b, .. })] if *b == base),
            "{answer:?}"
        );
        bench.step(Event::Built(commit(4)));
        bench.step(Event::Pushed(PushReply::Unsure));
    }
    assert_eq!(rests, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 16_000, 16_000, 16_000]);
}

/// A stamp that was never built is no round: its replay is not called one.
#[test]
fn only_a_stamp_that_was_sent_makes_a_round() {
    let replaying =
        |answer: &[Action]| answer.iter().any(|a| matches!(a, Action::Say(Message::Replaying { .. })));
    let mut bent = Bench::run(config());
    bent.step(Event::AgentEnded(Ended {
        how: How::Succeeded,
        head: commit(3),
        line: Line::Bent,
        exit: false,
    }));
    told(&mut bent, listing(Some(2)));
    let seen = facts(2, &running("t", 1), &[(1, Relation::Contained), (2, Relation::Same)], false);
    let answer = told(&mut bent, Event::Fetched(Ok(seen)));
    assert!(
        matches!(answer.last(), Some(Action::Build(Order::Stamp { .. }))) && !replaying(&answer),
        "{answer:?}"
    );

    let mut sent = Bench::stamped(config());
    told(&mut sent, listing(Some(9)));
    let relations = [(2, Relation::Contained), (4, Relation::Apart)];
    let answer = told(&mut sent, Event::Fetched(Ok(facts(9, &running("t", 1), &relations, false))));
    assert!(replaying(&answer), "{answer:?}");
}

/// The local branch moves from the end of the turn; what a person put on it meanwhile is kept.
#[test]
fn what_is_above_the_turns_end_is_kept() {
    let mut bench = Bench::stamped(config());
    let done = bench.look(4, &state("galph", Status::Complete, Some(("t", 1))), &[(2, Relation::Contained)]);
    let moved = Action::Move { to: commit(4), above: vec![commit(3)] };
    assert_eq!(done.last(), Some(&moved));
    // Put aside and reported as failed: what was saved takes the place of the end.
    let mut astray = Bench::run(config());
    let line = Line::Astray("detached".into());
    astray.step(Event::AgentEnded(Ended { how: How::Succeeded, head: commit(3), line, exit: false }));
    let name = RefName::new("refs/heads/orchestrator/rescue/t");
    astray.step(Event::Rescued(vec![Saved { name, commit: commit(33), number: 1 }]));
    astray.step(Event::Pushed(PushReply::Unsure));
    let there = Listing { branch: Some(commit(2)), lease: None, rescue: Some(commit(33)) };
    assert!(matches!(astray.step(Event::Listed(Ok(there)))[..], [Action::List { rescue: None, .. }]));
    let built = astray.look(2, &running("t", 1), &[(2, Relation::Same)]);
    let failed = matches!(
        built.last(),
        Some(Action::Build(Order::Stamp { outcome: Outcome::Failed, base: Base::Bare(_), .. }))
    );
    assert!(failed, "{built:?}");
    astray.step(Event::Built(commit(4)));
    astray.step(Event::Pushed(PushReply::Unsure));
    let done = astray.look(4, &state("ralph", Status::Failed, Some(("t", 1))), &[(2, Relation::Contained)]);
    assert_eq!(done.last(), Some(&Action::Move { to: commit(4), above: vec![commit(33)] }));
    assert_eq!(exit(&astray.step(Event::Moved)), Some((3, Reason::TurnFailed)));
}

/// G12: a remote that refuses the rescue keeps nothing from being settled.
#[test]
fn a_refused_rescue_stays_here() {
    let mut bench = Bench::stamped(config());
    bench.look(9, &running("u", 2), &[(2, Relation::Contained), (4, Relation::Apart)]);
    let saved = |n: u8| Saved { name: RefName::new(&format!("refs/x/{n}")), commit: commit(n), number: 1 };
    bench.step(Event::Rescued(vec![saved(31), saved(32)]));
    bench.step(Event::Pushed(PushReply::Refused("no".into())));
    let next = told(&mut bench, listing(Some(9)));
    let kept = Action::Say(Message::RescueKeptHere { commit: commit(31), why: "no".into() });
    assert_eq!(next[0], kept);
    assert!(matches!(&next[1], Action::Push { new, .. } if *new == commit(32)), "{next:?}");
    bench.step(Event::Pushed(PushReply::Unsure));
    let there = Listing { branch: Some(commit(9)), lease: None, rescue: Some(commit(32)) };
    assert!(matches!(bench.step(Event::Listed(Ok(there)))[..], [Action::List { .. }]));
    let moving = bench.look(9, &running("u", 2), &[(2, Relation::Contained), (4, Relation::Apart)]);
    assert_eq!(moving, [Action::Move { to: commit(9), above: vec![commit(31), commit(32)] }]);
    let left = bench.step(Event::Moved);
    assert_eq!(exit(&left), Some((5, Reason::Fenced)));
    assert_eq!(bench.machine.journal, Journal::default());
}

/// T36: an interrupt during a rescue leaves the rest to the next start.
#[test]
fn an_interrupt_ends_a_rescue() {
    let mut bench = Bench::stamped(config());
    bench.look(9, &running("u", 2), &[(2, Relation::Contained), (4, Relation::Apart)]);
    bench.step(Event::Interrupted(Signal::Interrupt));
    let left = exit(&bench.step(Event::Rescued(Vec::new())));
    assert_eq!(left, Some((130, Reason::Interrupted(Signal::Interrupt))));
    let mut next = Bench::new(config(), bench.machine.journal.clone(), bench.machine.memory.clone());
    assert_eq!(next.step(Event::Started), [Action::Rescue { turn: TurnId::new("t"), from: 1 }]);
}

/// T36: after an interrupt a stamp that does not fit any more is not built anew; the next start does that.
#[test]
fn an_interrupt_grants_no_replay() {
    let mut bench = Bench::stamped(config());
    bench.step(Event::Interrupted(Signal::Terminate));
    let left = exit(&bench.look(9, &running("t", 1), &[(2, Relation::Contained), (4, Relation::Apart)]));
    assert_eq!(left, Some((143, Reason::Interrupted(Signal::Terminate))));
    assert_eq!(bench.journal_end().and_then(|e| e.stamp), Some(commit(4)), "kept");
}

/// T6: a stop that came too late for the stamp is published before the run ends, whatever else ends it.
#[test]
fn a_late_stop_is_published_first() {
    let mut bench = Bench::stamped(Config { turns: Some(1), ..config() });
    bench.step(Event::StopRequested);
    let after = state("galph", Status::Complete, Some(("t", 1)));
    bench.look(4, &after, &[(2, Relation::Contained)]);
    assert!(matches!(bench.step(Event::Moved).last(), Some(Action::List { .. })));
    let stop = bench.step(listing(Some(4)));
    assert!(matches!(stop[..], [Action::Build(Order::Control { what: Control::Stop, .. })]), "{stop:?}");
}

/// T36: an interrupted turn that could be published ends the run as interrupted.
#[test]
fn a_published_interrupt_is_one() {
    let mut bench = Bench::run(config());
    bench.step(Event::Interrupted(Signal::Terminate));
    bench.end(How::Stopped, false);
    bench.step(Event::Built(commit(4)));
    bench.step(Event::Pushed(PushReply::Unsure));
    bench.look(4, &waiting(), &[(2, Relation::Contained)]);
    assert_eq!(exit(&bench.step(Event::Moved)), Some((143, Reason::Interrupted(Signal::Terminate))));
}

/// T17: a hand-off found at the start was another run's turn, and counts for none of this one's.
#[test]
fn a_found_hand_off_is_not_counted() {
    let journal = Bench::stamped(config()).machine.journal.clone();
    let mut next = Bench::new(Config { turns: Some(1), ..config() }, journal, Memory::default());
    next.step(Event::Started);
    next.look(4, &state("galph", Status::Complete, Some(("t", 1))), &[(2, Relation::Contained)]);
    assert!(matches!(next.step(Event::Moved).last(), Some(Action::List { .. })));
}

/// G11d: work that cannot be replayed is put aside, the turn is handed off as failed, and the run says why.
#[test]
fn a_conflict_ends_the_run_as_one() {
    let mut bench = Bench::stamped(config());
    bench.look(9, &running("t", 1), &[(2, Relation::Contained), (4, Relation::Apart)]);
    let aside = told(&mut bench, Event::NotBuilt(Obstacle::TurnConflict(vec!["a.rs".into()])));
    let fenced = |answer: &[Action]| answer.iter().any(|a| matches!(a, Action::Say(Message::Fenced { .. })));
    assert!(matches!(aside.last(), Some(Action::Rescue { from: 1, .. })) && !fenced(&aside), "{aside:?}");
    bench.step(Event::Rescued(Vec::new()));
    bench.look(9, &running("t", 1), &[(2, Relation::Contained)]);
    bench.step(Event::Built(commit(4)));
    bench.step(Event::Pushed(PushReply::Unsure));
    bench.look(4, &state("ralph", Status::Failed, Some(("t", 1))), &[(9, Relation::Contained)]);
    assert_eq!(exit(&bench.step(Event::Moved)), Some((4, Reason::Conflict)));

    let mut lost = Bench::stamped(config());
    told(&mut lost, listing(Some(9)));
    let relations = [(2, Relation::Contained), (4, Relation::Apart)];
    assert!(fenced(&told(&mut lost, Event::Fetched(Ok(facts(9, &running("u", 2), &relations, false))))));
    assert_eq!(Reason::Fenced.to_string(), "the turn was taken over");
}

//! What a shell that keeps the contract never does: it ends the run, and nothing is sent.

use super::super::machine::{Errand, Sighting, Stage};
use super::super::rescue::Step;
use super::*;

fn now() -> Now {
    Now { mono: Duration::from_secs(2_000), wall: 0 }
}

/// One machine in each stage, on a way that a shell really goes.
fn stages() -> Vec<(&'static str, Bench)> {
    let fresh = Bench::new(config(), Journal::default(), Memory::default());
    let listing_asked = started(config(), Memory::default());
    let mut fetching = started(config(), Memory::default());
    fetching.step(listing(Some(1)));
    let mut building = started(config(), Memory::default());
    building.look(1, &waiting(), &[]);
    let mut pushing = started(config(), Memory::default());
    pushing.look(1, &waiting(), &[]);
    pushing.step(Event::ClaimBuilt { turn: TurnId::new("t"), commit: commit(2) });
    let mut moving = Bench::stamped(config());
    moving.look(4, &state("galph", Status::Complete, Some(("t", 1))), &[(2, Relation::Contained)]);
    let mut rescuing = Bench::run(config());
    rescuing.step(Event::LeaseLost(Lost::Fenced));
    rescuing.end(How::Stopped, false);
    let mut asleep = started(config(), Memory::default());
    asleep.step(offline());
    let mut over = started(config(), Memory::default());
    over.step(Event::Moved);
    vec![
        ("fresh", fresh),
        ("listing", listing_asked),
        ("fetching", fetching),
        ("building", building),
        ("pushing", pushing),
        ("running", Bench::run(config())),
        ("rescuing", rescuing),
        ("moving", moving),
        ("waiting", asleep),
        ("over", over),
    ]
}

/// I1: an answer that was not asked for is told by the stage it came in, and never acted on.
#[test]
fn each_stage_takes_only_its_own_answers() {
    for (name, mut bench) in stages() {
        let wrong = if name == "moving" { Event::Woke } else { Event::Moved };
        let journal = bench.machine.journal.clone();
        let answer = bench.step(wrong);
        assert_eq!(answer, [Action::Exit(Reason::OutOfStep(name))]);
        assert_eq!(bench.machine.journal, journal, "{name}: what is owed stays owed");
        assert_eq!(bench.step(Event::Started), [Action::Exit(Reason::OutOfStep("over"))], "{name}");
    }
}

/// A right answer for another errand: the journal and the errand contradict each other.
#[test]
fn an_answer_of_another_errand_sends_nothing() {
    let sighting = Sighting { lease_ref: lease_ref(), asked: now(), listing: Listing::default() };
    let fetching = || Stage::Fetching { sighting: sighting.clone() };
    let fetched = || {
        Event::Fetched(Ok(Facts {
            tip: commit(1),
            state: AtTip::State(Arc::new(waiting())),
            epoch: 0,
            resumed: false,
            relations: Vec::new(),
            limit: None,
        }))
    };
    let claim_built = || Event::ClaimBuilt { turn: TurnId::new("t"), commit: commit(2) };
    let cases = [
        (Errand::Poll, Stage::Building, claim_built(), "claim built"),
        (Errand::Poll, Stage::Building, Event::Built(commit(4)), "built"),
        (Errand::Publish, Stage::Building, Event::Built(commit(4)), "built"),
        (Errand::Poll, Stage::Moving, Event::Moved, "moved"),
        (Errand::Claim, Stage::Moving, Event::Moved, "run"),
        (Errand::Run, fetching(), fetched(), "look"),
        (Errand::Claim, fetching(), fetched(), "judge claim"),
        (Errand::Publish, fetching(), fetched(), "judge stamp"),
        (Errand::Rescue(Step::Settle), fetching(), fetched(), "rescue looked"),
    ];
    for (errand, stage, event, name) in cases {
        let mut bench = Bench::new(config(), Journal::default(), Memory::default());
        bench.machine.errand = errand;
        bench.machine.stage = stage;
        assert_eq!(bench.step(event), [Action::Exit(Reason::OutOfStep(name))]);
    }
}

/// The parts of the machine, called where they have nothing to work on.
#[test]
fn no_part_invents_what_it_lacks() {
    type Part = fn(&mut Machine, &mut Vec<Action>);
    let parts: [(&str, Part); 8] = [
        ("judge control", |m, out| m.judge_control(now(), out)),
        ("stamp", |m, out| m.stamp(Base::Head, out)),
        ("put aside", |m, out| m.fence(out)),
        ("rescue", |m, out| m.save(1, out)),
        ("push rescue", Machine::push_rescue),
        ("rescue listed", |m, out| m.rescue_listed(now(), &Listing::default(), out)),
        ("run", Machine::run),
        ("judge stamp", |m, out| m.judge_stamp(now(), out)),
    ];
    for (name, part) in parts {
        let mut machine = Machine::new(Arc::new(config()), Journal::default(), Memory::default());
        let mut out = Vec::new();
        part(&mut machine, &mut out);
        assert_eq!(out.last(), Some(&Action::Exit(Reason::OutOfStep(name))));
        let sent = |a: &Action| matches!(a, Action::Push { .. } | Action::Build(_) | Action::Move { .. });
        assert!(!out.iter().any(sent), "{name}: {out:?}");
    }
}

/// I1: how a run ended, in words for its record, and the exit code.
#[test]
fn every_end_has_its_words_and_its_code() {
    let text = || "why".to_owned();
    let cases = [
        (Reason::Done, 0, "done"),
        (Reason::ExitSet, 0, "exit is set"),
        (Reason::NotOurTurn, 0, "not this role's turn"),
        (Reason::OutOfStep("x"), 1, "a bug"),
        (Reason::Damaged(text()), 2, "the state is damaged"),
        (Reason::NoState { removed: false }, 2, "there is no state"),
        (Reason::TurnFailed, 3, "a turn failed"),
        (Reason::FailedSeen, 3, "a failed turn is not claimed again"),
        (Reason::Conflict, 4, "the work conflicts with what others pushed"),
        (Reason::Offline(text()), 4, "the remote is out of reach"),
        (Reason::Refused(text()), 4, "the remote refuses it"),
        (Reason::Unpublished, 4, "the turn could not be published"),
        (Reason::Rewritten { seen: commit(1), now: None }, 4, "the remote branch was rewritten"),
        (Reason::Blocked(vec![]), 4, "nothing could be claimed here"),
        (Reason::InTheWay(vec![]), 4, "files are in the way"),
        (Reason::Fenced, 5, "the turn was taken over"),
        (Reason::LeaseEnded, 5, "the lease ended"),
        (Reason::WaitedTooLong, 6, "waited too long"),
        (Reason::Limit("budget.turns reached".into()), 6, "budget.turns reached"),
        (Reason::Interrupted(Signal::Interrupt), 130, "interrupted"),
        (Reason::Interrupted(Signal::Terminate), 143, "interrupted"),
    ];
    for (reason, code, words) in cases {
        assert_eq!((reason.code(), reason.to_string().as_str()), (code, words));
    }
}

//! What the simulator does not judge: exit codes, limits, and the order of single steps.

mod commands;
mod odd;
mod waits;

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::ids::RoleId;

mod edges;

fn role(name: &str) -> RoleId {
    RoleId::parse(name).unwrap()
}

fn commit(n: u8) -> CommitId {
    CommitId::from_bytes(&[n; 20]).unwrap()
}

fn lease_ref() -> RefName {
    RefName::new("refs/orchestrator/lease/main")
}

fn config() -> Config {
    Config {
        goal: Goal::Loop,
        role: role("ralph"),
        first: false,
        start: Start::ByHand,
        turns: None,
        takeover: Takeover::Auto,
        retry_failed: 0,
        lease_ref: lease_ref(),
        boot: BootId::new("boot"),
        timing: Timing::default(),
    }
}

fn state(expected: &str, status: Status, turn: Option<(&str, u64)>) -> StateView {
    let turn = turn.map(|(id, epoch)| TurnView {
        id: TurnId::new(id),
        epoch,
        lease: Duration::from_secs(600),
        lease_ref: Some(lease_ref()),
        failures: 0,
    });
    StateView { iteration: 1, expected: role(expected), status, exit: false, turn }
}

fn waiting() -> StateView {
    state("ralph", Status::Waiting(role("ralph")), None)
}

fn running(turn: &str, epoch: u64) -> StateView {
    state("ralph", Status::Running(role("ralph")), Some((turn, epoch)))
}

/// A machine, and the clock it is driven by.
struct Bench {
    machine: Machine,
    secs: u64,
}

impl Bench {
    fn new(config: Config, journal: Journal, memory: Memory) -> Self {
        Self { machine: Machine::new(Arc::new(config), journal, memory), secs: 1_000 }
    }

    /// The answer to an event, without what is only said or remembered.
    fn step(&mut self, event: Event) -> Vec<Action> {
        let now = Now { mono: Duration::from_secs(self.secs), wall: 0 };
        let mut actions = self.machine.step(now, event);
        actions.retain(|a| !matches!(a, Action::Say(_) | Action::WriteMemory(_)));
        actions
    }

    /// One look at a tip. `relations` of our own commits to it.
    fn look(&mut self, tip: u8, state: &StateView, relations: &[(u8, Relation)]) -> Vec<Action> {
        let listed = self.step(listing(Some(tip)));
        assert!(matches!(listed.last(), Some(Action::Fetch { .. })), "{listed:?}");
        self.step(Event::Fetched(Ok(Facts {
            tip: commit(tip),
            state: AtTip::State(Arc::new(state.clone())),
            epoch: state.epoch(),
            resumed: false,
            relations: relations.iter().map(|(c, r)| (commit(*c), *r)).collect(),
            limit: None,
        })))
    }

    /// From the start to a running agent: turn `t`, epoch 1, claim 2 on tip 1.
    fn run(config: Config) -> Self {
        let mut bench = Self::new(config, Journal::default(), Memory::default());
        bench.step(Event::Started);
        let built = bench.look(1, &waiting(), &[]);
        let order = Order::Claim { kind: ClaimKind::Fresh, tip: commit(1), epoch: 1 };
        assert_eq!(built, [Action::Build(order)]);
        let pushed = bench.step(Event::ClaimBuilt { turn: TurnId::new("t"), commit: commit(2) });
        let push = Action::Push { to: Target::Branch, expected: Some(commit(1)), new: commit(2) };
        assert!(matches!(pushed[0], Action::WriteJournal(_)), "journalled before it is sent");
        assert_eq!(pushed[1], push);
        bench.step(Event::Pushed(PushReply::Unsure));
        let won = bench.look(2, &running("t", 1), &[(1, Relation::Contained)]);
        assert!(matches!(&won[..], [Action::WriteJournal(_), Action::StartLease(_), Action::Move { .. }]));
        let run = bench.step(Event::Moved);
        assert!(matches!(&run[..], [Action::RunAgent { .. }]), "{run:?}");
        bench
    }

    fn end(&mut self, how: How, exit: bool) -> Vec<Action> {
        let ended = Ended { how, head: commit(3), line: Line::Straight, exit };
        self.step(Event::AgentEnded(ended))
    }

    /// As `run`, and on to a stamp that was sent: stamp 4.
    fn stamped(config: Config) -> Self {
        let mut bench = Self::run(config);
        bench.end(How::Succeeded, false);
        bench.step(Event::Built(commit(4)));
        bench.step(Event::Pushed(PushReply::Unsure));
        bench
    }

    fn journal_end(&self) -> Option<End> {
        self.machine.journal.turn.as_ref().and_then(|t| t.end)
    }
}

fn listing(branch: Option<u8>) -> Event {
    Event::Listed(Ok(Listing { branch: branch.map(commit), ..Listing::default() }))
}

fn offline() -> Event {
    Event::Listed(Err(Trouble::Passing("timed out".into())))
}

fn exit(actions: &[Action]) -> Option<(u8, Reason)> {
    match actions.last() {
        Some(Action::Exit(reason)) => Some((reason.code(), reason.clone())),
        _ => None,
    }
}

fn started(config: Config, memory: Memory) -> Bench {
    let mut bench = Bench::new(config, Journal::default(), memory);
    bench.step(Event::Started);
    bench
}

/// G15: passing trouble is retried for `retry_secs`, then exit 4.
#[test]
fn offline_is_retried_for_a_while() {
    let mut bench = started(config(), Memory::default());
    for _ in 0..9 {
        let again = bench.step(offline());
        assert!(matches!(again[..], [Action::Wait { .. }]), "{again:?}");
        bench.secs += 100;
        bench.step(Event::Woke);
    }
    assert_eq!(exit(&bench.step(offline())).unwrap().0, 4);
    let timing = Timing { retry: Duration::ZERO, ..Timing::default() };
    let mut bench = started(Config { timing, ..config() }, Memory::default());
    assert!(matches!(exit(&bench.step(offline())), Some((4, Reason::Offline(_)))));
    let mut bench = started(config(), Memory::default());
    let refused = Event::Listed(Err(Trouble::Lasting("authentication failed".into())));
    assert_eq!(exit(&bench.step(refused)), Some((4, Reason::Refused("authentication failed".into()))));
}

/// G14: three listings over 30 s; one alone may be a stale replica.
#[test]
fn a_rewritten_branch_stops_everything() {
    for now in [None, Some(9)] {
        let mut bench = started(config(), Memory { tip: Some(commit(5)), ..Memory::default() });
        for listing_number in 1..=3 {
            let answer = match now {
                None => bench.step(listing(None)),
                Some(tip) => bench.look(tip, &waiting(), &[(5, Relation::Extends)]),
            };
            if listing_number == 3 {
                let reason = Reason::Rewritten { seen: commit(5), now: now.map(commit) };
                assert_eq!(exit(&answer), Some((4, reason)));
            } else {
                assert!(matches!(answer[..], [Action::Wait { .. }]), "{answer:?}");
                bench.secs += 15;
                bench.step(Event::Woke);
            }
        }
    }
    let mut bench = started(config(), Memory { tip: Some(commit(5)), ..Memory::default() });
    bench.look(9, &waiting(), &[(5, Relation::Extends)]);
    bench.step(Event::Woke);
    let good = bench.look(6, &waiting(), &[(5, Relation::Contained)]);
    assert!(matches!(good[..], [Action::Build(Order::Claim { .. })]), "{good:?}");
}

/// T18: only the first role creates a missing state.
#[test]
fn the_first_role_creates_the_state() {
    let mut first = started(Config { first: true, role: role("galph"), ..config() }, Memory::default());
    let order = Order::Control { what: Control::Create, tip: None };
    assert_eq!(first.step(listing(None)), [Action::Build(order)]);
    let mut other = started(config(), Memory::default());
    assert!(matches!(other.step(listing(None))[..], [Action::Wait { .. }]));
}

/// T19, T20: `--max-wait-sec` ends a wait with 6, `--if-turn` does not wait at all.
#[test]
fn waits_are_bounded() {
    let others = state("galph", Status::Idle, None);
    let timing = Timing { max_wait: Some(Duration::from_secs(60)), ..Timing::default() };
    let mut bench = started(Config { timing, ..config() }, Memory::default());
    assert!(matches!(bench.look(1, &others, &[])[..], [Action::Wait { .. }]));
    bench.secs += 60;
    bench.step(Event::Woke);
    assert_eq!(exit(&bench.step(listing(Some(1)))), Some((6, Reason::WaitedTooLong)));
    let mut cron = started(Config { start: Start::IfTurn, ..config() }, Memory::default());
    assert_eq!(exit(&cron.look(1, &others, &[])), Some((0, Reason::NotOurTurn)));
}

/// G13: a short-lived run writes down what it has observed, before it leaves.
#[test]
fn a_short_run_remembers_its_observation() {
    let mut cron = started(Config { start: Start::IfTurn, ..config() }, Memory::default());
    cron.step(listing(Some(1)));
    let facts = Facts {
        tip: commit(1),
        state: AtTip::State(Arc::new(running("other", 7))),
        epoch: 7,
        resumed: false,
        relations: Vec::new(),
        limit: None,
    };
    let now = Now { mono: Duration::from_secs(1_000), wall: 0 };
    let actions = cron.machine.step(now, Event::Fetched(Ok(facts)));
    let remembered = actions.iter().rev().find_map(|a| match a {
        Action::WriteMemory(memory) => memory.observed.clone(),
        _ => None,
    });
    let cron = Config { start: Start::IfTurn, ..config() };
    let memory = Memory { tip: Some(commit(1)), observed: remembered, ..Memory::default() };
    let mut later = Bench::new(cron, Journal::default(), memory);
    later.secs = 1_660;
    later.step(Event::Started);
    let taken = later.look(1, &running("other", 7), &[]);
    let order = Order::Claim { kind: ClaimKind::TakeOver, tip: commit(1), epoch: 8 };
    assert_eq!(taken, [Action::Build(order)]);
}

/// G12: a refusal is final only if the listing shows that nothing arrived.
#[test]
fn a_refusal_is_checked_against_the_listing() {
    for (relation, published) in [(Relation::Extends, false), (Relation::Contained, true)] {
        let mut bench = Bench::run(config());
        bench.end(How::Succeeded, false);
        bench.step(Event::Built(commit(4)));
        bench.step(Event::Pushed(PushReply::Refused("hook declined".into())));
        let answer = bench.look(8, &running("t", 1), &[(2, Relation::Contained), (4, relation)]);
        if published {
            assert!(matches!(&answer[..], [Action::StopLease, Action::Move { .. }]), "{answer:?}");
        } else {
            assert_eq!(exit(&answer), Some((4, Reason::Refused("hook declined".into()))));
            assert_eq!(bench.journal_end().and_then(|e| e.stamp), Some(commit(4)), "kept");
        }
    }
}

/// G11d: at most twenty rounds, then exit 4 with the stamp kept.
#[test]
fn a_busy_branch_is_left_alone_after_twenty_rounds() {
    let mut bench = Bench::stamped(config());
    let apart = [(2, Relation::Contained), (4, Relation::Apart)];
    let mut rounds = 0;
    for tip in 10_u8.. {
        let relations: Vec<_> = apart.into_iter().chain([(tip - 1, Relation::Contained)]).collect();
        let mut answer = bench.look(tip, &running("t", 1), &relations);
        if matches!(answer[..], [Action::Wait { .. }]) {
            bench.step(Event::Woke);
            answer = bench.look(tip, &running("t", 1), &relations);
        }
        if let Some(left) = exit(&answer) {
            assert_eq!(left, (4, Reason::Unpublished));
            break;
        }
        assert!(matches!(answer[..], [Action::Build(Order::Stamp { .. })]), "{answer:?}");
        rounds += 1;
        bench.step(Event::Built(commit(4)));
        bench.step(Event::Pushed(PushReply::Unsure));
    }
    assert_eq!(rounds, 20);
    assert!(bench.journal_end().is_some_and(|e| e.stamp.is_some()));
}

/// T36: an interrupted turn is stamped so and sent once; the next start goes on from there.
#[test]
fn an_interrupt_grants_one_push() {
    let mut bench = Bench::run(config());
    let stop = bench.step(Event::Interrupted(Signal::Terminate));
    assert_eq!(stop, [Action::StopAgent, Action::StopLease]);
    let ended = bench.end(How::Stopped, false);
    let outcome = bench.journal_end().map(|e| e.outcome);
    assert_eq!(outcome, Some(Outcome::Interrupted));
    assert!(matches!(ended[..], [Action::WriteJournal(_), Action::Build(Order::Stamp { .. })]));
    bench.step(Event::Built(commit(4)));
    bench.step(Event::Pushed(PushReply::Unsure));
    let left = bench.step(offline());
    assert_eq!(exit(&left), Some((143, Reason::Interrupted(Signal::Terminate))));
    let mut next = Bench::new(config(), bench.machine.journal.clone(), bench.machine.memory.clone());
    next.step(Event::Started);
    let relations = [(2, Relation::Same), (4, Relation::Extends)];
    let again = next.look(2, &running("t", 1), &relations);
    assert_eq!(again, [Action::Push { to: Target::Branch, expected: Some(commit(2)), new: commit(4) }]);
}

/// T36: waiting machines simply go.
#[test]
fn an_interrupt_ends_a_wait() {
    let mut bench = started(config(), Memory::default());
    bench.look(1, &state("galph", Status::Idle, None), &[]);
    assert_eq!(bench.step(Event::Interrupted(Signal::Interrupt)), []);
    let left = bench.step(Event::Woke);
    assert_eq!(exit(&left), Some((130, Reason::Interrupted(Signal::Interrupt))));
}

/// G10: nobody can be asked whose the turn is: a local copy, exit 5, and the turn stays open.
#[test]
fn a_lease_that_ends_unreachable_keeps_the_turn_open() {
    let mut bench = Bench::run(config());
    assert_eq!(bench.step(Event::LeaseLost(Lost::Unreachable)), [Action::StopAgent]);
    let saved = bench.end(How::Stopped, false);
    assert!(matches!(&saved[..], [Action::StopLease, Action::Rescue { .. }]), "{saved:?}");
    assert_eq!(exit(&bench.step(Event::Rescued(Vec::new()))), Some((5, Reason::LeaseEnded)));
    assert!(bench.machine.journal.turn.is_some() && bench.machine.journal.rescue.is_none());
}

/// G10: an agent that ended by itself is handed off, however late.
#[test]
fn finished_work_is_never_dropped_for_time() {
    let mut bench = Bench::run(config());
    bench.step(Event::LeaseLost(Lost::Unreachable));
    let ended = bench.end(How::Succeeded, false);
    assert!(matches!(ended[..], [Action::WriteJournal(_), Action::Build(Order::Stamp { .. })]));
}

/// T6: a stop asked for during a turn goes with its stamp.
#[test]
fn a_stop_during_a_turn_goes_with_the_stamp() {
    let mut bench = Bench::run(config());
    assert_eq!(bench.step(Event::StopRequested), []);
    let ended = bench.end(How::Succeeded, false);
    assert!(matches!(ended[1], Action::Build(Order::Stamp { exit: true, .. })), "{ended:?}");
    bench.step(Event::Built(commit(4)));
    bench.step(Event::Pushed(PushReply::Unsure));
    let mut after = state("galph", Status::Complete, Some(("t", 1)));
    after.exit = true;
    let published = bench.look(4, &after, &[(2, Relation::Contained)]);
    assert!(published.contains(&Action::StopPublished), "{published:?}");
    bench.step(Event::Moved);
    assert_eq!(exit(&bench.step(listing(Some(4)))), Some((0, Reason::ExitSet)));
}

/// G3: a rescue name that another commit has is left alone.
#[test]
fn a_second_rescue_of_a_turn_gets_another_name() {
    let mut bench = Bench::stamped(config());
    let fenced = bench.look(9, &running("u", 2), &[(2, Relation::Contained), (4, Relation::Apart)]);
    assert!(matches!(
        &fenced[..],
        [Action::StopLease, Action::WriteJournal(_), Action::Rescue { from: 1, .. }]
    ));
    let name = RefName::new("refs/heads/orchestrator/rescue/t");
    bench.step(Event::Rescued(vec![Saved { name, commit: commit(3), number: 1 }]));
    bench.step(Event::Pushed(PushReply::Unsure));
    let taken = Listing { branch: Some(commit(9)), lease: None, rescue: Some(commit(33)) };
    let next = bench.step(Event::Listed(Ok(taken)));
    assert_eq!(next, [Action::Rescue { turn: TurnId::new("t"), from: 2 }]);
}

/// T17, T19, T20: what a published turn ends with.
#[test]
fn a_published_turn_ends_the_run_or_not() {
    let done = (0, Reason::Done);
    for (how, config, left) in [
        (How::Succeeded, config(), None),
        (How::Succeeded, Config { turns: Some(1), ..config() }, Some(done.clone())),
        (How::Succeeded, Config { start: Start::IfTurn, ..config() }, Some(done)),
        (How::Failed, config(), Some((3, Reason::TurnFailed))),
    ] {
        let mut bench = Bench::run(config);
        bench.end(how, false);
        bench.step(Event::Built(commit(4)));
        bench.step(Event::Pushed(PushReply::Unsure));
        bench.look(4, &state("galph", Status::Complete, Some(("t", 1))), &[(2, Relation::Contained)]);
        let after = bench.step(Event::Moved);
        assert!(matches!(&after[0], Action::WriteJournal(j) if *j == Journal::default()), "{after:?}");
        assert_eq!(exit(&after), left);
    }
}

/// A shell that answers what was not asked is told so, not followed.
#[test]
fn an_answer_out_of_step_ends_the_run() {
    let mut bench = started(config(), Memory::default());
    assert_eq!(exit(&bench.step(Event::Moved)), Some((1, Reason::OutOfStep("listing"))));
}

/// G5a: the journal survives its file.
#[test]
fn the_journal_survives_its_file() {
    let mut bench = Bench::stamped(config());
    bench.machine.journal.rescue =
        Some(Rescue { turn: TurnId::new("t"), why: RescueWhy::Astray("detached".into()), exit: true });
    let text = serde_json::to_string_pretty(&bench.machine.journal).unwrap();
    assert_eq!(serde_json::from_str::<Journal>(&text).unwrap(), bench.machine.journal);
    let text = serde_json::to_string(&bench.machine.memory).unwrap();
    assert_eq!(serde_json::from_str::<Memory>(&text).unwrap(), bench.machine.memory);
}

/// A9: a limit that all machines used up ends whoever would claim or wait; what is to be published comes first.
#[test]
fn a_used_up_limit_ends_a_wait_but_no_hand_off() {
    let limited = |state: StateView, relations: Vec<(CommitId, Relation)>| Facts {
        tip: commit(1),
        epoch: state.epoch(),
        state: AtTip::State(Arc::new(state)),
        resumed: false,
        relations,
        limit: Some("budget.turns reached: 3 turns".into()),
    };
    for expected in ["ralph", "galph"] {
        let mut bench = started(config(), Memory::default());
        bench.step(listing(Some(1)));
        let facts = limited(state(expected, Status::Idle, None), Vec::new());
        let left = exit(&bench.step(Event::Fetched(Ok(facts))));
        assert_eq!(left, Some((6, Reason::Limit("budget.turns reached: 3 turns".into()))));
    }
    let mut bench = Bench::stamped(config());
    let published = [(commit(2), Relation::Contained), (commit(4), Relation::Same)];
    bench.step(listing(Some(4)));
    let facts = Facts { tip: commit(4), ..limited(running("t", 1), published.to_vec()) };
    let answer = bench.step(Event::Fetched(Ok(facts)));
    assert!(matches!(&answer[..], [Action::StopLease, Action::Move { .. }]), "{answer:?}");
}

/// Steps with everything that is said; the wall clock runs along.
fn told(bench: &mut Bench, event: Event) -> Vec<Action> {
    let now = Now { mono: Duration::from_secs(bench.secs), wall: i64::try_from(bench.secs).unwrap() };
    bench.machine.step(now, event)
}

/// Failed once.
fn failed(turn: Option<(&str, u64)>) -> StateView {
    let mut state = state("ralph", Status::Failed, turn);
    if let Some(turn) = &mut state.turn {
        turn.failures = 1;
    }
    state
}

fn facts(tip: u8, state: &StateView, relations: &[(u8, Relation)], resumed: bool) -> Facts {
    Facts {
        tip: commit(tip),
        state: AtTip::State(Arc::new(state.clone())),
        epoch: state.epoch(),
        resumed,
        relations: relations.iter().map(|(c, r)| (commit(*c), *r)).collect(),
        limit: None,
    }
}

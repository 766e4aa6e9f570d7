//! G17 on made histories: the legal ones, and each rule broken once.

use std::path::Path;

use git2::Oid;
use jiff::Timestamp;

use super::{Report, audit};
use crate::ids::RoleId;
use crate::state::{Event, Holder, NewTurn, State, Turn, transition};
use crate::sync::message::{PROTOCOL, StateMessage, Step, Trailers};
use crate::sync::worktree::{LineCommit, StateChange};

fn roles() -> Vec<RoleId> {
    ["galph", "ralph"].map(|r| RoleId::parse(r).unwrap()).to_vec()
}

/// A history that grows commit by commit.
struct Line {
    commits: Vec<LineCommit>,
    state: State,
    epoch: u64,
}

impl Line {
    fn new() -> Self {
        let state = State::initial(roles()[0].clone(), Timestamp::UNIX_EPOCH);
        let mut line = Self { commits: Vec::new(), state: state.clone(), epoch: 0 };
        line.person("Begin");
        line.put(state, Step::Init, &roles()[0].clone(), Trailers::default());
        line
    }

    fn commit(&mut self, message: String, state: StateChange) {
        let n = self.commits.len() + 1;
        let id = Oid::from_str(&format!("{n:040x}")).unwrap();
        self.commits.push(LineCommit { id, short: format!("c{n}"), message, at: 0, state });
    }

    fn person(&mut self, subject: &str) {
        self.commit(format!("{subject}\n"), StateChange::Same);
    }

    fn edit(&mut self, subject: &str, state: &State) {
        self.commit(format!("{subject}\n"), StateChange::Is(state.render(&roles()).into_bytes()));
        self.state = state.clone();
    }

    fn put(&mut self, state: State, step: Step, actor: &RoleId, trailers: Trailers) {
        let iteration = state.iteration;
        let message = StateMessage { step, actor: actor.clone(), iteration, trailers };
        self.commit(message.render(None), StateChange::Is(state.render(&roles()).into_bytes()));
        self.state = state;
    }

    fn apply(&self, event: Event) -> State {
        transition(&self.state, event, &roles(), Timestamp::UNIX_EPOCH).unwrap()
    }

    fn claimed(&self, role: &RoleId, id: &str, epoch: u64) -> State {
        let holder =
            Holder { host: "h".into(), boot: "b".into(), pid: 1, started: "s".into(), nonce: "n".into() };
        let turn = NewTurn { id: id.into(), epoch, holder, lease_secs: 600, lease_ref: None };
        let (role, prompt) = (role.clone(), None);
        match self.state.status {
            crate::state::Status::Running(_) => self.apply(Event::Reclaim { role, turn, prompt }),
            _ => self.apply(Event::Claim { role, turn, prompt }),
        }
    }

    fn claim(&mut self, role: &RoleId) {
        self.epoch += 1;
        let state = self.claimed(role, &format!("turn-{}", self.epoch), self.epoch);
        let trailers = of(state.turn.as_ref());
        self.put(state, Step::Running, role, trailers);
    }

    fn stamp(&mut self, role: &RoleId) {
        let commit = "abc1234".to_owned();
        let event = Event::Succeed { role: role.clone(), commit: Some(commit.clone()), prompt: None };
        let state = self.apply(event);
        let (next, trailers) = (state.expected_actor.clone(), of(state.turn.as_ref()));
        self.put(state, Step::Ok { next, commit }, role, trailers);
    }

    fn turn(&mut self, n: usize) {
        let role = roles()[n].clone();
        self.claim(&role);
        self.person("Work");
        self.stamp(&role);
    }

    fn report(&self) -> Report {
        audit(&self.commits, &roles(), Path::new("sync/state.json"))
    }

    /// The only problem.
    #[track_caller]
    fn wrong(&self, short: &str, words: &str) {
        let report = self.report();
        let found: Vec<String> =
            report.problems.iter().map(|p| format!("{} {}", self.commits[p.at].short, p.what)).collect();
        assert!(found.first().is_some_and(|p| p.starts_with(short) && p.contains(words)), "{found:#?}");
        assert!(report.problems.iter().all(|p| p.at == report.problems[0].at), "told once: {found:#?}");
    }
}

fn of(turn: Option<&Turn>) -> Trailers {
    Trailers {
        turn_id: turn.map(|t| t.id.clone()),
        epoch: turn.map(|t| t.epoch),
        role: turn.map(|t| t.role.to_string()),
        orchestrator: Some(PROTOCOL),
        ..Trailers::default()
    }
}

/// Every event of T5, people's commits in between.
#[test]
fn a_legal_history_passes() {
    let mut line = Line::new();
    let [galph, ralph] = [roles()[0].clone(), roles()[1].clone()];
    line.turn(0);
    line.turn(1);
    line.claim(&galph);
    let failed = line.apply(Event::Fail { role: galph.clone(), commit: Some("f".into()), prompt: None });
    let trailers = of(failed.turn.as_ref());
    line.put(failed, Step::Fail { commit: "f".into() }, &galph, trailers);
    let resumed = line.apply(Event::Resume);
    line.put(resumed, Step::Resume, &galph, Trailers::default());
    line.claim(&galph);
    // A crash, a restart; then a release by command.
    line.claim(&galph);
    let released = line.apply(Event::Release { role: galph.clone() });
    line.epoch += 1;
    let trailers = of(released.turn.as_ref());
    line.put(released, Step::Released, &galph, trailers);
    line.turn(0);
    line.claim(&ralph);
    let given = line.apply(Event::Interrupt { role: ralph.clone() });
    let trailers = of(given.turn.as_ref());
    line.put(given, Step::Interrupted, &ralph, trailers);
    let stopped = line.apply(Event::Stop { reason: Some("enough".into()) });
    line.put(stopped, Step::Exit, &ralph, Trailers::default());
    let resumed = line.apply(Event::Resume);
    line.put(resumed, Step::Resume, &ralph, Trailers::default());
    let moved = line.apply(Event::StartActor { role: galph.clone() });
    line.put(moved, Step::StartActor, &galph, Trailers::default());
    line.turn(0);
    let report = line.report();
    assert_eq!(report.problems, []);
    assert_eq!(report.turns, 7);
}

/// T6: a stop that a turn carries along is no second step.
#[test]
fn a_stamp_may_carry_a_stop() {
    let mut line = Line::new();
    let galph = roles()[0].clone();
    line.claim(&galph);
    let event = Event::Succeed { role: galph.clone(), commit: Some("a".into()), prompt: None };
    line.state = line.apply(event);
    let state = line.apply(Event::Stop { reason: None });
    let (next, trailers) = (roles()[1].clone(), of(state.turn.as_ref()));
    line.put(state, Step::Ok { next, commit: "a".into() }, &galph, trailers);
    assert_eq!(line.report().problems, []);
}

/// G17: no turn, no trailers, and fields dropped in the middle.
#[test]
fn histories_of_the_earlier_orchestrator_pass() {
    let mut line = Line::new();
    let [galph, ralph] = [roles()[0].clone(), roles()[1].clone()];
    line.turn(0);
    line.turn(1);
    for (role, next) in [(&galph, &ralph), (&ralph, &galph)] {
        let mut state = line.claimed(role, "x", 0);
        state.turn = None;
        line.put(state, Step::Running, role, Trailers::default());
        line.person("Work");
        let commit = "abc1234".to_owned();
        let event = Event::Succeed { role: role.clone(), commit: Some(commit.clone()), prompt: None };
        let state = line.apply(event);
        line.put(state, Step::Ok { next: next.clone(), commit }, role, Trailers::default());
    }
    line.turn(0);
    assert_eq!(line.report().problems, []);
}

/// G4: an epoch that was counted from the state alone, after a peer had dropped the turn.
#[test]
fn an_epoch_that_does_not_grow_is_found() {
    let mut line = Line::new();
    line.turn(0);
    line.turn(1);
    let mut dropped = line.state.clone();
    dropped.turn = None;
    line.edit("tidy", &dropped);
    line.epoch = 0;
    let galph = roles()[0].clone();
    let state = line.claimed(&galph, "turn-new", 1);
    let trailers = of(state.turn.as_ref());
    line.put(state, Step::Running, &galph, trailers);
    line.wrong("c10", "epoch 1 does not grow: 2 was there before");
}

/// G1: a hand-off by somebody whose turn was taken over.
#[test]
fn a_hand_off_of_a_lost_turn_is_found() {
    let mut line = Line::new();
    let galph = roles()[0].clone();
    line.claim(&galph);
    let old = line.state.clone();
    line.claim(&galph);
    let now = std::mem::replace(&mut line.state, old);
    line.stamp(&galph);
    line.wrong("c5", "turn.id is turn-1, not turn-2");
    line.state = now;
}

#[test]
fn a_role_out_of_turn_is_found() {
    let mut line = Line::new();
    line.turn(0);
    let galph = roles()[0].clone();
    line.state.expected_actor = galph.clone();
    line.state.status = crate::state::Status::Waiting(galph.clone());
    line.claim(&galph);
    line.wrong("c6", "illegal transition: claim(galph)");
}

#[test]
fn what_the_subject_says_is_held_against_the_state() {
    let mut line = Line::new();
    let galph = roles()[0].clone();
    line.claim(&galph);
    let last = line.commits.last_mut().unwrap();
    last.message = last.message.replace("[SYNC i=1]", "[SYNC i=7]");
    line.wrong("c3", "the subject says iteration 7, the state 1");
    let last = line.commits.last_mut().unwrap();
    last.message = last.message.replace("i=7", "i=1").replace("Epoch: 1", "Epoch: 9");
    line.wrong("c3", "the trailer Epoch says 9, the state 1");
}

#[test]
fn a_second_turn_of_the_same_id_is_found() {
    let mut line = Line::new();
    line.turn(0);
    let ralph = roles()[1].clone();
    let state = line.claimed(&ralph, "turn-1", 2);
    let trailers = of(state.turn.as_ref());
    line.put(state, Step::Running, &ralph, trailers);
    line.wrong("c6", "turn turn-1 was claimed before, by c3");
}

/// A person may stop or resume in an editor; nobody may invent turns.
#[test]
fn edits_by_hand_are_told_apart() {
    let mut line = Line::new();
    line.turn(0);
    let stopped = line.apply(Event::Stop { reason: None });
    line.edit("Stop it", &stopped);
    assert_eq!(line.report().problems, []);
    let mut jumped = line.state.clone();
    jumped.iteration = 9;
    line.edit("Skip ahead", &jumped);
    line.wrong("c7", "changed by hand from iteration 1, ralph's turn");
    let mut gone = Line::new();
    gone.commit("Oops\n".into(), StateChange::Removed);
    gone.wrong("c3", "the state file was removed");
    let mut torn = Line::new();
    torn.commit("Oops\n".into(), StateChange::Is(b"{\"iteration\": \n".to_vec()));
    torn.wrong("c3", "the state cannot be read");
}

/// A workflow of today that does not know the roles of then.
#[test]
fn roles_of_an_older_workflow_are_understood() {
    let mut line = Line::new();
    line.turn(0);
    line.turn(1);
    let today = [RoleId::parse("planner").unwrap()];
    let report = audit(&line.commits, &today, Path::new("s"));
    assert_eq!(report.problems, []);
}

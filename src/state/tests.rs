use std::fs;
use std::path::Path;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::ids::RoleId;

fn roles(names: &[&str]) -> Vec<RoleId> {
    names.iter().map(|n| RoleId::parse(n).unwrap()).collect()
}

fn pair() -> Vec<RoleId> {
    roles(&["galph", "ralph"])
}

fn now() -> Timestamp {
    "2026-02-03T04:05:06Z".parse().unwrap()
}

fn parse(text: &str) -> Result<State, FieldProblem> {
    State::parse(text, &pair(), now())
}

fn new_turn(n: u64) -> NewTurn {
    let holder =
        Holder { host: "h".into(), boot: "b".into(), pid: 1, started: "s".into(), nonce: "n".into() };
    NewTurn { id: format!("turn-{n}"), epoch: n, holder, lease_secs: 600, lease_ref: None }
}

/// T2: files of a real deployment load as they are, and rewriting one unchanged changes nothing.
#[test]
fn recorded_states_round_trip_byte_for_byte() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/states");
    let mut seen = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let state = parse(&text).unwrap();
        assert_eq!(state.render(&pair()), text);
        seen += 1;
    }
    assert_eq!(seen, 8);
}

/// T2: missing fields take the defaults; the rewrite has every key in T1's order.
#[test]
fn an_empty_object_is_the_initial_state() {
    let state = parse("{}").unwrap();
    assert_eq!(state, State::initial(pair()[0].clone(), now()));
    insta::assert_snapshot!(state.render(&pair()));
}

/// T2: unknown fields stay where they are, with their text.
#[test]
fn unknown_fields_stay_in_place() {
    let text = "{\n  \"zeta\": 1.50,\n  \"iteration\": 3,\n  \"note\": {\"b\": [1,  2], \"a\": 1e400},\n  \"expected_actor\": \"ralph\",\n  \"status\": \"waiting-ralph\",\n  \"tester_commit\": \"abc\"\n}\n";
    let state = parse(text).unwrap();
    let written = state.render(&pair());
    assert!(written.starts_with("{\n  \"zeta\": 1.50,\n  \"iteration\": 3,\n  \"note\": {\"b\": [1,  2], \"a\": 1e400},\n  \"expected_actor\": \"ralph\",\n  \"status\": \"waiting-ralph\",\n  \"last_update\""), "{written}");
    assert!(written.contains("\"tester_commit\": \"abc\""), "{written}");
    assert_eq!(parse(&written).unwrap().render(&pair()), written);
}

/// T3: what is wrong is named with line and field.
#[test]
fn damage_is_named_with_its_place() {
    let cases: &[(&str, &str)] = &[
        ("", "the file is empty"),
        (" \n", "the file is empty"),
        ("{\n  \"iteration\": 1,\n}", ":3:1: not valid JSON: trailing comma"),
        ("{\n  \"iteration\": 1", ":2:16: not valid JSON: EOF while parsing an object"),
        ("\n[1]", ":2: not a JSON object"),
        ("{\n<<<<<<< HEAD\n  \"iteration\": 1,\n", ":2: merge conflict marker"),
        (
            "{\n  \"iteration\": \"x\"\n}",
            ":2: field `iteration`: expected a whole number from 1, found \"x\"",
        ),
        ("{\n  \"iteration\": 0\n}", ":2: field `iteration`: expected a whole number from 1, found 0"),
        ("{\n  \"iteration\": 1.5\n}", ":2: field `iteration`: expected a whole number from 1, found 1.5"),
        (
            "{\n\n  \"expected_actor\": \"bob\"\n}",
            ":3: field `expected_actor`: unknown role `bob` (the workflow has galph, ralph)",
        ),
        ("{\"status\": \"running-bob\"}", ":1: field `status`: unknown role `bob`"),
        ("{\"status\": \"dancing\"}", ":1: field `status`: unknown status `dancing`"),
        ("{\"status\": \"wa\\ting\"}", ":1: field `status`: unknown status `wa\\ting`"),
        ("{\"status\": \"running-\\u001b[2J\"}", "unknown role `\\u{1b}[2J` (the workflow"),
        ("{\"exit\": \"\u{9b}2J\"}", "found \"\\u{9b}2J\""),
        ("{\"last_update\": \"a\\nb\"}", "found \"a\\nb\""),
        ("{\"last_update\": \"yesterday\"}", "field `last_update`: expected a UTC time"),
        ("{\"exit\": \"yes\"}", "field `exit`: expected true or false, found \"yes\""),
        ("{\"galph_commit\": 7}", "field `galph_commit`: expected a commit id or null, found 7"),
        ("{\"turn\": {\"id\": 1}}", ":1: field `turn`: "),
        ("{\"iteration\": 1,\n\"iteration\": 2}", ":2: field `iteration`: stands twice"),
        ("{\"step_index\": 3}", ":1: field `step_index`"),
    ];
    for (text, expected) in cases {
        let problem = parse(text).unwrap_err();
        let shown = StateError::Bad { path: "state.json".into(), problem }.to_string();
        assert!(shown.contains(expected), "{text:?}: {shown}");
    }
}

/// T5, as a table: the whole life of two iterations.
#[test]
fn a_life_of_legal_transitions() {
    let (galph, ralph) = (pair()[0].clone(), pair()[1].clone());
    let step = |state: &State, event| transition(state, event, &pair(), now()).unwrap();
    let s = State::initial(galph.clone(), now());
    let s = step(&s, Event::Claim { role: galph.clone(), turn: new_turn(1), prompt: Some("p.md".into()) });
    assert_eq!((s.status.to_string(), s.epoch()), ("running-galph".into(), 1));
    assert_eq!(s.last_prompt_actor, Some(galph.clone()));
    let s = step(&s, Event::Succeed { role: galph.clone(), commit: Some("abc".into()), prompt: None });
    assert_eq!((s.iteration, s.status.to_string()), (1, "waiting-ralph".into()));
    assert_eq!(s.commits[&galph], "abc");
    assert_eq!(s.turn.as_ref().unwrap().holder, None);
    let s = step(&s, Event::Claim { role: ralph.clone(), turn: new_turn(2), prompt: None });
    let s = step(&s, Event::Fail { role: ralph.clone(), commit: None, prompt: None });
    assert_eq!((s.status.clone(), s.expected_actor.clone()), (Status::Failed, ralph.clone()));
    let s = step(&s, Event::Claim { role: ralph.clone(), turn: new_turn(3), prompt: None });
    assert_eq!(s.turn.as_ref().unwrap().failures, 1, "claims carry failures over");
    let s = step(&s, Event::Reclaim { role: ralph.clone(), turn: new_turn(4), prompt: None });
    let s = step(&s, Event::Interrupt { role: ralph.clone() });
    assert_eq!(s.status, Status::Waiting(ralph.clone()));
    let s = step(&s, Event::Claim { role: ralph.clone(), turn: new_turn(5), prompt: None });
    let s = step(&s, Event::Succeed { role: ralph, commit: Some("def".into()), prompt: None });
    assert_eq!((s.iteration, s.status.clone(), s.expected_actor.clone()), (2, Status::Complete, galph));
    assert_eq!(s.turn.as_ref().unwrap().failures, 0);
    let s = step(&s, Event::Stop { reason: Some("done".into()) });
    assert!(s.exits());
    let s = step(&s, Event::Resume);
    assert_eq!((s.exit, s.exit_reason), (None, None));
}

/// T5: everything that is not in the table is an error that names event and status.
#[test]
fn illegal_transitions_are_errors() {
    let (galph, ralph) = (pair()[0].clone(), pair()[1].clone());
    let idle = State::initial(galph.clone(), now());
    let refuse = |state: &State, event: Event| transition(state, event, &pair(), now()).unwrap_err();
    let claim = |role: &RoleId| Event::Claim { role: role.clone(), turn: new_turn(1), prompt: None };
    let shown = refuse(&idle, claim(&ralph)).to_string();
    assert_eq!(shown, "illegal transition: claim(ralph) while status is `idle` and it is galph's turn");
    refuse(&idle, Event::Reclaim { role: galph.clone(), turn: new_turn(1), prompt: None });
    for role in [&galph, &ralph] {
        refuse(&idle, Event::Succeed { role: role.clone(), commit: None, prompt: None });
        refuse(&idle, Event::Fail { role: role.clone(), commit: None, prompt: None });
        refuse(&idle, Event::Interrupt { role: role.clone() });
        refuse(&idle, Event::Release { role: role.clone() });
    }
    refuse(&idle, Event::StartActor { role: RoleId::parse("bob").unwrap() });
    let running = transition(&idle, claim(&galph), &pair(), now()).unwrap();
    refuse(&running, claim(&galph));
    let stopped = transition(&idle, Event::Stop { reason: None }, &pair(), now()).unwrap();
    assert!(refuse(&stopped, claim(&galph)).to_string().ends_with("(exit is set)"));
}

/// Cadence of turns for any number of roles: iteration grows once per round.
#[test]
fn three_roles_take_turns_in_order() {
    let three = roles(&["plan", "build", "test"]);
    let mut state = State::initial(three[0].clone(), now());
    let mut order = Vec::new();
    for n in 0..7 {
        let role = state.expected_actor.clone();
        let claim = Event::Claim { role: role.clone(), turn: new_turn(n), prompt: None };
        state = transition(&state, claim, &three, now()).unwrap();
        order.push((state.iteration, role.to_string()));
        let done = Event::Succeed { role, commit: None, prompt: None };
        state = transition(&state, done, &three, now()).unwrap();
    }
    let expected =
        [(1, "plan"), (1, "build"), (1, "test"), (2, "plan"), (2, "build"), (2, "test"), (3, "plan")];
    assert_eq!(order, expected.map(|(i, r)| (i, r.to_owned())));
}

/// T4: the temporary file is gone after a write, and a second write replaces the first.
#[test]
fn durable_writes_replace_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deep/state.json");
    file::write_durably(&path, b"one").unwrap();
    file::write_durably(&path, b"two").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"two");
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
}

/// T3: too large a file is refused by its size, whatever it holds.
#[test]
fn a_two_mebibyte_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.json");
    fs::write(&path, vec![b' '; 2 << 20]).unwrap();
    let error = file::read(&path, &pair(), now()).unwrap_err().to_string();
    assert!(error.ends_with("2097152 bytes, more than the limit of 1 MiB"), "{error}");
    assert!(matches!(file::read(&dir.path().join("none"), &pair(), now()), Err(StateError::Missing { .. })));
}

proptest! {
    /// Any text is read or refused; it never panics.
    #[test]
    fn garbage_never_panics(text in "\\PC*") {
        let _ = parse(&text);
    }

    /// T2: unknown fields survive any number of rewrites, at any place.
    #[test]
    fn unknown_fields_survive(
        keys in proptest::collection::btree_map("[x-z][a-z ]{0,6}", any::<i64>(), 0..6),
        iteration in 1u64..1_000_000,
        known_first in any::<bool>(),
    ) {
        let mut pairs: Vec<String> =
            keys.iter().map(|(k, v)| format!("{}: {v}", serde_json::Value::from(k.as_str()))).collect();
        let ours = format!("\"iteration\": {iteration}");
        if known_first { pairs.insert(0, ours) } else { pairs.push(ours) }
        let state = parse(&format!("{{{}}}", pairs.join(","))).unwrap();
        let written = state.render(&pair());
        let again = parse(&written).unwrap();
        prop_assert_eq!(&again.render(&pair()), &written);
        let value: serde_json::Value = serde_json::from_str(&written).unwrap();
        prop_assert_eq!(value["iteration"].as_u64(), Some(iteration));
        for (k, v) in &keys {
            prop_assert_eq!(value[k].as_i64(), Some(*v));
        }
    }
}

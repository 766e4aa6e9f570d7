//! Single values of transitions and of the file's form.

use jiff::Timestamp;

use super::*;
use crate::ids::RoleId;

fn role(name: &str) -> RoleId {
    RoleId::parse(name).unwrap()
}

fn pair() -> Vec<RoleId> {
    vec![role("galph"), role("ralph")]
}

fn now() -> Timestamp {
    "2026-02-03T04:05:06Z".parse().unwrap()
}

/// T6: a resume frees a failed turn for its role, and leaves every other status as it is.
#[test]
fn a_resume_changes_no_other_status() {
    let state = |status: Status| State { status, exit: Some(true), ..State::initial(role("ralph"), now()) };
    for (before, after) in [
        (Status::Failed, Status::Waiting(role("ralph"))),
        (Status::Idle, Status::Idle),
        (Status::Complete, Status::Complete),
        (Status::Running(role("ralph")), Status::Running(role("ralph"))),
        (Status::Waiting(role("ralph")), Status::Waiting(role("ralph"))),
    ] {
        let next = transition(&state(before), Event::Resume, &pair(), now()).unwrap();
        assert_eq!((next.status, next.exit), (after, None));
    }
}

/// T1: a counter may be as large as a number that JSON readers keep exactly, and no larger.
#[test]
fn counters_have_a_largest_value() {
    let read = |n: u64| State::parse(&format!("{{\"iteration\": {n}}}"), &pair(), now());
    assert_eq!(read((1 << 53) - 1).unwrap().iteration, (1 << 53) - 1);
    assert_eq!(read(1 << 53).unwrap().iteration, 1 << 53);
    let refused = read((1 << 53) + 1).unwrap_err().to_string();
    assert!(refused.contains("more than the limit of 9007199254740992"), "{refused}");
}

/// T1: the keys that may be absent: written when they say something, or where they stood and something hangs on them.
#[test]
fn optional_keys_are_written_when_they_say_something() {
    let keys = |text: &str| {
        let written = State::parse(text, &pair(), now()).unwrap().render(&pair());
        ["exit", "exit_reason", "turn"]
            .into_iter()
            .filter(|k| written.contains(&format!("\"{k}\":")))
            .collect::<Vec<_>>()
    };
    for (found, written) in [
        ("", vec![]),
        (r#", "exit_reason": null"#, vec![]),
        (r#", "exit": true"#, vec!["exit"]),
        (r#", "exit": true, "exit_reason": null"#, vec!["exit", "exit_reason"]),
        (r#", "exit": true, "exit_reason": "done""#, vec!["exit", "exit_reason"]),
        (r#", "exit_reason": "done""#, vec!["exit_reason"]),
        (r#", "turn": null"#, vec!["turn"]),
    ] {
        assert_eq!(keys(&format!("{{\"iteration\": 1{found}}}")), written, "{found}");
    }
}

/// T1: an error tells place, field, what was expected and what was found, shortened only where it is long.
#[test]
fn what_is_wrong_is_told_to_the_point() {
    let told = |text: &str| match State::parse(text, &pair(), now()).unwrap_err() {
        FieldProblem::Field { line, field, message } => format!("{line} {field}: {message}"),
        FieldProblem::NotAnObject { line } => format!("{line} no object"),
        FieldProblem::Syntax { line, column, message } => format!("{line}:{column} {message}"),
        other => panic!("{other:?}"),
    };
    let (forty, more) = ("x".repeat(40), "x".repeat(41));
    let cut = format!("{}...", "x".repeat(37));
    for (text, wanted) in [
        ("\n\n [1]".to_owned(), "3 no object".to_owned()),
        ("{\n\"iteration\": 0}".into(), "2 iteration: expected a whole number from 1, found 0".into()),
        (
            "{\n\"iteration\": [ 1,\n 2 ]}".into(),
            "2 iteration: expected a whole number from 1, found [ 1, 2 ]".into(),
        ),
        (format!("{{\n\n\"status\": \"{forty}\"}}"), format!("3 status: unknown status `{forty}`")),
        (format!("{{\n\n\"status\": \"{more}\"}}"), format!("3 status: unknown status `{cut}`")),
        (
            "{\n\"status\": \"running-x\"}".into(),
            "2 status: unknown role `x` (the workflow has galph, ralph)".into(),
        ),
        (
            "{\n\"last_update\": \"soon\"}".into(),
            "2 last_update: expected a UTC time such as 2026-01-22T02:41:52Z, found \"soon\"".into(),
        ),
        ("{\"exit\": 1,\n \"exit\": 2}".into(), "2 exit: stands twice".into()),
        ("{\n\"iteration\" 1}".into(), "2:13 expected `:`".into()),
    ] {
        assert_eq!(told(&text), wanted, "{text}");
    }
}

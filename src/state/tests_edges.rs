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

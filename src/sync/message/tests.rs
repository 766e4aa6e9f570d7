use super::*;

fn role(name: &str) -> RoleId {
    RoleId::parse(name).unwrap()
}

fn message(step: Step, actor: &str, iteration: u64) -> StateMessage {
    StateMessage { step, actor: role(actor), iteration, trailers: Trailers::default() }
}

/// G5: the subjects, exactly, both ways.
#[test]
fn subjects_are_exact_and_read_back() {
    let ok = |next: &str| Step::Ok { next: role(next), commit: "abc1234".into() };
    let fail = Step::Fail { commit: "abc1234".into() };
    let table = [
        (message(Step::Init, "galph", 1), "[SYNC init] actor=galph status=idle"),
        (message(Step::Running, "galph", 17), "[SYNC i=17] actor=galph status=running"),
        (
            message(ok("ralph"), "galph", 17),
            "[SYNC i=17] actor=galph → next=ralph status=ok galph_commit=abc1234",
        ),
        (
            message(ok("galph"), "ralph", 18),
            "[SYNC i=18] actor=ralph → next=galph status=ok ralph_commit=abc1234",
        ),
        (message(fail, "ralph", 17), "[SYNC i=17] actor=ralph status=fail ralph_commit=abc1234"),
        (message(Step::Released, "ralph", 17), "[SYNC i=17] actor=ralph status=released"),
        (message(Step::Interrupted, "ralph", 17), "[SYNC i=17] actor=ralph status=interrupted"),
        (message(Step::Exit, "galph", 17), "[SYNC i=17] actor=galph exit=true"),
        (message(Step::Resume, "galph", 17), "[SYNC i=17] actor=galph resume"),
        (message(Step::StartActor, "galph", 17), "[SYNC i=17] actor=galph start-actor"),
    ];
    for (message, text) in table {
        assert_eq!(message.subject(), text);
        assert_eq!(message.render(None), format!("{text}\n"));
        assert_eq!(message.render(Some("[skip ci]")), format!("{text} [skip ci]\n"));
        assert_eq!(StateMessage::parse(&message.render(None)).as_ref(), Some(&message));
        assert_eq!(StateMessage::parse(&message.render(Some("[skip ci]"))).as_ref(), Some(&message));
    }
}

#[test]
fn other_subjects_are_no_state_commits() {
    for other in [
        "",
        "Fix a bug",
        "[SYNC]",
        "[SYNC i=x] actor=galph status=running",
        "[SYNC i=1] status=running",
        "[SYNC i=1] actor=Galph status=running",
        "[SYNC i=1] actor=galph status=sideways",
        "[SYNC i=1] actor=galph status=ok",
        "[SYNC i=1] actor=galph",
    ] {
        assert_eq!(StateMessage::parse(other), None, "{other}");
    }
}

/// G5: every trailer, and the form git itself reads.
#[test]
fn trailers_read_back() {
    let trailers = Trailers {
        turn_id: Some("0198".into()),
        epoch: Some(42),
        role: Some("ralph".into()),
        prompt: Some(("main loop.md".into(), "ab12".into())),
        agent: Some("claude".into()),
        exit: Some("0".into()),
        reason: Some("agent failed".into()),
        checks: Some((2, 3)),
        duration: Some(Duration::from_secs(252)),
        tokens: Some(123_456),
        cost: Some(0.42),
        orchestrator: Some(PROTOCOL),
    };
    let mut whole = message(Step::Running, "ralph", 3);
    whole.trailers = trailers;
    let text = whole.render(None);
    insta::assert_snapshot!(text);
    assert_eq!(StateMessage::parse(&text), Some(whole));
}

/// A reason comes out of an agent: it cannot write trailers or swamp the message.
#[test]
fn a_reason_stays_one_bounded_line() {
    let mut hostile = message(Step::Fail { commit: "abc1234".into() }, "ralph", 3);
    hostile.trailers.epoch = Some(3);
    hostile.trailers.reason = Some(format!("no\nEpoch: 99\r\n\n\u{1b}[31m{}", "x".repeat(10_000)));
    let text = hostile.render(None);
    assert!(text.len() < 600);
    let read = StateMessage::parse(&text).unwrap();
    assert_eq!(read.trailers.epoch, Some(3));
    assert_eq!(text.matches("\nEpoch:").count(), 1);
}

/// T24.
#[test]
fn automatic_commits_say_what_they_hold() {
    let auto = |group, who: &str, prompt: Option<&str>, tests| AutoMessage {
        group,
        who: auto_name(&role(who)),
        prompt: prompt.map(str::to_owned),
        iteration: 17,
        tests,
    };
    let table = [
        (
            auto(Group::Reports, "galph", Some("supervisor.md"), None),
            "SUPERVISOR AUTO (prompt=supervisor.md) (iter=00017): reports evidence — tests: not run",
        ),
        (
            auto(Group::Tracked, "ralph", Some("main.md"), Some((2, 3))),
            "RALPH AUTO (prompt=main.md) (iter=00017): tracked outputs — tests: passed 2/3",
        ),
        (
            auto(Group::Docs, "qa", Some("qa.md"), None),
            "QA AUTO (prompt=qa.md) (iter=00017): doc/meta hygiene — tests: not run",
        ),
        (
            auto(Group::Work, "ralph", Some("main.md"), None),
            "RALPH AUTO (prompt=main.md) (iter=00017): work left uncommitted — tests: not run",
        ),
        (auto(Group::Steering, "ralph", None, None), "RALPH AUTO (iter=00017): steering"),
    ];
    for (message, subject) in table {
        let files = ["a b.md".to_owned(), "\"x\\ny\"".to_owned()];
        let text = message.render(&files, None);
        assert_eq!(text, format!("{subject}\n\nFiles:\n - a b.md\n - \"x\\ny\"\n"));
        assert_eq!(AutoMessage::parse(&text).as_ref(), Some(&message));
        let with_suffix = message.render(&files, Some("[skip ci]"));
        assert_eq!(AutoMessage::parse(&with_suffix).as_ref(), Some(&message));
    }
    assert_eq!(AutoMessage::parse("Improve AUTO mode"), None);
}

//! T30: what was printed, found again.

use std::fs;

use serde_json::Value;

use crate::cli::project::{Project, wait_until};

/// Two iterations whose agents say who they are.
fn ran() -> Project {
    let p = Project::git();
    p.prompt("supervisor", "echo plan $ORCHESTRATOR_ITERATION");
    p.prompt("main", "echo work $ORCHESTRATOR_ITERATION; echo 'a ]]> b'");
    p.run_git(&["commit", "-q", "-a", "-m", "Prompts"]);
    p.run(&["--sync-loops", "2"]).expect(0);
    p
}

/// The roles and iterations that were shown, in their order.
fn shown(out: &str) -> Vec<String> {
    let heads = out.lines().filter_map(|l| l.strip_prefix("==> ")?.strip_suffix(" <=="));
    heads
        .map(|path| {
            let parts: Vec<&str> = path.split('/').collect();
            format!("{}{}", parts[2].trim_end_matches("-summaries"), &parts[3][9..10])
        })
        .collect()
}

#[test]
fn by_iteration_role_and_number() {
    let p = ran();
    let show = |args: &[&str]| p.run(&[&["logs"], args].concat()).expect(0).out;
    let last = show(&[]);
    assert_eq!(shown(&last), ["galph2", "ralph2"]);
    assert!(last.contains("plan 2\n") && last.contains("work 2\na ]]> b\n"), "{last}");
    assert!(!last.contains("plan 1"), "{last}");
    assert_eq!(shown(&show(&["-n", "9"])), ["galph1", "galph2", "ralph1", "ralph2"]);
    assert_eq!(shown(&show(&["-n", "9", "--interleave"])), ["galph1", "ralph1", "galph2", "ralph2"]);
    assert_eq!(shown(&show(&["--iter", "1..1"])), ["galph1", "ralph1"]);
    assert_eq!(shown(&show(&["--iter", "2..", "--role", "ralph"])), ["ralph2"]);
    let summaries = show(&["--source", "summaries", "--role", "galph"]);
    assert_eq!(shown(&summaries), ["galph2"]);
    assert!(summaries.contains("## Final message"), "{summaries}");
}

#[test]
fn as_documents_with_the_commit_of_each_turn() {
    let p = ran();
    let out = p.run(&["logs", "--iter", "1", "--format", "json"]).expect(0).out;
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&json["version"], &json["count"], &json["prefix"]), (&1.into(), &2.into(), &"work".into()));
    let first = &json["logs"][0];
    assert_eq!(
        (&first["role"], &first["iter"], &first["format"]),
        (&"galph".into(), &1.into(), &"text".into())
    );
    let subject = first["commit_subject"].as_str().unwrap();
    assert!(subject.starts_with("[SYNC i=1] actor=galph → next=ralph status=ok"), "{subject}");
    let full = p.run_git(&["log", "-1", "--format=%s", first["commit"].as_str().unwrap()]);
    assert_eq!(full, subject);
    let summary = p.run(&["logs", "--iter", "1", "--source", "summaries", "--format", "json"]).expect(0).out;
    let json: Value = serde_json::from_str(&summary).unwrap();
    assert_eq!(json["logs"][0]["commit_subject"], subject, "a summary finds its turn through its log");
    let xml = p.run(&["logs", "--format", "xml", "--role", "ralph"]).expect(0).out;
    assert!(xml.contains("<logs prefix=\"work\" count=\"1\" source=\"logs\">\n"), "{xml}");
    assert!(xml.contains("a ]]]]><![CDATA[> b\n"), "{xml}");
    assert!(xml.contains("commit_subject=\"[SYNC i=3] actor=ralph → next=galph status=ok"), "{xml}");
}

#[test]
fn what_is_not_there_is_said_with_what_is() {
    let p = Project::git();
    let ran = p.run(&["logs"]).expect(2);
    assert!(ran.err.contains("hint: they are made by the first run"), "{}", ran.err);
    p.run(&["--once"]).expect(0);
    let ran = p.run(&["logs", "--role", "bob"]).expect(2);
    assert!(
        ran.err.contains("`bob` is not a role") && ran.err.contains("one of galph, ralph"),
        "{}",
        ran.err
    );
    p.run(&["logs", "--iter", "7..3"]).expect(2);
    assert!(p.run(&["logs", "--iter", "7.."]).expect(2).err.contains("fits"));
    let ran = p.run(&["logs", "--branch", "other"]).expect(2);
    assert!(ran.err.contains("orchestrator logs --branch work"), "{}", ran.err);
}

/// `-f` shows what is printed while it is printed, goes on with the next turn, and ends with the loop.
#[test]
fn follow_ends_with_the_loop() {
    let p = Project::git();
    p.prompt("supervisor", "echo one; while ! test -e go; do sleep 0.02; done; rm go; echo two");
    p.prompt("main", "echo three");
    p.run_git(&["commit", "-q", "-a", "-m", "Prompts"]);
    let child = p.start(&["--once"]);
    let log = p.path("logs/work/galph/latest.log");
    wait_until("the first line", || fs::read_to_string(&log).is_ok_and(|t| t.contains("\none\n")));
    let out = p.path("followed");
    let file = fs::File::create(&out).unwrap();
    let mut follower = p.command(&["logs", "-f"]).stdout(file).spawn().unwrap();
    wait_until("what was printed before", || p.read("followed").contains("\none\n"));
    p.write("go", "");
    assert!(child.wait_with_output().unwrap().status.success());
    wait_until("the end", || follower.try_wait().unwrap().is_some());
    let text = p.read("followed");
    assert_eq!(shown(&text), ["galph1", "ralph1"]);
    assert!(text.contains("\ntwo\n") && text.contains("\nthree\n"), "{text}");
}

//! G17 over real histories.

use super::clones::Clones;

const PLAN: &str = "echo plan >> plan.txt; git add plan.txt; git commit -q -m Plan";

#[test]
fn a_history_is_judged_and_the_first_wrong_commit_named() {
    let clones = Clones::new(PLAN, "echo done >> done.txt");
    let none = clones.run("galph", &["audit"]).expect(2);
    assert!(none.err.contains("ever had sync/state.json\nhint: orchestrator init"), "{}", none.err);
    for _ in 0..2 {
        clones.turn("galph", 0);
        clones.turn("ralph", 0);
    }
    let good = clones.run("galph", &["audit", "--remote"]).expect(0);
    assert!(good.out.ends_with("every step is legal\n"), "{}", good.out);
    assert!(good.out.contains("[SYNC i=1] actor=galph status=running  epoch 1\n"), "{}", good.out);
    assert!(good.out.contains("… 1 of work\n"), "{}", good.out);
    let value = clones.json("ralph", &["audit", "--format", "json"], 0);
    assert_eq!((value["turns"].clone(), value["ok"].clone()), (4.into(), true.into()));

    // Somebody skips iterations by hand; others go on, and it stays the first wrong commit.
    let state = std::fs::read_to_string(clones.top("ralph").join("sync/state.json")).unwrap();
    clones.write("ralph", "sync/state.json", &state.replace("\"iteration\": 3", "\"iteration\": 9"));
    clones.git("ralph", &["commit", "-q", "-a", "-m", "Skip ahead"]);
    clones.git("ralph", &["push", "-q"]);
    clones.turn("galph", 0);
    let bad = clones.git("ralph", &["rev-parse", "HEAD"]);
    let ran = clones.run("galph", &["audit"]).expect(3);
    assert!(ran.err.contains(&format!("the first wrong commit is {}", &bad[..7])), "{}", ran.err);
    assert!(ran.err.contains("changed by hand from iteration 3"), "{}", ran.err);
    assert!(ran.out.lines().any(|l| l.starts_with('!') && l.contains("Skip ahead")), "{}", ran.out);
    let value = clones.json("galph", &["audit", "--format", "json"], 3);
    assert_eq!(value["first_wrong_commit"], bad.as_str());
    assert_eq!((value["reason"].clone(), value["problems"].as_array().unwrap().len()), ("audit".into(), 1));
}

/// T2, G17: a project that the earlier orchestrator began, with its subjects and no trailers.
#[test]
fn a_history_that_the_earlier_orchestrator_began_passes() {
    let clones = Clones::new("true", "true");
    clones.write("galph", "sync/state.json", include_str!("../../../fixtures/states/019.json"));
    clones.git("galph", &["add", "-f", "sync"]);
    let begun = "[SYNC i=10] actor=ralph → next=galph status=ok ralph_commit=0000000";
    clones.git("galph", &["commit", "-q", "-m", begun]);
    clones.git("galph", &["push", "-q"]);
    let role = clones.state()["expected_actor"].as_str().unwrap().to_owned();
    clones.turn(&role, 0);
    let ran = clones.run(&role, &["audit"]);
    let ran = ran.expect(0);
    assert!(ran.out.contains("every step is legal"), "{}", ran.out);
}

/// T14: one box has the same history and audit as many, failures and stops included.
#[test]
fn combined_mode_passes_too() {
    let clones = Clones::new("true", "test -e mended || exit 7");
    clones.run("galph", &["init"]).expect(0);
    clones.git("galph", &["add", "-A"]);
    clones.git("galph", &["commit", "-q", "-m", "State"]);
    clones.run("galph", &["--once"]).expect(3);
    clones.run("galph", &["stop", "--reason", "look"]).expect(0);
    clones.run("galph", &["resume"]).expect(0);
    clones.write("galph", "mended", "");
    clones.run("galph", &["--sync-loops", "2"]).expect(0);
    let ran = clones.run("galph", &["audit"]).expect(0);
    assert!(ran.out.contains("actor=ralph status=fail"), "{}", ran.out);
    let recap = clones.json("galph", &["recap", "--format", "json"], 0);
    assert_eq!((recap["ok"].clone(), recap["failed"].clone()), (4.into(), 1.into()), "{recap:#}");
}

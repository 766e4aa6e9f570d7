//! `stop` and `resume` between machines (turns.md T6).

use super::ground::{Ground, wait_until};

/// During galph's turn, on galph's machine: the turn is ended and published with the reason, both loops end with 0
/// before their next turn, and a resume lets them go on.
#[test]
fn a_stop_during_a_turn_ends_both_loops_with_its_reason() {
    let turn =
        "echo x >> ../begun; while [ ! -e ../go ]; do sleep 0.02; done; git commit -q --allow-empty -m Plan";
    let ground = Ground::new("", turn, "echo x >> ../ran");
    let galph = ground.start("galph", "galph", &[]);
    wait_until("galph's turn", || ground.path("begun").exists());
    let ralph = ground.start("ralph", "ralph", &[]);
    ground.run("galph", &["stop", "--reason", "lunch"]).expect(0);
    ground.write("go", "");
    let ended = galph.end().expect(0);
    ended.says("lunch");
    let other = ralph.end().expect(0);
    other.says("exit was set by orchestrator");
    other.says("lunch");
    other.says("orchestrator resume");
    let state = ground.state();
    assert_eq!((&state["exit"], &state["exit_reason"]), (&true.into(), &"lunch".into()));
    assert_eq!(ground.brief(), "1 ralph waiting-ralph", "the turn was published");
    let subjects = ground.subjects();
    assert!(
        subjects.last().unwrap().starts_with("[SYNC i=1] actor=galph → next=ralph status=ok"),
        "one commit"
    );
    assert_eq!((ground.read("ran"), ground.read("begun")), (String::new(), "x\n".to_owned()));
    assert!(!ground.path("galph/.orchestrator/stop-request.json").exists());
    // A start finds it, says why, and takes no turn.
    let again = ground.turn("ralph", &[]).expect(0);
    again.says("lunch");
    ground.run("ralph", &["resume", "--note", "back again"]).expect(0);
    let resume = ground.git("bare", &["log", "-1", "--format=%B", "work"]);
    assert!(
        resume.starts_with("[SYNC i=1] actor=ralph resume\n") && resume.contains("Reason: back again"),
        "{resume}"
    );
    ground.turn("ralph", &["--once"]).expect(0);
    assert_eq!(ground.brief(), "2 galph complete");
}

/// While both wait for nobody: the loop that is asked publishes the stop at once, with its reason.
#[test]
fn a_stop_while_waiting_is_published_at_once() {
    let ground = Ground::new("", "true", "true");
    ground.turn("galph", &["--once"]).expect(0);
    let waiting = ground.start("galph", "galph", &[]);
    wait_until("galph's wait", || waiting.printed().contains("galph waits"));
    ground.run("galph", &["stop", "--reason", "night"]).expect(0);
    waiting.end().expect(0).says("night");
    assert_eq!(ground.subjects().last().unwrap(), "[SYNC i=1] actor=ralph exit=true");
    assert_eq!(ground.state()["exit_reason"], "night");
    let trailers = ground.git("bare", &["log", "-1", "--format=%B", "work"]);
    assert!(trailers.contains("Reason: night"), "{trailers}");
}

/// A request that a dead loop never saw is taken by the next start, before any turn.
#[test]
fn a_request_that_waits_on_disk_comes_before_the_first_turn() {
    let ground = Ground::new("", "echo x >> ../ran", "true");
    ground.write(
        "galph/.orchestrator/stop-request.json",
        r#"{"reason":"left behind","at":"2026-01-01T00:00:00Z","role":null,"turn_id":null}"#,
    );
    ground.turn("galph", &["--once"]).expect(0);
    assert!(!ground.path("ran").exists(), "no turn after a stop");
}

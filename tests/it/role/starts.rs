//! How a start behaves when it is not simply its turn (turns.md T11, T19 to T21).

use super::ground::{Ground, wait_until};

/// T20: under `--if-turn` and `--stop-on-failure` a failed turn is one line and exit 3, again and again, and is never
/// claimed; a start by hand claims it.
#[test]
fn a_failed_turn_is_not_repeated_unasked() {
    let ground = Ground::new("", "echo x >> ../tries; exit 7", "true");
    ground.turn("galph", &["--if-turn"]).expect(3);
    let failed = ground.subjects();
    for flag in ["--if-turn", "--stop-on-failure", "--if-turn"] {
        let ran = ground.turn("galph", &[flag]).expect(3);
        ran.says("a turn has failed");
        ran.says("orchestrator resume");
    }
    // The other role sees it too: a timer has nothing to do, a loop that is told to stop does.
    ground.turn("ralph", &["--if-turn"]).expect(0);
    ground.turn("ralph", &["--stop-on-failure"]).expect(3);
    assert_eq!((ground.subjects(), ground.read("tries").as_str()), (failed, "x\n"));
    ground.turn("galph", &[]).expect(3);
    assert_eq!(ground.read("tries"), "x\nx\n", "once by hand, and no more");
    // Who asks again gets another try, also from a timer.
    ground.run("ralph", &["resume"]).expect(0);
    ground.turn("galph", &["--if-turn"]).expect(3);
    assert_eq!(ground.read("tries"), "x\nx\nx\n");
}

/// T20: so many failures in a row are taken again without being asked, counted in the state.
#[test]
fn retry_failed_bounds_the_retries() {
    let sync = "sync: {poll_interval: 0.02, retry_secs: 20, retry_failed: 2}\n";
    let ground = Ground::new(sync, "echo x >> ../tries; exit 7", "true");
    for _ in 0..5 {
        ground.turn("galph", &["--if-turn"]).expect(3);
    }
    assert_eq!(ground.read("tries"), "x\nx\nx\n", "the first and two more");
    assert_eq!(ground.state()["turn"]["failures"], 3);
}

/// T19: a loop that waits says role, reason and log of a failed turn once, and goes on waiting.
#[test]
fn a_waiting_role_says_what_failed() {
    let ground = Ground::new(
        "sync: {poll_interval: 0.02, heartbeat_secs: 600}\n",
        "if [ -e ../ok ]; then exit 0; fi; exit 7",
        "true",
    );
    ground.turn("galph", &["--once"]).expect(3);
    let ralph = ground.start("ralph", "ralph", &["--once"]);
    let words = "galph's turn (iteration 1) has failed: exit status 7";
    wait_until("the word", || ralph.printed().contains(words));
    assert!(ralph.printed().contains("; log on host "), "{}", ralph.printed());
    assert!(ralph.printed().contains("logs/work/galph/latest.log"), "{}", ralph.printed());
    ground.write("ok", "");
    ground.turn("galph", &["--once"]).expect(0);
    let ended = ralph.end().expect(0);
    assert_eq!(ended.out.matches("has failed").count() + ended.err.matches("has failed").count(), 1);
}

/// T19: a bounded wait ends with 6, and says what was waited for.
#[test]
fn a_wait_has_its_limit() {
    let ground = Ground::new("", "true", "true");
    ground.turn("galph", &["--once"]).expect(0);
    let ran = ground.turn("galph", &["--max-wait-sec", "0.3"]).expect(6);
    ran.says("it is ralph's turn (iteration 1), not begun yet");
    ran.says("wait any longer for a turn");
}

/// T21: another branch, or none, is refused before anything; publishing names the branch.
#[test]
fn the_branch_guard_comes_first() {
    let ground = Ground::new("", "true", "true");
    let before = ground.subjects();
    ground.turn("galph", &["--once", "--branch", "main"]).expect(4).says("work");
    ground.git("galph", &["checkout", "-q", "--detach"]);
    ground.turn("galph", &["--once", "--branch", "work"]).expect(4);
    ground.turn("galph", &["--once"]).expect(4).says("detached");
    assert_eq!(ground.subjects(), before);
    ground.git("galph", &["checkout", "-q", "work"]);
    ground.git("galph", &["config", "push.default", "nothing"]);
    ground.turn("galph", &["--once", "--branch", "work"]).expect(0);
    assert_eq!(ground.brief(), "1 ralph waiting-ralph");
}

/// T20a: a second start names the first; from a timer it has nothing to do.
#[test]
fn one_loop_a_clone() {
    let ground = Ground::new("", "touch ../begun; while [ ! -e ../go ]; do sleep 0.02; done", "true");
    let first = ground.start("galph", "galph", &["--once"]);
    wait_until("the turn", || ground.path("begun").exists());
    ground.turn("galph", &["--once"]).expect(4).says(&format!("pid {}", first.pid()));
    ground.turn("galph", &["--if-turn"]).expect(0);
    ground.write("go", "");
    first.end().expect(0);
}

/// T11: the claim holds the prompt that the rules chose.
#[test]
fn the_claim_stores_the_prompt() {
    let ground = Ground::new("router: {enabled: true, review_every_n: 1}\n", "true", "true");
    ground.write("galph/prompts/reviewer.md", &super::ground::block("touch ../reviewed"));
    ground.git("galph", &["add", "-A"]);
    ground.git("galph", &["commit", "-q", "-m", "Review"]);
    ground.turn("galph", &["--once"]).expect(0);
    assert!(ground.path("reviewed").exists());
    let at = |rev: &str| -> serde_json::Value {
        let text = ground.git("bare", &["show", &format!("{rev}:sync/state.json")]);
        serde_json::from_str(&text).unwrap()
    };
    let claim = at("work~1");
    assert_eq!(claim["status"], "running-galph");
    assert_eq!(
        (&claim["last_prompt"], &claim["last_prompt_actor"]),
        (&"reviewer.md".into(), &"galph".into())
    );
}

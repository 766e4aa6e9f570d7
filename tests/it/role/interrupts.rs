//! What an interrupted or scoped turn leaves in role mode (turns.md T7a, T23, T36).

use rustix::process::Signal;

use super::ground::{Ground, wait_until};

/// T36: the agent is ended, its commits are published with the stamp, its files stay and are its own at the retry.
#[test]
fn a_signal_gives_the_turn_back_with_its_commits() {
    let turn = "if [ -e ../again ]; then test -e left.txt; exit 0; fi; touch ../again\n\
        git commit -q --allow-empty -m Kept; echo open > left.txt; touch ../begun; sleep 60";
    let ground = Ground::new("", "true", turn);
    ground.turn("galph", &["--once"]).expect(0);
    let ralph = ground.start("ralph", "ralph", &[]);
    wait_until("the turn", || ground.path("begun").exists());
    ralph.signal(Signal::TERM);
    ralph.end().expect(143);
    let subjects = ground.subjects();
    let n = subjects.len();
    assert_eq!(subjects[n - 2..], ["Kept", "[SYNC i=1] actor=ralph status=interrupted"]);
    assert_eq!(ground.brief(), "1 ralph waiting-ralph");
    ground.turn("ralph", &["--once"]).expect(0);
    assert_eq!(ground.git("bare", &["show", "work:left.txt"]), "open", "committed by the retry");
}

/// T23: the first role hands nothing off that it left dirty, unless it may.
#[test]
fn a_dirty_supervisor_hands_nothing_off() {
    let ground = Ground::new("", "echo x > notes.txt", "true");
    let ran = ground.turn("galph", &["--once"]).expect(3);
    ran.says("notes.txt");
    assert_eq!(ground.brief(), "1 galph failed");
    ground.turn("galph", &["--once", "--tolerate-doc-dirty"]).expect(0);
    assert_eq!(ground.brief(), "1 ralph waiting-ralph");
}

/// T7a with T36: commits outside the scope are not published by an interrupt either.
#[test]
fn an_interrupted_turn_publishes_nothing_outside_its_scope() {
    let scoped = "workflow: {steps: [{role: galph, prompt: supervisor.md, scope: ['docs/**']}, \
        {role: ralph, prompt: main.md}]}\n";
    let turn = "if [ -e ../again ]; then exit 0; fi; touch ../again\n\
        echo x > code.rs; git add code.rs; git commit -q -m Code; touch ../begun; sleep 60";
    let ground = Ground::new(scoped, turn, "true");
    let galph = ground.start("galph", "galph", &[]);
    wait_until("the turn", || ground.path("begun").exists());
    // Not SIGINT: a test that runs in the background inherits that as ignored.
    galph.signal(Signal::TERM);
    galph.end().expect(143);
    assert!(!ground.subjects().contains(&"Code".to_owned()), "not by the interrupt");
    // The next start puts it aside and says failed; then the turn can be taken again.
    ground.turn("galph", &["--once"]).expect(3);
    let refs = ground.git("bare", &["for-each-ref", "--format=%(refname)", "refs/heads/orchestrator/rescue"]);
    assert_eq!(ground.git("bare", &["log", "-1", "--format=%s", refs.trim()]), "Code");
    ground.turn("galph", &["--once"]).expect(0);
    assert!(!ground.subjects().contains(&"Code".to_owned()));
    assert_eq!(ground.brief(), "1 ralph waiting-ralph");
}

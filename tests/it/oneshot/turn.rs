//! A session as a turn of the loop (O11).

use super::table::Table;

fn table() -> Table {
    let t = Table::new();
    let choose = "s=$ORCHESTRATOR_SEAT-$ORCHESTRATOR_WORKER_RUN.fake; test -e $s || s=$ORCHESTRATOR_SEAT.fake; \
                  exec \\\"$FAKE\\\" --script $s";
    t.project.config(&format!(
        "agents:\n  w: {{command: [sh, -c, \"{choose}\"]}}\n  a: {{command: [sh, -c, \"{choose}\"]}}\n\
         oneshot: {{auditor_agent: a, max_iterations: 2}}\n\
         workflow:\n  steps:\n    - {{role: galph, prompt: supervisor.md}}\n    \
         - {{role: ralph, prompt: main.md, engine: oneshot}}\n"
    ));
    t.worker("sh 'cat > got-worker'; env ORCHESTRATOR_ROLE; print worked");
    t
}

const LOOP: &[&str] = &["--once", "--no-git", "--agent-role", "ralph=w"];

/// The work is audited before it is handed off; role and iteration are the turn's.
#[test]
fn the_work_is_audited_before_it_is_handed_off() {
    let t = table();
    t.script("auditor-1", "read; print 'RETRY: not yet'");
    t.script("worker-2", "sh 'cat > got-again'; env ORCHESTRATOR_ROLE; env ORCHESTRATOR_ITERATION");
    let ran = t.project.run(LOOP).expect(0);
    assert_eq!(t.project.brief(), "2 galph complete");
    assert!(t.project.read("got-worker").contains("echo main >> sequence"), "the prompt is the task");
    assert!(t.project.read("got-again").contains("RETRY: not yet"));
    assert_eq!(t.file("worker-2.result.md"), "ralph\n1");
    assert!(ran.out.contains("audit 1: RETRY: RETRY: not yet"), "{}", ran.out);
    assert_eq!(t.way(), "start success next retry next success next done");
    let logs = std::fs::read_dir(t.project.path("logs/local/ralph")).unwrap().flatten();
    let log = logs.map(|e| e.path()).find(|p| p.to_string_lossy().contains("iter-")).unwrap();
    let text = std::fs::read_to_string(log).unwrap();
    assert!(text.contains("# oneshot session: ") && text.contains("worked\n"), "{text}");
    t.nobody_is_left();
}

/// What was not found done is not handed off.
#[test]
fn work_that_is_not_done_fails_the_turn() {
    for (word, cause) in [
        ("RETRY: nothing is tested", "not done after all worker runs"),
        ("IMPOSSIBLE", "found the task impossible"),
    ] {
        let t = table();
        t.auditor(&format!("read; print '{word}'"));
        let ran = t.project.run(LOOP).expect(3);
        assert!(ran.err.contains(cause), "{}", ran.err);
        assert_eq!(t.project.brief(), "1 ralph failed");
        // The same turn again, and this time it is done.
        t.auditor("read; print DONE");
        t.project.run(LOOP).expect(0);
        assert_eq!(t.project.brief(), "2 galph complete");
        assert_eq!(t.sessions().len(), 2);
    }
}

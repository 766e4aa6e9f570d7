//! `stop` and `resume`, from outside and from inside a turn (turns.md T6).

use super::project::{Project, wait_until};

#[test]
fn stop_and_resume_without_a_loop() {
    let p = Project::git();
    p.run(&["stop", "--reason", "enough"]).expect(0);
    let ran = p.run(&["--once"]).expect(0);
    assert!(ran.out.contains("enough\nhint: orchestrator resume"), "{}", ran.out);
    assert!(p.sequence().is_empty());
    assert_eq!(p.run_git(&["log", "-1", "--format=%s"]), "[SYNC i=1] actor=galph exit=true");
    assert!(p.run(&["status"]).expect(0).out.contains("stop:   enough"));
    p.run(&["resume", "--note", "go on"]).expect(0);
    assert_eq!(p.run_git(&["log", "-1", "--format=%s"]), "[SYNC i=1] actor=galph resume");
    assert_eq!(p.state().get("exit"), None);
    p.run(&["--once"]).expect(0);
    assert_eq!(p.sequence(), ["supervisor", "main"]);
}

/// A request during a turn is stamped with it; the second start is refused meanwhile.
#[test]
fn a_live_loop_stops_before_its_next_turn() {
    let p = Project::new();
    p.prompt("supervisor", "echo supervisor >> sequence; until test -e go; do sleep 0.01; done");
    let child = p.start(&["--no-git"]);
    wait_until("the first turn", || !p.sequence().is_empty());
    let busy = p.run(&["--once", "--no-git"]).expect(4);
    assert!(busy.err.contains(&format!("pid {}", child.id())), "{}", busy.err);
    assert!(p.run(&["status"]).expect(0).out.contains("loop:   live, pid"));
    p.run(&["stop", "--reason", "lunch"]).expect(0);
    p.write("go", "");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(p.sequence(), ["supervisor"]);
    assert_eq!((p.state()["exit"].clone(), p.state()["exit_reason"].clone()), (true.into(), "lunch".into()));
    assert_eq!(p.brief(), "1 ralph waiting-ralph");
}

/// T6b: an agent's stop counts from the first role only, and only if the exit checks pass.
#[test]
fn an_agents_stop_counts_only_from_the_first_role() {
    let program = env!("CARGO_BIN_EXE_orchestrator");
    let p = Project::git();
    p.prompt("main", &format!("echo main >> sequence; {program} stop --reason no"));
    p.run_git(&["commit", "-q", "-am", "prompts"]);
    let ran = p.run(&["--once"]).expect(0);
    assert!(ran.err.contains("ralph asked to stop, but only galph may"), "{}", ran.err);
    assert_eq!(p.state().get("exit"), None);
    let told = p.run(&["prompts", "show", "galph"]).expect(0);
    assert!(told.out.contains("note: ralph asked to stop, but only galph may"), "{}", told.out);

    p.config("exit: {checks: [[test, -e, finished]]}\n");
    p.prompt("supervisor", &format!("{program} stop --reason 'all done'"));
    p.run_git(&["commit", "-q", "-am", "stop"]);
    let ran = p.run(&["--once"]).expect(0);
    assert!(ran.err.contains("an exit check failed: test -e finished"), "{}", ran.err);
    p.write("finished", "");
    let ran = p.run(&["--sync-loops", "5"]).expect(0);
    assert!(ran.out.contains("stop requested by galph: all done"), "{}", ran.out);
    assert_eq!(p.state()["exit_reason"], "all done");
    assert_eq!(p.brief(), "3 ralph waiting-ralph");
}

/// G11: of what an agent writes into the state file only `exit` is taken, as T6b says.
#[test]
fn exit_written_into_the_state_file_counts_for_galph() {
    let p = Project::git();
    p.prompt("supervisor", "sed -i 's/\"iteration\": 1/\"iteration\": 50, \"exit\": true, \"exit_reason\": \"by hand\"/' sync/state.json; git commit -q -am 'stop'");
    p.run_git(&["commit", "-q", "-am", "prompts"]);
    p.run(&["--once"]).expect(0);
    assert_eq!(p.brief(), "1 ralph waiting-ralph");
    assert_eq!(p.state()["exit_reason"], "by hand");
    assert!(!p.subjects().contains(&"stop".to_owned()), "a commit that held nothing else is dropped");
}

/// T41: an agent that changes the configuration of the loop it runs in is told of, once, and not obeyed.
#[test]
fn a_configuration_changed_during_a_run_waits_for_the_next() {
    let p = Project::new();
    let old = p.read("orchestration.yaml");
    let new = format!("{old}\nmain_prompt: other.md\n");
    p.write("new.yaml", &new);
    p.prompt("supervisor", "echo supervisor >> sequence; cp new.yaml orchestration.yaml");
    p.prompt("other", "echo other >> sequence");
    let ran = p.run(&["--sync-loops", "2", "--no-git"]).expect(0);
    assert_eq!(p.sequence(), ["supervisor", "main", "supervisor", "main"]);
    let told = "orchestration.yaml has changed: this run keeps the settings it started with";
    assert_eq!(ran.err.matches(told).count(), 1, "{}", ran.err);
    p.run(&["--once", "--no-git"]).expect(0);
    assert_eq!(p.sequence()[4..], ["supervisor", "other"]);
}

//! Agents that do not end as they should.

use super::table::Table;

/// O3: the exit status is always read, also of a worker that says it is done; nothing left is the end.
#[test]
fn a_worker_that_fails_and_leaves_nothing() {
    let t = Table::new();
    t.worker("read; exit 7");
    let ran = t.run(&["it"]).expect(3);
    assert_eq!(t.way(), "start crash zombie-dead");
    assert!(ran.err.contains("error: the worker ended early and left nothing"), "{}", ran.err);
    assert!(ran.err.contains("cause: ended with exit status 7"), "{}", ran.err);
    assert_eq!(t.json(&["view"], 0)["reason"], "worker_dead");
    // Once the cause is mended, the session goes on.
    assert!(ran.err.contains("hint: orchestrator oneshot resume"), "{}", ran.err);
    t.worker("read; print worked");
    assert_eq!(t.run(&["resume"]).expect(0).out, "worked\n");
}

/// O8: output without an end is a part of the work; the next worker is told of it.
#[test]
fn a_worker_that_fails_half_way() {
    let t = Table::new();
    t.script("worker-1", "read; print 'I am done'; write half.txt half; exit 7");
    t.worker("read; print 'the rest'");
    let ran = t.run(&["it"]).expect(0);
    assert_eq!(ran.out, "the rest\n");
    assert_eq!(t.way(), "start crash zombie-partial next success next done");
    let prompt = t.file("worker-2.prompt.md");
    assert!(prompt.contains("ended early (ended with exit status 7"), "{prompt}");
    assert!(prompt.contains("changed files: half.txt"), "{prompt}");
    assert!(prompt.contains("I am done"), "{prompt}");
}

/// O2: a partial salvage counts like a retry.
#[test]
fn parts_use_up_the_budget() {
    let t = Table::new();
    t.worker("read; print part; exit 1");
    t.run(&["it", "--max-iterations", "2"]).expect(6);
    assert_eq!(t.way(), "start crash zombie-partial next crash zombie-partial max-iterations");
}

/// O8 c: a commit and no word is a part of the work.
#[test]
fn a_worker_that_commits_and_crashes() {
    let t = Table::git();
    t.script("worker-1", "read; write a.txt a; commit 'half of it'; signal 9");
    let ran = t.run(&["it"]).expect(0);
    assert_eq!(t.way(), "start crash zombie-partial next success next done");
    assert!(t.file("worker-2.prompt.md").contains("half of it"), "{}", ran.err);
    assert!(!t.file("worker-2.prompt.md").contains("changed files"));
}

/// What was dirty before the worker began is not its work.
#[test]
fn old_dirt_is_no_salvage() {
    let t = Table::git();
    t.project.write("mine.txt", "a person's");
    t.worker("read; signal 9");
    t.run(&["it"]).expect(3);
    assert_eq!(t.way(), "start crash zombie-dead");
    // The same file touched by the worker is.
    t.worker("read; append mine.txt more; signal 9");
    t.run(&["it", "--max-iterations", "1"]).expect(6);
    assert_eq!(t.way(), "start crash zombie-partial max-iterations");
}

/// A silent worker is ended with everybody it started.
#[test]
fn a_silent_worker_is_ended() {
    let t = Table::new();
    t.worker(
        "read; fork { pid pids; forever }; fork { setsid; pid pids; quiet; forever }; pid pids; forever",
    );
    t.run(&["it", "--inactivity", "400ms", "--max-iterations", "1"]).expect(6);
    assert_eq!(t.way(), "start inactivity zombie-partial max-iterations");
    assert_eq!(t.project.read("pids").lines().count(), 3);
    t.nobody_is_left();
}

/// The time of one run is bounded too.
#[test]
fn a_slow_worker_is_ended() {
    let t = Table::new();
    t.worker("read; print part; forever");
    t.run(&["it", "--timeout", "400ms", "--max-iterations", "1"]).expect(6);
    assert_eq!(t.way(), "start crash zombie-partial max-iterations");
}

/// O1: a crashed auditor is run once more, and its word is not believed.
#[test]
fn an_auditor_that_crashes() {
    let t = Table::new();
    t.auditor("read; append runs x; print DONE; exit 1");
    let ran = t.run(&["it"]).expect(3);
    assert_eq!(t.way(), "start success next crash");
    assert_eq!(t.project.read("runs").lines().count(), 2);
    assert!(ran.err.contains("error: the auditor ended early"), "{}", ran.err);
    // Once is enough when it may not be repeated.
    let t = Table::with("audit_retries: 0");
    t.auditor("read; append runs x; exit 1");
    t.run(&["it"]).expect(3);
    assert_eq!(t.project.read("runs").lines().count(), 1);
}

#[test]
fn an_auditor_that_recovers() {
    let t = Table::new();
    t.auditor("read; sh 'test -e seen || { touch seen; exit 1; }'; print DONE");
    t.run(&["it"]).expect(0);
    assert_eq!(t.way(), "start success next done");
}

#[test]
fn an_auditor_that_falls_silent() {
    let t = Table::with("audit_retries: 0");
    t.auditor("read; print DONE; forever");
    t.run(&["it", "--inactivity", "400ms"]).expect(3);
    assert_eq!(t.way(), "start success next inactivity");
    assert_eq!(t.json(&["view"], 0)["reason"], "auditor_silent");
    t.nobody_is_left();
}

/// A program that is not there is said before anything is begun.
#[test]
fn a_missing_program_begins_nothing() {
    let t = Table::new();
    t.project.config("agents: {gone: {command: [no-such-program-here]}}\noneshot: {worker_agent: gone}\n");
    let ran = t.run(&["it"]).expect(2);
    assert!(ran.err.contains("`no-such-program-here` is not on PATH"), "{}", ran.err);
    assert!(ran.err.contains("hint: "), "{}", ran.err);
    assert!(t.sessions().is_empty());
}

/// A program that goes away under way is a crash with nothing left.
#[test]
fn a_program_that_goes_away() {
    let t = Table::new();
    let tool = t.project.path("tool");
    std::fs::write(&tool, "#!/bin/sh\ncat > /dev/null\nrm -f tool\necho first\n").unwrap();
    std::fs::set_permissions(&tool, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    t.project.write("audit.sh", "cat > /dev/null; echo RETRY");
    t.project.config(
        "agents: {w: {command: [./tool]}, a: {command: [sh, audit.sh]}}\n\
         oneshot: {worker_agent: w, auditor_agent: a}\n",
    );
    t.run(&["it"]).expect(3);
    assert_eq!(t.way(), "start success next retry next crash zombie-dead");
}

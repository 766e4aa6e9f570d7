//! Ctrl-C and SIGTERM in every hot state, and going on afterwards.

use std::os::unix::process::CommandExt;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::table::Table;
use crate::cli::project::wait_until;

/// Starts, waits until an agent has written `seen`, signals, and gives the exit code.
fn interrupted(t: &Table, signal: Signal, to_group: bool) -> i32 {
    let mut command = t.project.command(&["oneshot", "it", "--check", "sh check.sh"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).spawn().unwrap();
    wait_until("the agent", || t.project.path("seen").exists());
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    if to_group {
        kill_process_group(pid, signal).unwrap();
    } else {
        kill_process(pid, signal).unwrap();
    }
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(err.contains("hint: orchestrator oneshot resume "), "{err}");
    t.nobody_is_left();
    std::fs::remove_file(t.project.path("seen")).unwrap();
    output.status.code().unwrap()
}

const HANG: &str = "fork { forever }; write seen x; forever";

fn table() -> Table {
    let t = Table::new();
    t.project.write("check.sh", "true");
    t
}

/// O9: interrupted at work, what is there is recovered.
#[test]
fn in_a_worker() {
    for (signal, to_group, code) in [
        (Signal::INT, false, 130),
        (Signal::INT, true, 130),
        (Signal::TERM, false, 143),
        (Signal::HUP, true, 143),
    ] {
        let t = table();
        t.script("worker-1", &format!("read; print 'half of it'; {HANG}"));
        assert_eq!(interrupted(&t, signal, to_group), code);
        assert_eq!(t.session()["state"]["from"], "worker-executing");
        t.run(&["resume"]).expect(0);
        assert_eq!(t.way(), "start interrupt resume zombie-partial next success next done");
        assert!(t.file("worker-2.prompt.md").contains("half of it"));
    }
}

/// Interrupted before it did anything, the worker begins again; that counts as a run.
#[test]
fn in_a_worker_that_did_nothing() {
    let t = table();
    t.script(
        "worker-1",
        "read; write .orchestrator/x y; sh 'mv .orchestrator/x seen; touch -d @1 seen'; forever",
    );
    assert_eq!(interrupted(&t, Signal::INT, false), 130);
    t.run(&["resume", "--max-iterations", "1"]).expect(6);
    assert_eq!(t.way(), "start interrupt resume zombie-dead raise max-iterations");
    t.worker("read; print worked");
    t.run(&["resume", "--max-iterations", "2"]).expect(0);
    assert!(t.way().ends_with("max-iterations raise next success next done"), "{}", t.way());
}

/// O9: an interrupted audit is done again.
#[test]
fn in_an_auditor() {
    for to_group in [false, true] {
        let t = table();
        t.auditor(&format!("read; print DONE; {HANG}"));
        assert_eq!(interrupted(&t, Signal::INT, to_group), 130);
        assert_eq!(t.session()["state"]["from"], "auditor-executing");
        t.auditor("read; print DONE");
        let ran = t.run(&["resume"]).expect(0);
        assert_eq!(ran.out, "worked\n");
        assert_eq!(t.way(), "start success next interrupt resume next done");
    }
}

/// A check that was cut short proves nothing.
#[test]
fn in_a_check() {
    let t = table();
    t.project.write("check.sh", "touch seen; sleep 300 & wait");
    assert_eq!(interrupted(&t, Signal::INT, false), 130);
    assert_eq!(t.session()["state"]["from"], "auditor-executing");
    t.project.write("check.sh", "test -e proof");
    t.run(&["resume", "--max-iterations", "1"]).expect(6);
    assert_eq!(t.way(), "start success next interrupt resume next retry max-iterations");
}
